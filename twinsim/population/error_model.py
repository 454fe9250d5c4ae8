"""Residual error of an output: how an observation scatters about its prediction.

    additive      y = f + a e                     e standard normal
    proportional  y = f + b f e
    combined1     y = f + (a + b f) e             Monolix's "combined1"
    combined2     y = f + sqrt(a^2 + b^2 f^2) e   NONMEM's two epsilons, Monolix's "combined2"
    power         y = f + b f^c e
    lognormal     y = f exp(s e)

Source: names as in the Monolix user guide, "residual error model"; Proost 2017, Eur J Pharm Sci 109S:78,
doi:10.1016/j.ejps.2017.05.021 (combined1 against combined2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
from jax import Array

from twinsim.population.fields import ASSUMED, Fields, Number

# kind -> roles of its numbers
KINDS: dict[str, tuple[str, ...]] = {
    "additive": ("additive",),
    "proportional": ("proportional",),
    "combined1": ("additive", "proportional"),
    "combined2": ("additive", "proportional"),
    "power": ("power", "exponent"),
    "lognormal": ("lognormal",),
}
_MEANING = {
    "additive": "standard deviation of the additive error",
    "proportional": "standard deviation of the proportional error",
    "power": "standard deviation of the power error, for output values in the output's unit",
    "exponent": "exponent of the power error",
    "lognormal": "standard deviation of the logarithm of the observation",
}


@dataclass(frozen=True)
class ErrorModel:
    """The residual error of one output.

    Attributes:
        output: name of the output.
        kind: one of KINDS.
        numbers: role -> standard deviation or exponent, with its theta name.
    """

    output: str
    kind: str
    numbers: Mapping[str, Number]

    @property
    def log_scale(self) -> bool:
        """Whether log(observation), not the observation, is normal."""
        return self.kind == "lognormal"

    def with_numbers(self, numbers: Mapping[str, Number]) -> ErrorModel:
        """The error model with the numbers of the same names."""
        return replace(self, numbers={role: numbers[number.name] for role, number in self.numbers.items()})

    def _number(self, role: str, thetas: Mapping[str, Any] | None, like: Array) -> Array:
        number = self.numbers[role]
        return jnp.asarray(number.value if thetas is None else thetas.get(number.name, number.value), like.dtype)

    def variance(self, prediction: Any, thetas: Mapping[str, Any] | None = None) -> Array:
        """Variance of the observation given the prediction.

        lognormal: f^2 exp(s^2) (exp(s^2) - 1), on the scale of the observation; all others as above.

        Args:
            prediction: [the output's unit] (time, patient), or any shape.
            thetas: numbers by theta name in place of the model's own.

        Returns:
            Variance, the prediction's shape.
        """
        f = jnp.asarray(prediction)
        if self.kind == "lognormal":
            s2 = self._number("lognormal", thetas, f) ** 2
            return f**2 * jnp.exp(s2) * jnp.expm1(s2)
        if self.kind == "combined2":
            return self._number("additive", thetas, f) ** 2 + self._number("proportional", thetas, f) ** 2 * f**2
        return self._scale(f, thetas) ** 2

    def log_variance(self, prediction: Any, thetas: Mapping[str, Any] | None = None) -> Array:
        """Variance s^2 of log(observation) where that is normal; arguments as in `variance`."""
        f = jnp.asarray(prediction)
        return jnp.broadcast_to(self._number("lognormal", thetas, f) ** 2, f.shape)

    def observe(self, prediction: Any, normals: Any, thetas: Mapping[str, Any] | None = None) -> Array:
        """Observations from predictions and standard normal numbers.

        Args:
            prediction: [the output's unit] (time, patient).
            normals: (time, patient).
            thetas: numbers by theta name in place of the model's own.

        Returns:
            Observed values, (time, patient).
        """
        f = jnp.asarray(prediction)
        e = jnp.asarray(normals, f.dtype)
        if self.kind == "lognormal":
            return f * jnp.exp(self._number("lognormal", thetas, f) * e)
        if self.kind == "combined2":
            return f + jnp.sqrt(self.variance(f, thetas)) * e
        return f + self._scale(f, thetas) * e

    def _scale(self, f: Array, thetas: Mapping[str, Any] | None) -> Array:
        """What the standard normal number is multiplied with."""
        if self.kind == "additive":
            return jnp.broadcast_to(self._number("additive", thetas, f), f.shape)
        if self.kind == "proportional":
            return self._number("proportional", thetas, f) * f
        if self.kind == "combined1":
            return self._number("additive", thetas, f) + self._number("proportional", thetas, f) * f
        # The inner where keeps the derivative of 0^c, infinite for c < 1, out of the gradient.
        positive = f > 0.0
        powered = jnp.where(positive, f, jnp.ones_like(f)) ** self._number("exponent", thetas, f)
        return self._number("power", thetas, f) * jnp.where(positive, powered, jnp.zeros_like(f))


def read_error_model(fields: Fields, output: str, unit: str, source: str) -> ErrorModel | None:
    """The error model of a section such as {model: combined2, additive: {sd: 3.4 mg/L}, proportional: {sd: 22.7 %}}."""
    kind = fields.choice("model", KINDS)
    source = fields.text("source", source) or ASSUMED
    fixed = fields.flag("fixed", False)
    numbers = {}
    for role in KINDS.get(kind, ()):
        value = _exponent(fields) if role == "exponent" else _standard_deviation(fields, role, unit)
        if value is not None:
            own = unit if role == "additive" else "1"
            bounds = (-math.inf, math.inf) if role == "exponent" else (0.0, math.inf)
            name = f"{output}.{role}"
            numbers[role] = Number(name, value, own, f"{_MEANING[role]} of {output}", source, fixed, bounds)
    fields.done()
    return ErrorModel(output, kind, numbers) if kind and len(numbers) == len(KINDS[kind]) else None


def _exponent(fields: Fields) -> float | None:
    return fields.quantity("exponent", "1")


def _standard_deviation(fields: Fields, role: str, unit: str) -> float | None:
    """sd as it stands, variance by its root; nothing is guessed."""
    section = fields.section(role)
    if section is None or not section.sound:
        return None
    own = unit if role == "additive" else "1"
    given = [name for name in ("sd", "variance") if section.has(name)]
    if len(given) != 1:
        section.fault("", "say which: sd or variance", f"write {role}: {{sd: ...}}")
        return None
    if given == ["sd"]:
        value = section.quantity("sd", own)
    else:
        value = section.quantity("variance", "1" if own == "1" else f"({own}) ({own})")
    section.done()
    if value is not None and not value > 0.0:
        section.fault(given[0], f"{value:g} is not above zero", "leave out an error that is not there")
        return None
    return value if value is None or given == ["sd"] else math.sqrt(value)
