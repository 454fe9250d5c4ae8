"""A drug of the library, or any drug file, in virtual people with organs of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.pbpk_conditions import condition_section
from experiments.steps import end_of, folder_of, job_of, regimen_of, run_job, times_of, unit_of
from twinsim.config import RunConfig
from twinsim.errors import UsageError
from twinsim.run.plan import stored_identity

if TYPE_CHECKING:
    from twinsim.report import Section


def run(config: RunConfig) -> Finished:
    """Simulate a cohort of people with anatomy on one regimen of the drug.

    Raises:
        UsageError: the configuration names no drug.
    """
    if config.drug is None:
        do = f"add drug=midazolam, or the path of a drug file; known: {', '.join(twinsim.drug_names())}"
        raise UsageError("no drug was chosen", where="drug", do=do)
    drug = twinsim.drug(config.drug)
    model = twinsim.whole_body_model(drug)
    model = model.with_thetas(config.typical) if config.typical else model
    keys = regimen_of(config, model)
    times = times_of(config, end_of(keys))
    job = job_of(config, model, twinsim.regimen(**keys), times)
    who = f"{job.size:,} virtual people with organs, flows and enzymes of their own{conditions(config)}"
    lead = f"{model.title}: {who}, {in_words(keys, unit_of(model, keys))}."
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))

    def sections() -> list[Section]:
        ill = condition_section(config, drug, model, keys, times, folder)
        return [*clinical_section(drug, keys, folder), *ill]

    return run_job(config, job, model, lead, sections)


def clinical_section(drug: twinsim.Drug, keys: Mapping[str, Any], folder: Path) -> list[Section]:
    """Geometric means of the simulated people beside means of studies after one dose by the same route.

    simulated = geometric mean * dose of the study / dose of the run

    Args:
        drug: what it is, with what studies found.
        keys: of the regimen; one dose of its own unit alone is compared.
        folder: of the results.
    """
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    studies = [each for each in drug.clinical if each.route == keys.get("route", "oral")]
    if not studies or int(keys.get("count") or 1) > 1 or keys.get("per") or keys.get("duration"):
        return []
    rows = []
    with twinsim.open_results(folder, groups=True) as tree:
        ends = tree["endpoints"].to_dataset() if "endpoints" in tree.children else {}
        for each in studies:
            if each.quantity not in ends:
                continue
            values = np.asarray(ends[each.quantity], np.float64)
            found = float(np.exp(np.nanmean(np.log(values)))) * each.dose.value / keys["amount"]
            seen, unit = each.number.value, each.number.unit
            dose = f"{each.dose.value:g} {each.dose.unit}"
            rows.append([each.quantity, dose, number(found, 3), number(seen, 3), unit, number(found / seen, 2)])
            rows[-1].append(each.number.source)
    head = ["quantity", "dose", "simulated", "study", "unit", "ratio", "source"]
    text = "Geometric means of all patients, scaled to the dose of the study; areas up to the last time of the run."
    return [Section("Beside clinical studies", text, table=Table(head, rows, frozenset({2, 3, 5})))] if rows else []


def conditions(config: RunConfig) -> str:
    """What everyone has, for the reader of a report.

    >>> from twinsim.config import from_mapping
    >>> conditions(from_mapping({"kind": "pbpk", "population": {"ckd": 4, "cirrhosis": 2}}))
    ', with cirrhosis of Child-Pugh class B and chronic kidney disease of stage 4'
    """
    who, found = config.population, []
    if who.cirrhosis:
        found.append(f"cirrhosis of Child-Pugh class {'ABC'[who.cirrhosis - 1]}")
    if who.ckd:
        found.append(f"chronic kidney disease of stage {who.ckd}")
    return f", with {' and '.join(found)}" if found else ""
