"""What a condition does to a drug: the people of a run with kidney or liver disease beside themselves without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments.ratios import ratio_section
from twinsim.config import RunConfig
from twinsim.population.source import with_anatomy

if TYPE_CHECKING:
    from twinsim.report import Section

# Ratios settle with few people, and these are simulated once more in memory.
MOST = 1000


def condition_section(
    config: RunConfig, drug: twinsim.Drug, model: Any, keys: Mapping[str, Any], times: np.ndarray, folder: Path
) -> list[Section]:
    """Ratios of each person's endpoints with and without the condition, of the first 1,000 people.

    Args:
        keys: of the regimen.
        times: of outputs [h] (time).
        folder: of the results; without endpoints in them there are no ratios.
    """
    who = config.population
    if not (who.ckd or who.cirrhosis):
        return []
    with twinsim.open_results(folder, groups=True) as tree:
        ends = tree["endpoints"].to_dataset() if "endpoints" in tree.children else {}
        ill = {name: np.asarray(ends[name], np.float64)[:MOST] for name in ("auc", "cmax") if name in ends}
    if not ill:
        return []
    source = with_anatomy(
        who.source,
        cirrhosis=None if who.cirrhosis is None else 0,
        ckd=None if who.ckd is None else 0,
    )
    size = len(next(iter(ill.values())))
    well = twinsim.simulate(
        model, size, twinsim.regimen(**keys), dict(config.parameters), times[[0, -1]], config.outputs,
        seed=config.seed, solver=config.solver.name, precision=config.precision, endpoints=list(ill), source=source,
        covariates=dict(config.covariates), **config.solver.options(),
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {name: values / np.asarray(well[f"endpoints/{name}"], np.float64) for name, values in ill.items()}
    studies = []
    for each in drug.clinical_conditions:
        stage = who.ckd if each.condition == "ckd" else who.cirrhosis
        other = who.cirrhosis if each.condition == "ckd" else who.ckd
        if each.includes(stage) and not other and each.route == keys.get("route", "oral"):
            first, last = (f"{number.value:g}" for number in each.stages)
            stages = first if first == last else f"{first} to {last}"
            words = f"{each.route}, {each.condition} {stages}"
            studies += [(name, words, number.value, each.source) for name, number in each.ratios.items()]
    over = "with the condition over without it, the first 1,000 people"
    return ratio_section("The same people without the condition", ratios, over, studies)
