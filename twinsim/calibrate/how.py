"""What a fit starts from: records laid out, what is estimated, and how it is searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twinsim.calibrate.approximations import METHODS
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.directions import OPTIMISERS
from twinsim.calibrate.study import Study, study_of
from twinsim.calibrate.unknowns import Unknowns, unknowns_of
from twinsim.errors import one_of
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records

ALL_METHODS = (*METHODS, "agq", "imp", "saem")


class How(NamedTuple):
    """How a fit is searched: arguments of `twinsim.fit`."""

    method: str
    starts: int
    nodes: int | None
    seed: int
    max_steps: int
    optimiser: str


class Prepared(NamedTuple):
    """A fit before its first step.

    Attributes:
        settings: what determines its numbers beside the study itself, as JSON data.
    """

    study: Study
    unknowns: Unknowns
    how: How
    settings: Mapping[str, Any]

    def kept_in(self, folder: str | Path | None, **more: Any) -> Checkpoint | None:
        """Where it keeps what it computes.

        Args:
            more: what determines its numbers beside the settings.
        """
        if folder is None:
            return None
        return Checkpoint(folder, {**self.settings, **more, **self.study.identity})


def prepared(
    model: str | PopulationModel,
    records: Records,
    method: str,
    *,
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
) -> Prepared:
    """Lay out a fit.

    Args: see `twinsim.fit`.

    Raises: as `twinsim.fit`.
    """
    one_of(method, ALL_METHODS, "method")
    one_of(optimiser, OPTIMISERS, "optimiser")
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    unknowns = unknowns_of(study.model, fit, covariance)
    how = How(method, starts, nodes, seed, max_steps, optimiser)
    more = {"solver": repr(study.outline.problem.solver), "fitted": list(unknowns.names)}
    return Prepared(study, unknowns, how, {**how._asdict(), "covariance": covariance, **more})
