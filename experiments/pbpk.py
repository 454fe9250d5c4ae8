"""A drug of the library, or any drug file, in virtual people with organs of their own."""

from __future__ import annotations

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.steps import end_of, job_of, regimen_of, run_job, times_of, unit_of
from twinsim.config import RunConfig
from twinsim.errors import UsageError
from twinsim.population.anatomy.conditions import CIRRHOSIS_LEVELS


def run(config: RunConfig) -> Finished:
    """Simulate a cohort of people with anatomy on one regimen of the drug.

    Raises:
        UsageError: the configuration names no drug.
    """
    if config.drug is None:
        do = f"add drug=midazolam, or the path of a drug file; known: {', '.join(twinsim.drug_names())}"
        raise UsageError("no drug was chosen", where="drug", do=do)
    model = twinsim.whole_body_model(config.drug)
    model = model.with_thetas(config.typical) if config.typical else model
    keys = regimen_of(config, model)
    times = times_of(config, end_of(keys))
    job = job_of(config, model, twinsim.regimen(**keys), times)
    who = f"{job.size:,} virtual people with organs, flows and enzymes of their own{conditions(config)}"
    return run_job(config, job, model, f"{model.title}: {who}, {in_words(keys, unit_of(model, keys))}.")


def conditions(config: RunConfig) -> str:
    """What everyone has, for the reader of a report.

    >>> from twinsim.config import from_mapping
    >>> conditions(from_mapping({"kind": "pbpk", "population": {"ckd": 4, "cirrhosis": 2}}))
    ', with cirrhosis of Child-Pugh class B and chronic kidney disease of stage 4'
    """
    who, found = config.population, []
    if who.cirrhosis:
        found.append(f"cirrhosis of Child-Pugh class {'ABC'[:CIRRHOSIS_LEVELS][who.cirrhosis - 1]}")
    if who.ckd:
        found.append(f"chronic kidney disease of stage {who.ckd}")
    return f", with {' and '.join(found)}" if found else ""
