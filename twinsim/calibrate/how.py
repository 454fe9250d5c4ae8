"""What a fit starts from: records laid out, what is estimated, and how it is searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twinsim.calibrate.approximations import METHODS
from twinsim.calibrate.arguments import names_of, seed_of, whole
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.directions import OPTIMISERS
from twinsim.calibrate.study import Study, study_of
from twinsim.calibrate.unknowns import Unknowns, unknowns_of
from twinsim.errors import UsageError, one_of
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records

ALL_METHODS = (*METHODS, "agq", "imp", "saem")
FEWEST_NODES = 5  # of each effect: with fewer a minimum says where the nodes were put, and little of the integral


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
    searched: bool = True,
) -> Prepared:
    """Lay out a fit.

    Args: see `twinsim.fit`.
        searched: False for a look at the model's own values, where nothing needs to be estimated.

    Raises: as `twinsim.fit`.
    """
    one_of(method, ALL_METHODS, "method")
    one_of(optimiser, OPTIMISERS, "optimiser")
    how = How(
        method,
        starts=whole(starts, "starts", 1),
        nodes=None if nodes is None else whole(nodes, "nodes", 1),
        seed=seed_of(seed),
        max_steps=whole(max_steps, "max_steps", 1),
        optimiser=optimiser,
    )
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    unknowns = unknowns_of(study.model, names_of(fit), covariance)
    if searched:
        _check_search(study, unknowns, how)
    more = {"solver": repr(study.outline.problem.solver), "fitted": list(unknowns.names)}
    return Prepared(study, unknowns, how, {**how._asdict(), "covariance": covariance, **more})


def _check_search(study: Study, unknowns: Unknowns, how: How) -> None:
    """Refuse a search that could find nothing."""
    name = study.model.name
    if not unknowns.size:
        do = "free a number: leave out its fixed: true in the model's file, or name it in fit"
        raise UsageError(f"there is nothing to estimate: all numbers of {name} are fixed", where="fit", do=do)
    if not study.outline.effects:
        if how.method == "saem":
            what = f"{name} has no random effects for saem to simulate"
            raise UsageError(what, where="method", do="use method=fo, which is the likelihood itself then")
    elif how.method == "agq" and how.nodes is not None and how.nodes < FEWEST_NODES:
        what = f"nodes={how.nodes} of each effect are too few to search with: their sum has no minimum of its own"
        raise UsageError(what, where="nodes", do="use method=laplace, or 5 nodes and more")
