"""A drug alone and with another one that acts on its enzymes, in the same virtual people with organs of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.pbpk import conditions
from experiments.ratios import ratio_section
from experiments.steps import folder_of, job_of, regimen_of, run_job, times_of, unit_of
from twinsim.config import RegimenKeys, RunConfig
from twinsim.drugs.whole_body import called
from twinsim.errors import UsageError
from twinsim.run.plan import stored_identity

if TYPE_CHECKING:
    from twinsim.report import Section

SWEPT = "perpetrator.amount"


def run(config: RunConfig) -> Finished:
    """Simulate the same cohort twice: with the perpetrator's doses, and with none of it.

    Raises:
        UsageError: one of the drugs is missing, or they do not meet at an enzyme.
    """
    for key, name in (("drug", config.drug), ("perpetrator.drug", config.perpetrator.drug)):
        if name is None:
            do = f"add {key}={'midazolam' if key == 'drug' else 'ketoconazole'}, or the path of a drug file"
            raise UsageError("no drug was chosen", where=key, do=f"{do}; known: {', '.join(twinsim.drug_names())}")
    if config.perpetrator.amount is None:
        raise UsageError("there is no dose", where=SWEPT, do=f"add {SWEPT}=400, say")
    victim, perpetrator = twinsim.drug(str(config.drug)), twinsim.drug(str(config.perpetrator.drug))
    model = twinsim.whole_body_model([victim, perpetrator])
    model = model.with_thetas(config.typical) if config.typical else model
    of_victim = doses_of(config.regimen, config, model, victim)
    of_other = doses_of(config.perpetrator.regimen(), config, model, perpetrator)
    output = f"concentration_{called(victim)}"
    config = replace(config, outputs=config.outputs or (output,), times=after(config, float(of_victim.get("start", 0))))
    unit = unit_of(model, of_other)
    scenarios = [
        twinsim.Scenario(
            {SWEPT: amount},
            twinsim.regimen(**of_victim) + twinsim.regimen(**{**of_other, "amount": amount}),
            units={SWEPT: unit},
        )
        for amount in (0.0, of_other["amount"])
    ]
    job = job_of(config, model, scenarios, times_of(config, 0.0))
    who = f"{job.size:,} virtual people with organs, flows and enzymes of their own{conditions(config)}"
    doses = [
        in_words({**keys, "route": str(keys["route"]).partition("_")[0]}, unit_of(model, keys))
        for keys in (of_victim, of_other)
    ]
    lead = f"{model.title}: the same {who} take {doses[0]} of {victim.title}, alone and with {doses[1]} of "
    lead += f"{perpetrator.title}; {victim.title} comes {of_victim.get('start', 0):g} h after the first of these."
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))

    def sections() -> list[Section]:
        studies = studies_of(perpetrator, victim, of_victim, of_other)
        return interaction_sections(folder, output, victim, perpetrator, studies)

    return run_job(config, job, model, lead, sections)


def doses_of(given: RegimenKeys, config: RunConfig, model: Any, drug: twinsim.Drug) -> dict[str, Any]:
    """Arguments of `twinsim.regimen` for one of the drugs; its routes end in its name."""
    route = f"{given.route or 'oral'}_{called(drug)}"
    return regimen_of(replace(config, regimen=replace(given, route=route)), model)


def after(config: RunConfig, start: float) -> Any:
    """Sampling times, which are given from the victim's dose on, from the first dose of all on."""
    times = config.times
    if times.at is not None:
        return replace(times, at=tuple(start + each for each in times.at))
    end = 24.0 if times.end is None else times.end
    return replace(times, start=start + times.start, end=start + end)


def studies_of(
    perpetrator: twinsim.Drug, victim: twinsim.Drug, of_victim: Mapping[str, Any], of_other: Mapping[str, Any]
) -> list[tuple[str, str, float, str]]:
    """What studies of these two drugs found, by the same route and with the same doses of the perpetrator."""
    found = []
    for each in perpetrator.clinical_interactions:
        dose = {name: item.value for name, item in each.regimen.items()}
        given = (of_other["amount"], float(of_other.get("interval") or dose["interval"]))
        same = np.allclose(given, (dose["amount"], dose["interval"]), rtol=0.01)
        if each.victim == victim.name and str(of_victim["route"]).startswith(f"{each.route}_") and same:
            words = f"{each.route} {dose['dose']:g} mg, {dose['delay']:g} h after the first of {dose['count']:g} doses"
            words += f" of {dose['amount']:g} mg every {dose['interval']:g} h"
            found += [(name, words, item.value, each.source) for name, item in each.ratios.items()]
    return found


def interaction_sections(
    folder: Path,
    output: str,
    victim: twinsim.Drug,
    perpetrator: twinsim.Drug,
    studies: list[tuple[str, str, float, str]],
) -> list[Section]:
    """Ratios of each person's endpoints with and without the perpetrator; none where the run kept no endpoints."""
    ratios = {}
    with twinsim.open_results(folder, groups=True) as tree:
        ends = tree["endpoints"].to_dataset() if "endpoints" in tree.children else {}
        for name in ("auc", "cmax"):
            held = next((each for each in (name, f"{output}_{name}") if each in ends), None)
            if held is not None:
                values = ends[held].transpose("scenario", "patient").to_numpy().astype(np.float64)
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratios[name] = values[1] / values[0]
    heading = f"{victim.title} with {perpetrator.title}"
    over = f"{victim.title} with {perpetrator.title} over {victim.title} alone"
    return ratio_section(heading, ratios, over, studies)
