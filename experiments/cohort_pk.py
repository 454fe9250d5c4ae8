"""Any library model, any regimen, any number of virtual patients."""

from __future__ import annotations

import twinsim
from experiments import Finished
from experiments.steps import end_of, job_of, model_of, regimen_of, run_job, times_of, unit_of
from twinsim.config import RunConfig


def run(config: RunConfig) -> Finished:
    """Simulate a cohort of the model's patients on one regimen."""
    model = model_of(config)
    keys = regimen_of(config, model)
    times = times_of(config, end_of(keys))
    job = job_of(config, model, twinsim.regimen(**keys), times)
    doses = in_words(keys, unit_of(model, keys))
    lead = f"{job.size:,} virtual patients of the model {model.name}, {doses}."
    return run_job(config, job, model, lead)


def in_words(keys: dict, unit: str = "mg") -> str:
    """A regimen for the reader of a report.

    >>> in_words({"amount": 300.0, "route": "oral", "interval": 12.0, "count": 10})
    '10 oral doses of 300 mg, one every 12 h'
    >>> in_words({"amount": 15.0, "per": "kg", "route": "iv", "duration": 0.5})
    'one iv dose of 15 mg per kg over 0.5 h'

    Args:
        unit: of the amount.
    """
    count, per = int(keys.get("count") or 1), keys.get("per")
    amount = f"{keys['amount']:g} {unit}{f' per {per}' if per else ''}"
    route = keys.get("route", "oral")
    length = f" over {keys['duration']:g} h" if keys.get("duration") else ""
    if count == 1:
        return f"one {route} dose of {amount}{length}"
    return f"{count} {route} doses of {amount}{length}, one every {keys['interval']:g} h"
