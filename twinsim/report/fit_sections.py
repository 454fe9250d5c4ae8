"""Sections of the report of a population fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from twinsim.report import fit_plots, predictive_plots
from twinsim.report.html import Picture, Section, Table, number

if TYPE_CHECKING:
    from twinsim.calibrate.fit_job import FitJob
    from twinsim.calibrate.recovery_job import RecoveryJob
    from twinsim.calibrate.vpc import Vpc

METHODS = {
    "fo": "first-order approximation (FO)",
    "foce": "first-order conditional estimation (FOCE)",
    "focei": "first-order conditional estimation with interaction (FOCEI)",
    "laplace": "Laplace's approximation",
    "agq": "adaptive Gauss-Hermite quadrature",
    "imp": "importance sampling",
    "saem": "stochastic approximation of expectation-maximisation (SAEM)",
}

ERRORS = {
    None: "none",
    "sandwich": "second derivatives and patients' gradients (sandwich)",
    "r": "second derivatives (R)",
    "s": "patients' gradients (S)",
}


def fit_sections(job: FitJob, check: Vpc) -> list[Section]:
    """Estimates, how the fit went, and how well it describes what was observed.

    Args:
        job: of a fit that was computed.
        check: a visual predictive check of the fitted model.
    """
    resampled = [bootstrapped(job)] if job.resamples else []
    return [estimates(job), *resampled, *_described(job), simulated(job, check)]


def estimates(job: FitJob) -> Section:
    """Numbers and covariances with their standard errors."""
    fit, rows = job.fit, []
    for label, value in fit.values.items():
        error = fit.standard_errors[label]
        relative = f"{100.0 * error / abs(value):.3g} %" if value else "-"
        item = job.model.numbers.get(label)
        meaning, unit = (item.meaning, item.unit) if item else (_effect_words(label), "1")
        low, high = value - 1.96 * error, value + 1.96 * error
        interval = f"{number(low)} to {number(high)}" if np.isfinite(error) else "-"
        cells = [number(value, 4), number(error), relative if np.isfinite(error) else "-", interval, unit, meaning]
        rows.append([label, *cells])
    columns = ["name", "estimate", "standard error", "relative", "95 % interval", "unit", "meaning"]
    ended = "converged" if fit.converged else "did NOT converge"
    total = fit.objective + fit.constant
    note = (
        f"The fit {ended}: {fit.reason}. Objective {fit.objective:.3f} (without n ln 2 pi; {total:.3f} with it), "
        f"condition number {number(fit.condition)}, {fit.evaluations} evaluations. "
        f"Standard errors: {ERRORS[fit.errors_by]}."
    )
    censored = int((job.records.observations & (job.records.cens != 0)).sum())
    seen = f"{int(job.records.observations.sum()):,} observations" + (f" ({censored:,} censored)" if censored else "")
    text = f"{job.size:,} patients, {seen}, {METHODS[fit.method]}."
    pictures = [
        Picture(
            fit_plots.convergence(fit.trace, fit.path, tuple(fit.values)),
            "The objective and the numbers after each step"
            + ("; the objective is that of simulated effects." if fit.method == "saem" else "."),
        )
    ]
    folded = {"What was read and assumed": "\n".join(job.records.notes)} if job.records.notes else None
    return Section("Estimates", text, pictures, Table(columns, rows, frozenset({1, 2, 3, 4})), note, folded=folded)


def bootstrapped(job: FitJob) -> Section:
    """Intervals by resampled patients."""
    found, rows = job.resampled, []
    if found.few:
        return Section("Bootstrap", f"{found.few}. Intervals need two or more.")
    for label, one in found.intervals().to_dict("index").items():
        interval = f"{number(one['LOW'])} to {number(one['HIGH'])}"
        rows.append([str(label), number(one["ESTIMATE"], 4), number(one["SE"]), interval])
    columns = ["name", "estimate", "standard error", "95 % interval"]
    drawn = f", drawn within {job.strata}" if job.strata else ""
    text = (
        f"{len(found.converged):,} fits of as many patients as there are, drawn with replacement{drawn}; "
        f"{int(found.converged.sum()):,} converged and count."
    )
    return Section("Bootstrap", text, table=Table(columns, rows, frozenset({1, 2, 3})))


def recovered(job: RecoveryJob) -> Section:
    """How well simulated studies find the truth back."""
    found, rows = job.refits, []
    if found.few:
        return Section("Found back", f"{found.few}. Bias and coverage need two or more.")
    for label, one in found.recovered().to_dict("index").items():
        shares = [f"{100.0 * one[name]:.1f} %" for name in ("BIAS", "RMSE", "COVERAGE")]
        rows.append([str(label), *(number(one[name], 4) for name in ("TRUTH", "MEAN", "SD", "SE")), *shares])
    columns = ["name", "truth", "mean estimate", "SD of estimates", "mean standard error", "bias", "RMSE", "coverage"]
    count = f"{int(found.converged.sum()):,} of {len(found.converged):,}"
    text = (
        f"{count} fits converged and count. Coverage is the share of "
        "95 % intervals (estimate -+ 1.96 standard errors) that hold the truth."
    )
    figure = fit_plots.recovery(found.truth, found.sound, found.labels)
    caption = "Estimates of all studies: median, half of them in the box, 95 % between the whiskers."
    return Section("Found back", text, [Picture(figure, caption)], Table(columns, rows, frozenset(range(1, 8))))


def _effect_words(label: str) -> str:
    word, _, names = label.partition("(")
    first, second = names.rstrip(")").split(",")
    between = "between patients" if word == "omega" else "between occasions"
    return f"variance of {first} {between}" if first == second else f"covariance of {first} and {second} {between}"


def _described(job: FitJob) -> list[Section]:
    """How the fitted model describes the observations of each output, and what its effects look like."""
    from twinsim.calibrate.curves import curves

    fit, found, pictures = job.fit, [], []
    drawn = curves(fit.model, job.records, fit.etas, fit.occasion_etas, **job.how)
    for label in job.records.dvids:
        mine: Any = job.table[(job.table["DVID"] == label) | (job.table["EVID"] != 0)]
        name, unit = _output(job, label)
        pictures.append(
            Picture(
                fit_plots.goodness_of_fit(mine, label=name, unit=unit),
                f"{name.capitalize()}: observations against predictions, and conditional weighted residuals (CWRES), "
                "which scatter about 0 with a standard deviation of 1 where the model is right. Lines are medians.",
            )
        )
        own: Any = drawn[drawn["DVID"] == label] if len(job.records.dvids) > 1 else drawn
        pictures.append(
            Picture(
                fit_plots.individual_fits(mine, label=name, unit=unit, curves=own),
                "Observations of the first patients, their own curves, and those of a typical patient with their "
                "doses and covariates.",
            )
        )
    found.append(Section("Observed and predicted", pictures=pictures))
    if fit.model.eta_names:
        figure = fit_plots.effects(fit.model, fit.etas, job.shrinkage)
        caption = "Most likely random effects of the patients, beside the distribution that was estimated."
        wanted = ["LEVEL", "NAME", "SD", "MODEL_SD", "SHRINKAGE_SD"]
        rows = [
            [str(level), str(name), number(own), number(said), f"{100.0 * shrunk:.1f} %"]
            for level, name, own, said, shrunk in job.shrinkage[wanted].to_numpy().tolist()
        ]
        columns = ["level", "name", "SD of the patients", "SD of the model", "shrinkage"]
        table = Table(columns, rows, frozenset({2, 3, 4}))
        found.append(Section("Random effects and shrinkage", pictures=[Picture(figure, caption)], table=table))
    return found


def simulated(job: FitJob, check: Vpc) -> Section:
    """Observations of each output beside studies that the fitted model simulates."""
    pictures = []
    for label in job.records.dvids:
        name, unit = _output(job, label)
        mine, found = check.of(label), job.discrepancies.of(label)
        pictures.append(
            Picture(
                predictive_plots.visual_predictive_check(mine, label=name, unit=unit),
                f"{name.capitalize()}: visual predictive check with {check.replicates} simulated studies. Observed "
                "percentiles should run inside the bands.",
            )
        )
        pictures.append(
            Picture(
                predictive_plots.discrepancies(found, unit=unit),
                f"{name.capitalize()}: normalised prediction distribution errors of {found.replicates} simulated "
                "studies, standard normal where the model is right.",
            )
        )
    return Section("Observed and simulated", pictures=pictures)


def _output(job: FitJob, label: str) -> tuple[str, str]:
    """Name and unit of what a DVID stands for."""
    structure = job.model.structure
    name = (job.options.get("outputs") or {}).get(label, label)
    port = structure.output(name) if name in structure.output_names else structure.gives[0]
    given = job.records.units.get("DV", port.unit)
    return port.meaning, str(given if isinstance(given, str) else given.get(label, port.unit))
