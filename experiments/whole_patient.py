"""Whole patients: organs that act on each other, in people who differ, with conditions and what is done to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments import Finished
from experiments.organ import clinical_section
from experiments.organ_events import end_of
from experiments.steps import folder_of, job_of, run_job, times_of
from twinsim import units
from twinsim.config import RunConfig
from twinsim.patient.coupled import ORGANS
from twinsim.records.action_table import read_actions
from twinsim.run.plan import stored_identity

if TYPE_CHECKING:
    from twinsim.report import Section

SHOWN = 200  # rows of actions that a report lists


def run(config: RunConfig) -> Finished:
    """Simulate a cohort of whole patients through the actions of `events`."""
    job, model, folder = prepared(config)
    lead = f"{job.size:,} whole patients of {len(model.structure.states)} states{conditions_in_words(config)}."

    def sections() -> list[Section]:
        ill = condition_section(folder) if config.population.prevalence else []
        return [action_section(config), *clinical_section(model, folder / "results.h5"), *ill]

    return run_job(config, job, model, lead, sections)


def prepared(config: RunConfig) -> tuple[Any, Any, Path]:
    """The job that the configuration describes, its model and folder."""
    organs = tuple(ORGANS) if config.organs is None else config.organs
    model = twinsim.whole_patient(organs, config.drug)
    model = model.with_thetas(config.typical) if config.typical else model
    structure, rows = model.structure, actions_of(config)
    times = times_of(config, end_of(rows, structure.time)) * units.factor("h", structure.time)
    job = job_of(config, model, twinsim.actions(rows, structure), times)
    return job, model, folder_of(config, stored_identity(job, config.save, config.runner.filter))


def actions_of(config: RunConfig) -> list[Mapping[str, str]]:
    """Rows of `events`, and those of the table `data`."""
    return [*config.events, *(read_actions(config.data) if config.data else ())]


def conditions_in_words(config: RunConfig) -> str:
    """What patients have, for the head of a report.

    >>> from twinsim.config import from_mapping
    >>> conditions_in_words(from_mapping({"kind": "whole_patient", "population": {"conditions": {"copd": 0.5}}}))
    ', with copd of severity 0.5'
    """
    who = config.population
    given = [f"{name.replace('_', ' ')} of severity {value:g}" for name, value in who.conditions.items()]
    given += ["conditions drawn by prevalence"] if who.prevalence else []
    return f", with {' and '.join(given)}" if given else ""


def action_section(config: RunConfig) -> Section:
    """What was done to them, as a table."""
    from twinsim.report import Section, Table

    keys = ("time", "kind", "value", "duration", "of", "interval", "count", "patient")
    found = actions_of(config)
    head = [key for key in keys if any(key in row for row in found)]
    rows = [[str(row.get(key, "")) for key in head] for row in found[:SHOWN]]
    before = f"Patients lived {config.settle:g} h before. " if config.settle else ""
    if not rows:
        return Section("What was done", f"{before}Nothing was done to them.")
    more = f" The first {SHOWN:,} of {len(found):,} rows." if len(found) > SHOWN else ""
    text = f"{before}To everyone, if no patient is named.{more}"
    return Section("What was done", text, table=Table(head, rows, frozenset()))


def condition_section(folder: Any) -> list[Section]:
    """How many patients have each condition, and how severely."""
    from twinsim.patient.conditions import known_conditions
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    rows = []
    with twinsim.open_results(folder / "results.h5", groups=True) as tree:
        found = tree["covariates"].to_dataset()
        for name, item in known_conditions().items():
            if name not in found:
                continue
            severity = np.asarray(found[name])
            has = severity > 0.0
            mean = number(float(severity[has].mean()), 2) if has.any() else "-"
            rows.append([item.title, f"{100.0 * has.mean():.1f} %", mean, item.at_one])
    head = ["condition", "patients", "mean severity of those", "severity 1"]
    return [Section("Conditions", "Drawn by prevalence.", table=Table(head, rows, frozenset({1, 2})))] if rows else []
