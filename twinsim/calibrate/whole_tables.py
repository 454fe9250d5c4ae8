"""What a run of fits is as a whole, beside its patients: tables that are written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twinsim.calibrate.refits import Refits
from twinsim.population.model import PopulationModel
from twinsim.run.job import State
from twinsim.store import Variable


@dataclass(frozen=True)
class Entry:
    """An array of a group: its name, dimensions, values, and meaning."""

    name: str
    dims: tuple[str, ...]
    values: Any
    meaning: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def array(self) -> np.ndarray:
        """Whole numbers as they are, truths as 0 and 1, all others as float64."""
        array = np.asarray(self.values)
        return array.astype({"b": np.int8, "i": np.int64}.get(array.dtype.kind, np.float64))


@dataclass(frozen=True, eq=False)
class WholeTables:
    """A reducer that needs nothing of the patients.

    Args:
        name: of the group.
        entries: makes its arrays, when all patients are done.
    """

    name: str
    entries: Callable[[], Sequence[Entry]]
    keys: tuple[str, ...] = ()

    def start(self) -> State:
        """As `Reducer.start`."""
        return {}

    def add(self, state: State, chunk: Mapping[str, np.ndarray], first: int) -> State:
        """As `Reducer.add`."""
        return state

    def merge(self, a: State, b: State) -> State:
        """As `Reducer.merge`."""
        return a

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        """As `Reducer.state_bytes`."""
        return 0

    def finish(self, state: State) -> list[tuple[Variable, np.ndarray]]:
        """As `Reducer.finish`."""
        return [
            (Variable(e.name, e.dims, e.array.dtype, "1", e.meaning, e.attributes, group=self.name), e.array)
            for e in self.entries()
        ]


def numbered(labels: Sequence[str]) -> Entry:
    """The coordinate of what was fitted."""
    meaning = "place of the number in the attribute names"
    return Entry("number", ("number",), np.arange(len(labels)), meaning, {"names": "\n".join(labels)})


def covariance_entries(model: PopulationModel) -> list[Entry]:
    """Covariances of a model's random effects, whole, of those levels that it has."""
    found = []
    levels = (
        ("omega", model.omega, model.eta_names, "between patients"),
        ("omega_occasion", model.omega_occasion, model.occasion_eta_names, "between occasions"),
    )
    for name, omega, names, which in levels:
        if names:
            dims, known = (f"{name}_row", f"{name}_column"), {"names": "\n".join(names)}
            places = [Entry(dim, (dim,), np.arange(len(names)), "place of the random effect", known) for dim in dims]
            found += [*places, Entry(name, dims, omega, f"covariance of random effects {which}")]
    return found


def refit_entries(found: Refits) -> list[Entry]:
    """Every fit of a series (replicate, number)."""
    along, ended = ("replicate", "number"), {"reasons": "\n".join(found.reasons)}
    return [
        numbered(found.labels),
        Entry("replicate", ("replicate",), np.arange(len(found.objective)), "number of the fit"),
        Entry("truth", ("number",), found.truth, "value of the model that all fits come from"),
        Entry("estimate", along, found.values, "estimate"),
        Entry("standard_error", along, found.errors, "standard error of the estimate"),
        Entry("objective", ("replicate",), found.objective, "-2 log likelihood without n ln 2 pi"),
        Entry("converged", ("replicate",), found.converged, "whether the fit converged", ended),
    ]
