"""Whether a design and a method find back what is known: studies are simulated by a model and fitted.

A study has the patients, doses, covariates and times of the records, with new random effects and residual errors. Its
search begins away from the truth, by a normal step of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.climb import How
from twinsim.calibrate.refits import Refits, refit
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import Study, study_of
from twinsim.calibrate.unknowns import unknowns_of
from twinsim.errors import UsageError
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records

AWAY = 0.2  # standard deviation of where a search begins, about the truth: a factor of 1.2 on a logarithmic scale


def recover(
    model: str | PopulationModel,
    records: Records,
    method: str = "focei",
    *,
    studies: int = 200,
    fit: Sequence[str] | None = None,
    covariance: str = "as_is",
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    starts: int = 3,
    nodes: int | None = None,
    seed: int = 0,
    max_steps: int = 300,
    optimiser: str = "bfgs",
    standard_errors: str = "sandwich",
    checkpoint: str | Path | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Refits:
    """Simulate studies by a model, and fit each.

    Args:
        model: the truth.
        records: the design; what was observed in it does not matter.
        studies: how many.
        seed: of the studies and of where searches begin, beside what it is for `twinsim.fit`.
        checkpoint: a folder where every study's fit is kept; the same call goes on there to the same bits.
        told: hears how many fits are done.
        others: see `twinsim.fit`.

    Returns:
        Refits, whose `recovered` tells how well.

    Raises:
        UsageError: fewer than 2 studies, censored records.
        DataError: not one study could be simulated whole.
    """
    if studies < 2:
        raise UsageError(f"{studies} studies tell nothing", where="studies", do="ask for 200 or more")
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    if study.outline.censored:
        do = "give a design without CENS: every simulated value is seen"
        raise UsageError("the design has censored records", where=records.source, do=do)
    unknowns = unknowns_of(study.model, fit, covariance)
    how = How(method, starts, nodes, seed, max_steps, optimiser).checked()
    kept = None
    if checkpoint is not None:
        settings = {**how.settings(study, unknowns, covariance), "standard_errors": standard_errors, "recovery": True}
        kept = Checkpoint(checkpoint, {**settings, **study.identity})
    truth, values = unknowns.begin(study.model), replicate(study, studies, seed).values
    away = AWAY * np.random.default_rng(seed).standard_normal((studies, len(truth)))

    def simulated() -> Iterator[tuple[Study, np.ndarray]]:
        for number in range(studies):
            yield study.with_values(values[number]), truth + away[number]

    return refit(study.model, simulated(), unknowns, how, standard_errors, kept, told)
