"""Steps that several recipes share: regimen and times from the configuration, the run itself, its report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments import Finished
from twinsim import units
from twinsim.cohort_job import cohort_job
from twinsim.config import RunConfig
from twinsim.errors import DataError, UnitError, UsageError, nearest
from twinsim.events import Events
from twinsim.population.covariates import COVARIATES
from twinsim.population.source import find_source, with_anatomy
from twinsim.run.local import execute
from twinsim.run.plan import Plan, stored_identity
from twinsim.run.progress import AtFirst, reporter_for
from twinsim.scenario import Scenario
from twinsim.store import config_hash

if TYPE_CHECKING:
    from twinsim.report import Section


def model_of(config: RunConfig) -> Any:
    """The population model that the configuration names.

    Raises:
        UsageError: it names none.
    """
    if config.model is None:
        raise UsageError("no model was chosen", where="model", do="add model=theophylline, or the path of a model file")
    model = twinsim.population_model(config.model)
    return model.with_thetas(config.typical) if config.typical else model


# Tables that come with the project, and the units of their columns.
SHIPPED = {"theophylline": {"AMT": "mg/kg", "DV": "mg/L", "WT": "kg"}}


def records_of(config: RunConfig, default: str | None = None) -> twinsim.Records:
    """The table of records that the configuration names: a path, or one that comes with the project.

    Args:
        default: where it names none.

    Raises:
        UsageError: it names none, and there is no default.
    """
    name = config.data or default
    if name is None:
        do = f"add data=my_patients.csv columns.AMT=mg, or data={next(iter(SHIPPED))}"
        do = f"add data=PATH: {config.needs}" if config.needs else do
        raise UsageError("there are no records", where="data", do=do)
    ways = dict(config.interpolation) or None
    if name in SHIPPED and not Path(name).exists():
        shipped = Path(str(resources.files("experiments.data").joinpath(f"{name}.csv")))
        return twinsim.read_records(shipped, units={**SHIPPED[name], **units_of(config)}, interpolation=ways)
    if not Path(name).exists() and not Path(name).suffix:
        do = f"{nearest(name, SHIPPED)}, or give the path of a table"
        raise UsageError(f"there is no table {name!r}", where="data", do=do)
    return twinsim.read_records(Path(name), units=units_of(config), interpolation=ways)


def units_of(config: RunConfig) -> dict[str, Any]:
    """Units of the columns of a table of records, as `twinsim.read_records` takes them.

    columns.DV.cp=mg/L is the unit of the observations whose DVID is cp.
    """
    units: dict[str, Any] = {name: unit for name, unit in config.columns.items() if not name.startswith("DV.")}
    by_dvid = {name.removeprefix("DV."): unit for name, unit in config.columns.items() if name.startswith("DV.")}
    if by_dvid and "DV" in units:
        raise UsageError("DV has one unit, or one for each DVID, not both", where="columns.DV", do="leave out one")
    return {**units, "DV": by_dvid} if by_dvid else units


def regimen_of(config: RunConfig, model: Any) -> dict[str, Any]:
    """Arguments of `twinsim.regimen`: the example in the model's file, and over it what the configuration says.

    Raises:
        UsageError: neither says how much is given.
    """
    given = config.regimen.given()
    example = dict(model.regimen)
    if {"duration", "rate"} & set(given):
        example = {key: value for key, value in example.items() if key not in ("duration", "rate")}
    if "amount" in given and "per" not in given:
        # A plain amount stays plain where the example is one per kg.
        example.pop("per", None)
    keys = {**example, **given}
    if "amount" not in keys:
        raise UsageError("there is no dose", where=f"model {model.name}", do="add regimen.amount=100 regimen.unit=mg")
    unit = keys.pop("unit", None)
    if unit is not None:
        own = unit_of(model, keys)
        try:
            scale = units.factor(unit, own)
        except UnitError as error:
            raise UsageError(error.what, where="regimen.unit", why=error.why, do=f"write regimen.unit={own}") from None
        for name in ("amount", "rate"):
            if name in keys:
                keys[name] = keys[name] * scale
    return keys


def unit_of(model: Any, keys: dict[str, Any]) -> str:
    """Unit of the amounts of a regimen: that of the state its route leads to."""
    route = model.structure.route(keys.get("route", "oral"))
    return next(state.unit for state in model.structure.states if state.name == route.to)


def end_of(keys: dict[str, Any]) -> float:
    """The end of the last dosing interval [h]; a day after a single dose."""
    interval = keys.get("interval") or 24.0
    return float(keys.get("start") or 0.0) + float(interval) * int(keys.get("count") or 1)


def times_of(config: RunConfig, end: float) -> np.ndarray:
    """Sampling times [h] (time).

    Args:
        end: where the configuration does not say one.
    """
    times = config.times
    if times.at is not None:
        return np.asarray(times.at, np.float64)
    last = times.end if times.end is not None else end
    if last <= times.start:
        raise UsageError(
            f"sampling begins at {times.start} h, after the regimen's end at {last} h", where="times.start"
        )
    return np.linspace(times.start, last, times.count)


def job_of(config: RunConfig, model: Any, events: Events | Sequence[Scenario], times: np.ndarray) -> Any:
    """The cohort that the configuration describes, as a job for the runner.

    Args:
        events: what happens to everyone, or scenarios of it.
        times: of outputs [h] (time).
    """
    check_parameters(config.parameters, model)
    check_covariates(config.covariates, model)
    job = cohort_job(
        model, events, times, size=config.population.size, source=source_of(config), outputs=config.outputs,
        endpoints=config.endpoints, observed=config.observed, seed=config.seed, solver=config.solver.name,
        precision=config.precision, parameters=dict(config.parameters), covariates=dict(config.covariates),
        occasions=config.occasions or None, save=config.save, title=config.title,
        equilibrium=config.start == "equilibrium", settle=config.settle * units.factor("h", model.structure.time),
        **config.solver.options(),
    )  # fmt: skip
    try:
        # Tracing the program of the patients finds out whether the source gives all covariates.
        _ = job.variables
    except DataError as error:
        do = f"{error.do}: the same for everyone with covariates.NAME=VALUE, or as columns of population.source=FILE"
        raise UsageError(error.what, where=error.where, why=error.why, do=do) from None
    return job


def source_of(config: RunConfig) -> Any:
    """Where the patients come from, with the conditions that everyone has.

    Raises:
        UsageError: conditions of a table's patients as they are.
    """
    who = config.population
    if config.kind in ("whole_patient", "drug_safety"):
        return twinsim.patients(who.conditions, drawn=who.prevalence, source=with_anatomy(who.source))
    if who.cirrhosis is None and who.ckd is None:
        return find_source(who.source, mode="as_is") if who.mode == "as_is" else who.source
    if who.mode == "as_is":
        do = "give the table a column cirrhosis or ckd, or leave population.mode out"
        raise UsageError("patients of a table as they are keep their conditions", where="population", do=do)
    return with_anatomy(who.source, cirrhosis=who.cirrhosis, ckd=who.ckd)


def check_parameters(given: Mapping[str, float], model: Any, place: str = "parameters") -> None:
    """Refuse values that no patient can have: they are everyone's, so that every patient would fail.

    Raises:
        ModelError: the structure has no such parameter.
        UsageError: a value outside the parameter's bounds.
    """
    for name, value in given.items():
        item = model.structure.parameter(name)
        low, high = item.bounds
        if not low <= value <= high:
            what = f"{name} = {value:g} {item.unit} lies outside {low:g} to {high:g} {item.unit}"
            raise UsageError(what, where=f"{place}.{name}", why=f"{item.meaning} of every patient", do="change it")


def check_covariates(given: Mapping[str, float], model: Any, place: str = "covariates") -> None:
    """Refuse covariates that nobody knows and values that no person has.

    Raises:
        UsageError: an unknown name, or a value outside its range or levels.
    """
    own = {item.name: item for item in model.covariates}
    for name, value in given.items():
        where = f"{place}.{name}"
        if name not in own and name not in COVARIATES:
            raise UsageError(f"there is no covariate {name!r}", where=where, do=nearest(name, [*own, *COVARIATES]))
        if name in own and own[name].levels and value not in own[name].levels.values():
            known = ", ".join(f"{code:g} for {word}" for word, code in own[name].levels.items())
            raise UsageError(f"{name} = {value:g} is none of its levels", where=where, do=f"write {known}")
        known = COVARIATES.get(name)
        if known is not None and not known.low <= value <= known.high:
            what = f"{name} = {value:g} {known.unit} lies outside {known.low:g} to {known.high:g} {known.unit}"
            raise UsageError(what, where=where, why="no person has it", do="change it")


def run_job(
    config: RunConfig,
    job: Any,
    model: Any,
    lead: str,
    extra: Callable[[], Sequence[Section]] = tuple,
    shows_results: bool = True,
) -> Finished:
    """Run a job into its folder and write the report beside the results.

    Args:
        lead: what was done, for the head of the report.
        extra: makes sections of the report that come before those of the results.
        shows_results: whether the report has those; not where patients differ in what is done to them.
    """
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    runner, reporter = config.runner, reporter_for("none" if config.quiet else config.progress)
    if config.report:
        # What draws takes half a second to load: beside the run, and not before there are patients.
        reporter = AtFirst(reporter, lambda: import_module("twinsim.report"))
    outcome = execute(
        job, folder, save=config.save, chunk=runner.chunk, shard=runner.shard, filter=runner.filter,
        resume=config.resume, dry_run=config.dry_run, reporter=reporter, texts={"config": config_text(config)},
    )  # fmt: skip
    if isinstance(outcome, Plan):
        return Finished(folder, plan=outcome)
    report = None
    if config.report and outcome.path is not None:
        from twinsim.report import parameter_section, sections_of, write_report

        sections, warning = sections_of(outcome.path)
        *results, provenance = sections
        shown = results if shows_results else ()
        chapters = [*extra(), *shown, parameter_section(model), provenance]
        report = write_report(folder / "report.html", job.title, lead, chapters, warning)
    return Finished(
        folder,
        paths=(outcome.path,) if outcome.path else (),
        report=report,
        exit_code=outcome.exit_code,
        n_patients=outcome.n_patients,
        n_failed=outcome.n_failed,
        statuses=outcome.statuses,
        flagged=outcome.flagged,
        failures=outcome.failures,
    )


def config_text(config: RunConfig) -> str:
    """What the run was told, every key with its value; keys that say how it is run, not what, are left out."""
    how = ("resume", "dry_run", "progress", "report", "debug", "quiet", "out")
    values = {name: value for name, value in asdict(config).items() if name not in how}
    return json.dumps(values, indent=1, default=list)


def folder_of(config: RunConfig, identity: Any) -> Path:
    """The run's folder: `out`, or one named after everything that determines the numbers."""
    return Path(config.out) if config.out else Path("runs") / f"{config.experiment}-{config_hash(identity)}"
