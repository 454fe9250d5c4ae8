"""From real data to virtual patients: calibrate to the 12-subject theophylline study, simulate adults, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.steps import end_of, job_of, model_of, records_of, regimen_of, run_job, times_of, unit_of
from twinsim.config import RunConfig

if TYPE_CHECKING:
    from twinsim.report import Section

STUDY = (
    "Serum concentrations of theophylline in 12 subjects after one oral dose: study by R. Upton, published in "
    "Boeckmann, Sheiner and Beal 1994, NONMEM Users Guide, Part V."
)
# Points of the curve drawn for each patient.
CURVE = 121


def run(config: RunConfig) -> Finished:
    """Calibrate, simulate, report."""
    records = records_of(config, "theophylline")
    model = model_of(config)
    fit, calibrated = calibrate(model, records)
    keys = regimen_of(config, calibrated)
    times = times_of(config, end_of(keys))
    job = job_of(config, calibrated, twinsim.regimen(**keys), times)
    lead = (
        f"A model of theophylline, calibrated to {records.n_patients} subjects, and what it says about "
        f"{job.size:,} virtual adults on {in_words(keys, unit_of(calibrated, keys))}."
    )
    return run_job(config, job, calibrated, lead, lambda: [observed_section(fit, records), fit_section(model, fit)])


def calibrate(model: Any, records: Any) -> tuple[Any, Any]:
    """The naive pooled fit, all subjects as one, and the model with its numbers and its own spread between patients."""
    fit = twinsim.fit(model.without_random_effects(), records, "fo", standard_errors=None)
    return fit, model.with_thetas(fit.estimates)


def observed_section(fit: Any, records: Any) -> Section:
    """Observed against predicted: a small picture for each subject, and all observations together."""
    from twinsim.report import Picture, Section, plots

    table = twinsim.predict(fit.model, records)
    observed = pd.DataFrame(table[(table["EVID"] == 0) & np.isfinite(table["DV"])])
    curves = twinsim.predict(fit.model, dense(records))
    curves = pd.DataFrame(curves[curves["EVID"] != 1])
    label, unit = "theophylline in serum", records.units["DV"]
    return Section(
        "Observed and predicted",
        STUDY + " The curve is the model's prediction for the subject's dose, with typical parameters that "
        "are the same for everyone: what it misses is what makes people different.",
        [
            Picture(
                plots.profiles(observed, curves, label=label, unit=unit),
                "Observed concentrations and the pooled prediction, subject by subject.",
            ),
            Picture(
                plots.observed_against_predicted(observed, label="concentration", unit=unit),
                "Each observation against its prediction.",
            ),
        ],
    )


def dense(records: Any) -> Any:
    """The same patients and doses, asked for at many times, for smooth curves."""
    doses = np.flatnonzero(records.evid == 1)
    grid = np.linspace(0.0, float(records.time.max()), CURVE)
    rows = []
    for at in doses:
        one = {"ID": int(records.ids[records.patient[at]])}
        one |= {name: float(values[at]) for name, values in records.covariates.items()}
        rows.append({**one, "TIME": float(records.time[at]), "AMT": float(records.amt[at]), "EVID": 1})
        rows += [{**one, "TIME": float(t), "AMT": 0.0, "EVID": 2} for t in grid]
    units = {"AMT": records.units["AMT"], **{n: records.units[n] for n in records.covariates if n in records.units}}
    return twinsim.read_records(pd.DataFrame(rows), units=units)


def fit_section(model: Any, fit: Any) -> Section:
    """What the calibration changed, and how it ended."""
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    rows = []
    for name, value in fit.estimates.items():
        item = model.numbers[name]
        rows.append([name, item.meaning, number(item.value, 4), number(value, 4), item.unit])
    ended = "converged" if fit.converged else "did NOT converge"
    return Section(
        "Calibration",
        "Naive pooled: typical values and residual error are fitted to all observations as if they came from one "
        "subject. The spread between subjects is not estimated here; it stays as in the library.",
        table=Table(["parameter", "meaning", "library", "fitted", "unit"], rows, frozenset({2, 3})),
        note=f"The fit {ended}: {fit.reason}. Objective {fit.objective:.3f}.",
    )
