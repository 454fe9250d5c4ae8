"""An organ, or several that are coupled, in a cohort: what patients are like at rest, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments import Finished
from experiments.organ_events import end_of, events_of
from experiments.steps import folder_of, job_of, run_job, times_of
from twinsim import units
from twinsim.config import RunConfig
from twinsim.errors import TwinsimError, UsageError, nearest
from twinsim.population.cohort import Cohort
from twinsim.quantity import quantity
from twinsim.run.plan import stored_identity
from twinsim.traces import with_inputs

if TYPE_CHECKING:
    from twinsim.report import Section


def run(config: RunConfig) -> Finished:
    """Simulate a cohort of patients with this organ; the report sets clinical outputs beside their normal ranges."""
    model = with_constants(model_of(config), config.inputs)
    structure = model.structure
    times = times_of(config, end_of(config.events, structure.time)) * units.factor("h", structure.time)
    job = job_of(config, model, events_of(config, structure), times)
    lead = f"{job.size:,} virtual patients with {model.title or model.name}."
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    return run_job(config, job, model, lead, lambda: clinical_section(model, folder / "results.h5"))


def model_of(config: RunConfig) -> Any:
    """The structure or population model that the configuration names, with its spread between patients.

    Raises:
        UsageError: it names none.
    """
    name = config.model
    if name is None:
        known = ", ".join(each for each in twinsim.structures() if each.startswith("organs/"))
        raise UsageError("no organ was chosen", where="model", do=f"add model=NAME; known: {known}")
    if name in twinsim.structures():
        structure = twinsim.structure(name)
        document: dict[str, Any] = {"name": name, "title": name, "source": structure.source, "structure": name}
        document["parameters"] = _with_defaults({}, structure, structure.parameter_names)
    else:
        plain = twinsim.population_model(name)
        structure, document = plain.structure, {"name": plain.name, **plain.document}
    if config.between_patients:
        document["parameters"] = _with_defaults(document["parameters"], structure, config.between_patients)
        own = [
            {"parameter": parameter, "distribution": "lognormal", "cv": cv, "source": config.between_patients_source}
            for parameter, cv in config.between_patients.items()
        ]
        document["between_patients"] = [*document.get("between_patients", []), *own]
    model = twinsim.population_model(document)
    return model.with_thetas(config.typical) if config.typical else model


def with_constants(model: Any, inputs: Mapping[str, str]) -> Any:
    """The model whose needs have these values, texts with units; the others keep their defaults.

    Raises:
        UsageError: a need that the structure has not.
    """
    if not inputs:
        return model
    needs = {port.name: port for port in model.structure.needs}
    for name in inputs:
        if name not in needs:
            do = nearest(name, needs) if needs else "leave inputs out"
            raise UsageError(f"{model.structure.name} does not need {name!r}", where=f"inputs.{name}", do=do)
    values = {}
    for name, text in inputs.items():
        try:
            values[name] = quantity(text, needs[name].unit)
        except TwinsimError as error:
            raise UsageError(error.what, where=f"inputs.{name}", why=error.why, do=error.do) from None
    bound, _ = with_inputs(model, Cohort(np.arange(1), {}), values)
    return replace(bound, document={**bound.document, "inputs": values})


def _with_defaults(given: Mapping[str, Any], structure: Any, names: Iterable[str]) -> dict[str, Any]:
    """Entries of a model file for parameters that are to vary and have none."""
    entries = dict(given)
    for name in names:
        item = structure.parameter(name)
        if name not in entries:
            unit = "" if item.unit == "1" else f" {item.unit}"
            entries[name] = {"value": f"{item.default!r}{unit}", "source": item.source}
    return entries


def clinical_section(model: Any, path: Path) -> list[Section]:
    """Outputs that have a normal range beside it: at the beginning, and how far they go over time."""
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    rows = []
    with twinsim.open_results(path, groups=True) as tree:
        root = tree.to_dataset()
        summary = tree["summary"].to_dataset() if "summary" in tree.children else {}
        for port in model.structure.gives:
            if port.normal is None or port.name not in summary:
                continue
            low, middle, high = (np.asarray(summary[port.name].sel(quantile=q)) for q in (0.05, 0.5, 0.95))
            first = f"{number(middle[0])} ({number(low[0])} to {number(high[0])})"
            over = f"{number(np.nanmin(low))} to {number(np.nanmax(high))}"
            begin, whole = _inside(root, port, slice(0, 1)), _inside(root, port, slice(None))
            normal = f"{port.normal.low:g} to {port.normal.high:g}"
            rows.append([port.name, port.meaning, port.unit, normal, first, begin, over, whole, port.normal.source])
    if not rows:
        return []
    head = ["output", "meaning", "unit", "normal", "at the beginning", "normal then", "over time", "normal of the time"]
    text = (
        "At the beginning: median and, in brackets, 5 % and 95 % quantiles of patients. Over time: from the lowest 5 % "
        "quantile to the highest 95 % one. Normal then: patients within the range at the beginning; normal of the "
        "time: of all patients and times."
    )
    table = Table([*head, "source of the range"], rows, frozenset({4, 5, 6, 7}))
    return [Section("Clinical outputs", text, table=table)]


def _inside(root: Any, port: Any, when: slice) -> str:
    """Share of patients and times within the normal range; a dash where curves were not kept."""
    if port.name not in root:
        return "-"
    values = np.asarray(root[port.name])[..., when]
    values = values[np.isfinite(values)]
    if not values.size:
        return "-"
    return f"{100.0 * np.mean((values >= port.normal.low) & (values <= port.normal.high)):.0f} %"
