"""A source of people who have their organs, flows, filtration and enzymes among their covariates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import Array

from twinsim.errors import UsageError, nearest
from twinsim.population.anatomy import conditions
from twinsim.population.anatomy.body import anatomy
from twinsim.population.anatomy.catalogue import ITEMS, NAMES, NEEDS

if TYPE_CHECKING:
    from twinsim.population.source import Source


@dataclass(frozen=True)
class Anatomical:
    """Patients of another source, with anatomy; a `Source` itself. Use `twinsim.population.with_anatomy`.

    Attributes:
        source: where the patients come from.
        wanted: names of `catalogue.ITEMS`, or None for all; what is not wanted is not computed.
        cirrhosis: 0 none, 1 to 3 Child-Pugh A to C, for everybody; None: as the source says, or none.
        ckd: 0 none, 1 to 5 the stage, for everybody; None: as the source says, or none.

    Raises:
        UsageError: a source that lacks what anatomy needs, a name or a level that does not exist, a condition that the
            source has of its own.
    """

    source: Source
    wanted: tuple[str, ...] | None = None
    cirrhosis: int | None = None
    ckd: int | None = None
    names: tuple[str, ...] = field(init=False, compare=False)
    units: Mapping[str, str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        absent = [name for name in NEEDS if name not in self.source.names]
        if absent:
            why = f"the source gives {', '.join(self.source.names)}"
            raise UsageError(
                f"anatomy needs {', '.join(absent)}", where="with_anatomy", why=why, do="give a column each"
            )
        for name in self.wanted or ():
            if name not in ITEMS:
                raise UsageError(f"anatomy gives no {name}", where="with_anatomy", do=nearest(name, ITEMS))
        for name, value, most in (
            ("cirrhosis", self.cirrhosis, conditions.CIRRHOSIS_LEVELS),
            ("ckd", self.ckd, conditions.CKD_LEVELS),
        ):
            if value is not None and (isinstance(value, bool) or value not in range(most + 1)):
                raise UsageError(
                    f"{name}={value} is no level", where="with_anatomy", do=f"give 0 to {most}, a whole number"
                )
            if value is not None and name in self.source.names:
                what = f"{name} is given for everybody, and the source has it too"
                raise UsageError(what, where="with_anatomy", do="leave one of them out")
        own = {name: "1" for name, value in self._levels.items() if name not in self.source.names}
        chosen = NAMES if self.wanted is None else self.wanted
        units = {**self.source.units, **own, **{name: ITEMS[name].unit for name in chosen}}
        object.__setattr__(self, "names", tuple(units))
        object.__setattr__(self, "units", units)

    @property
    def _levels(self) -> dict[str, int]:
        return {name: value for name, value in (("cirrhosis", self.cirrhosis), ("ckd", self.ckd)) if value is not None}

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """As `Source.sample`: the source's covariates, as conditions make them, and those of `names`."""
        covariates = dict(self.source.sample(seed, patient))
        like = covariates["age"]
        covariates |= {name: jnp.full_like(like, float(value)) for name, value in self._levels.items()}
        found = {**covariates, **anatomy(seed, patient, covariates)}
        return {name: found[name] for name in self.names}
