"""A drug in whole patients, and what its free concentration and their potassium do to a cell of each one's heart."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import twinsim
from experiments import Finished
from experiments.steps import run_job
from experiments.whole_patient import action_section, conditions_in_words, prepared
from twinsim.config import RunConfig
from twinsim.errors import UsageError
from twinsim.pacing import channel_drug
from twinsim.patient.heart_safety import free_concentration, heart_cells
from twinsim.store.files import disk_errors, put_in_place, temporary

if TYPE_CHECKING:
    from twinsim.report import Section

NEEDED = ("concentration", "plasma_potassium")
_UNITS = {
    "time": "min", "gfr": "mL/min", "plasma_potassium": "mmol/L", "free_concentration": "nmol/L", "apd90_without": "ms",
    "apd90": "ms", "prolongation": "ms", "qnet_without": "uC/uF", "qnet": "uC/uF",
}  # fmt: skip
HEADERS = {name: f"{name} [{unit}]" for name, unit in _UNITS.items()}


def run(config: RunConfig) -> Finished:
    """Simulate patients under the drug, then cells of their hearts at the peak; writes results.h5 and cells.csv.

    Raises:
        UsageError: a drug whose channel block nobody knows; outputs without concentration and potassium.
    """
    if config.drug is None:
        raise UsageError("no drug was chosen", where="drug", do="add drug=sotalol")
    name = twinsim.drug(config.drug).name
    channel_drug(name)
    job, model, folder = prepared(config)
    for output in NEEDED:
        if output not in (config.outputs or model.structure.output_names):
            do = f"add {output} to outputs, and fluids to organs"
            raise UsageError(f"cells need the output {output}", where="outputs", do=do)
    finish = lru_cache(maxsize=1)(lambda: cells_of(config, name, folder / "results.h5"))
    cells, lead = config.cells, f"{job.size:,} whole patients{conditions_in_words(config)} under {name}."
    lead += f" Hearts: {cells.beats} beats, one every {cells.cycle:g} ms."
    finished = run_job(config, job, model, lead, lambda: [cell_section(finish(), name), action_section(config)])
    if finished.plan is not None or not finished.paths:
        return finished
    path = folder / "cells.csv"
    with disk_errors(path):
        finish().rename(columns=HEADERS).to_csv(temporary(path), index=False)
        put_in_place(path)
    return replace(finished, paths=(*finished.paths, path))


def cells_of(config: RunConfig, drug: str, path: Path) -> pd.DataFrame:
    """A row for each of the first `cells.patients` patients, at the time of the largest concentration."""
    with twinsim.open_results(path, groups=True) as tree:
        root, own = tree.to_dataset(), tree["parameters"].to_dataset()
        well = np.flatnonzero(np.asarray(root["status"]) == 0)[: config.cells.patients]
        curves = {
            name: np.asarray(root[name].transpose("time", "patient"), np.float64)[:, well]
            for name in (*NEEDED, "gfr")
            if name in root
        }
        fu = np.asarray(own["fu"], np.float64)[well]
        ids, time = np.asarray(root["patient"])[well], np.asarray(root["time"], np.float64)
    peak = curves["concentration"].argmax(axis=0)
    at_peak = {name: curve[peak, np.arange(well.size)] for name, curve in curves.items()}
    free = free_concentration(at_peak.pop("concentration"), fu, twinsim.drug(config.drug or "").molar_mass)
    found = heart_cells(drug, free, at_peak["plasma_potassium"], beats=config.cells.beats, cycle=config.cells.cycle)
    columns: dict[str, Any] = {
        "patient": ids,
        "time": time[peak],
        **at_peak,
        "free_concentration": free,
        "apd90_without": found.without.apd90,
        "apd90": found.under.apd90,
        "prolongation": found.prolongation,
        "qnet_without": found.without.qnet,
        "qnet": found.under.qnet,
        "early_afterdepolarisation": found.under.early_afterdepolarisation,
        "repolarised": found.under.repolarised,
        "fired": found.under.fired & found.without.fired,
        "status": found.status,
    }
    return pd.DataFrame(columns)


def cell_section(cells: pd.DataFrame, drug: str) -> Section:
    """How much longer action potentials are, beside what patients have of the drug."""
    from twinsim.report import Picture, Section, Table
    from twinsim.report.cell_plots import prolongations
    from twinsim.report.html import number

    known = channel_drug(drug)
    groups = [("all", np.ones(len(cells), bool))]
    if "gfr" in cells:
        groups += [(f"GFR below {limit} mL/min", np.asarray(cells["gfr"] < limit)) for limit in (60, 30)]
    rows = [_row(name, pd.DataFrame(cells[mask]), number) for name, mask in groups if mask.any()]
    head = ["patients", "number", "free concentration [nmol/L]", "APD90 longer by [ms]", "qNet over that without",
            "early afterdepolarisation", "no repolarisation"]  # fmt: skip
    text = (
        f"At each patient's largest concentration, medians with 5 % and 95 % quantiles. {drug.capitalize()} is of "
        f"{known.risk} risk; its therapeutic free concentration is {known.cmax:g} nmol/L. A cell has the patient's "
        "free concentration and potassium, and channels like everyone's; APD90 of one cell is no QT interval."
    )
    seen = cells[cells["fired"] & cells["repolarised"]]
    figure = prolongations(seen["free_concentration"], seen["prolongation"], seen["plasma_potassium"], known.cmax)
    caption = "Each dot a patient; the line is the therapeutic free concentration."
    return Section("Cells of their hearts", text, [Picture(figure, caption)], Table(head, rows, frozenset(range(1, 7))))


def _row(name: str, cells: pd.DataFrame, number: Any) -> list[str]:
    def spread(values: Any) -> str:
        found = np.asarray(values, np.float64)
        finite = found[np.isfinite(found)]
        if not finite.size:
            return "-"
        low, middle, high = np.quantile(finite, (0.05, 0.5, 0.95))
        return f"{number(middle)} ({number(low)} to {number(high)})"

    early, late = cells["early_afterdepolarisation"].sum(), (~cells["repolarised"]).sum()
    relative = np.asarray(cells["qnet"] / cells["qnet_without"])
    return [name, f"{len(cells):,}", spread(cells["free_concentration"]), spread(cells["prolongation"]),
            spread(relative), f"{early:,}", f"{late:,}"]  # fmt: skip
