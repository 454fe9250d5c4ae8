"""Whether a design and a method find back what is known: studies are simulated by a model and fitted.

A study has the patients, doses, covariates and times of the records, with new random effects and residual errors. Its
search begins away from the truth, by a normal step of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.calibrate.how import prepared
from twinsim.calibrate.refits import Refits, refit
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import Study
from twinsim.calibrate.uncertainty import KINDS
from twinsim.errors import UsageError, one_of
from twinsim.population.model import PopulationModel
from twinsim.records import Records

AWAY = 0.2  # standard deviation of where a search begins, about the truth: a factor of 1.2 on a logarithmic scale


def recover(
    model: str | PopulationModel,
    records: Records,
    method: str = "focei",
    *,
    studies: int = 200,
    seed: int = 0,
    standard_errors: str = "sandwich",
    checkpoint: str | Path | None = None,
    told: Callable[[int], None] = lambda done: None,
    **how: Any,
) -> Refits:
    """Simulate studies by a model, and fit each.

    Args:
        model: the truth.
        records: the design; what was observed in it does not matter.
        studies: how many.
        seed: of the studies and of where searches begin, beside what it is for `twinsim.fit`.
        checkpoint: a folder where every study's fit is kept; the same call goes on there to the same bits.
        told: hears how many fits are done.
        standard_errors: sandwich, r or s, see `twinsim.fit`; how: other arguments of it.

    Returns:
        Refits, whose `recovered` tells how well.

    Raises:
        UsageError: fewer than 2 studies, censored records.
        DataError: not one study could be simulated whole.
    """
    if studies < 2:
        raise UsageError(f"{studies} studies tell nothing", where="studies", do="ask for 200 or more")
    one_of(standard_errors, KINDS, "standard_errors")
    ready = prepared(model, records, method, seed=seed, **how)
    study = ready.study
    if study.outline.censored:
        do = "give a design without CENS: every simulated value is seen"
        raise UsageError("the design has censored records", where=records.source, do=do)
    truth, values = ready.unknowns.begin(study.model), replicate(study, studies, seed).values
    away = AWAY * np.random.default_rng(seed).standard_normal((studies, len(truth)))

    def simulated() -> Iterator[tuple[Study, np.ndarray]]:
        for number in range(studies):
            yield study.with_values(values[number]), truth + away[number]

    kept = ready.kept_in(checkpoint, recovery=True, standard_errors=standard_errors)
    return refit(study.model, simulated(), ready.unknowns, ready.how, standard_errors, kept, told)
