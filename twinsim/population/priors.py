"""What is known of a model's numbers before a fit: normal or lognormal about a typical value.

    normal       ((x - typical) / sd)^2
    lognormal    (ln(x / typical) / sd)^2        sd of the logarithm; or a cv, sd^2 = ln(1 + cv^2)

is added to -2 log likelihood, without constants, as NONMEM's $PRIOR NWPRI does for THETA.

Source: Gisleskog, Karlsson and Beal 2002, J Pharmacokinet Pharmacodyn 29:473, doi:10.1023/A:1022972420004.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from twinsim.errors import nearest
from twinsim.population.fields import ASSUMED, Fields, Number

DISTRIBUTIONS = ("normal", "lognormal")


@dataclass(frozen=True)
class Prior:
    """The prior of one number.

    Attributes:
        name: theta name.
        distribution: normal or lognormal.
        typical: its centre [the number's unit].
        sd: standard deviation, of the logarithm if lognormal.
        source: where it was published.
    """

    name: str
    distribution: str
    typical: float
    sd: float
    source: str

    def penalty(self, x: Any) -> Any:
        """What is added to -2 log likelihood at a value of the number; element-wise."""
        away = jnp.log(x / self.typical) if self.distribution == "lognormal" else x - self.typical
        return (away / self.sd) ** 2


def read_priors(fields: Fields | None, numbers: Iterable[Number], source: str) -> tuple[Prior, ...]:
    """A section such as {cl: {distribution: lognormal, typical: 4 L/h, cv: 20 %}}."""
    if fields is None:
        return ()
    known: Mapping[str, Number] = {number.name: number for number in numbers}
    found = []
    for name in map(str, fields.data):
        entry = fields.section(name)
        if name not in known:
            fields.fault(name, f"the model has no number {name!r}", nearest(name, known))
        elif entry is not None:
            prior = _read(entry, known[name], source)
            found += [] if prior is None else [prior]
    return tuple(found)


def _read(entry: Fields, number: Number, source: str) -> Prior | None:
    distribution = entry.choice("distribution", DISTRIBUTIONS)
    typical = entry.quantity("typical", number.unit, number.value)
    given = [key for key in ("sd", "variance", "cv") if entry.has(key)]
    if len(given) != 1:
        entry.fault("", "say which: sd, variance or cv", "for example  cv: 20 %")
        return None
    key, own = given[0], number.unit if distribution == "normal" else "1"
    if key == "cv" and distribution != "lognormal":
        entry.fault("cv", "a cv says nothing about a normal prior", "give its sd or variance")
        return None
    spread = entry.quantity(key, f"({own}) ({own})" if key == "variance" and own != "1" else own, bare=own == "1")
    source = entry.text("source", source) or ASSUMED
    entry.done()
    if distribution is None or typical is None or spread is None:
        return None
    if not spread > 0.0 or (distribution == "lognormal" and not typical > 0.0):
        entry.fault("", "a spread, and the centre of a lognormal prior, are above zero")
        return None
    sd = {"sd": spread, "variance": math.sqrt(spread), "cv": math.sqrt(math.log1p(spread**2))}[key]
    return Prior(number.name, distribution, typical, sd, source)
