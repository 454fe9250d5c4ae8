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
from twinsim.drugs.clinical import ENDPOINTS, pool
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
    end = end_of(keys)
    if drug.reference is not None and int(keys.get("count") or 1) == 1:
        end = float(keys.get("start") or 0.0) + drug.reference.until
    times = times_of(config, end)
    job = job_of(config, model, twinsim.regimen(**keys), times)
    who = f"{job.size:,} virtual people with organs, flows and enzymes of their own{conditions(config)}"
    lead = f"{model.title}: {who}, {in_words(keys, unit_of(model, keys))}."
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))

    def sections() -> list[Section]:
        ill = condition_section(config, drug, model, keys, times, folder)
        return [*clinical_section(drug, keys, folder), *ill]

    return run_job(config, job, model, lead, sections)


def clinical_section(drug: twinsim.Drug, keys: Mapping[str, Any], folder: Path) -> list[Section]:
    """Geometric means of the simulated people beside what studies found after one dose by the same route.

    Each study is brought to the dose of the run by proportion; the published value is the median of the studies.

    Args:
        drug: what it is, with what studies found.
        keys: of the regimen; one dose of its own unit alone is compared.
        folder: of the results.
    """
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    if int(keys.get("count") or 1) > 1 or keys.get("per") or keys.get("duration"):
        return []
    rows = []
    with twinsim.open_results(folder, groups=True) as tree:
        ends = tree["endpoints"].to_dataset() if "endpoints" in tree.children else {}
        for pooled in pool(drug.clinical, float(keys["amount"])):
            if pooled.route != keys.get("route", "oral") or ENDPOINTS[pooled.quantity] not in ends:
                continue
            values = np.asarray(ends[ENDPOINTS[pooled.quantity]], np.float64)
            found = float(np.exp(np.nanmean(np.log(values))))
            unit, count = pooled.studies[0].number.unit, len(pooled.studies)
            ratio = found / pooled.value
            rows.append([pooled.quantity, number(found, 3), number(pooled.value, 3), unit, number(ratio, 3)])
            rows[-1] += [within(ratio), "the study" if count == 1 else f"median of {count} studies"]
            for study, value in zip(pooled.studies, pooled.values, strict=True):
                source = f"{study.number.source}{'; the file was fitted to it' if study.is_fitted else ''}"
                rows.append(["", "", number(value, 3), unit, number(found / value, 3), "", source])
    head = ["quantity", "simulated", "study", "unit", "ratio", "within", "source"]
    text = "Geometric means of all patients beside studies, which are scaled to the dose given; areas to infinity."
    return [Section("Beside clinical studies", text, table=Table(head, rows, frozenset({1, 2, 4})))] if rows else []


def within(ratio: float) -> str:
    """How far off a ratio is.

    >>> within(0.85), within(1.4), within(0.5)
    ('1.25-fold', '1.5-fold', 'no')
    """
    fold = max(ratio, 1.0 / ratio)
    return "1.25-fold" if fold <= 1.25 else "1.5-fold" if fold <= 1.5 else "no"


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
