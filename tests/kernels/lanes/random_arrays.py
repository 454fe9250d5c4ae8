"""Steps of a random program that combine, choose, cut, join and reduce arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

LARGEST = 700  # elements per patient
FLOATS, NUMBERS = ("float64", "float32"), ("float64", "float32", "int32")


class NothingToPick(Exception):
    """No value made before is what a step needs."""


class Value(NamedTuple):
    """An array whose last axis is that of patients (or 1), and whether it is the same however it is computed."""

    array: Any
    exact: bool = True

    @property
    def lead(self):
        return self.array.shape[:-1]

    @property
    def kind(self):
        return self.array.dtype.name


def held(x):
    """Eighths again, and not too large."""
    if x.dtype == jnp.int32:
        return jnp.clip(x, -999, 999)
    return jnp.clip(jnp.round(x * 8.0) / 8.0, -32.0, 32.0)


class Arrays:
    """Arrays made before, and what can be made of them.

    Attributes:
        spoilt: there is NaN among them.
    """

    def __init__(self, rng, values, patients, spoilt):
        self.random, self.values, self.patients, self.spoilt = rng, values, patients, spoilt

    # --- picking ---------------------------------------------------------------------------------------------------

    def pick(self, *kinds, lead=None, rank=0, exact=False):
        """A value made before; in the shape that is asked for."""
        fits = [v for v in self.values if (not kinds or v.kind in kinds) and len(v.lead) >= rank]
        fits = [v for v in fits if v.exact or not exact]
        if not fits:
            raise NothingToPick
        # Mostly what was made last and is read nowhere else: chains of steps are what is never put into memory.
        value = self.random.choice(self.random.choice([fits[-1:], fits[-1:], fits[-8:], fits]))
        return value if lead is None else Value(self.fitted(value.array, lead), value.exact)

    def fitted(self, x, lead):
        while x.ndim - 1 > len(lead):
            axis = self.random.randrange(x.ndim - 1)
            x = self.random.choice([self.folded, lambda x, axis: lax.index_in_dim(x, -1, axis, False)])(x, axis)
        while x.ndim - 1 < len(lead):
            x = jnp.expand_dims(x, self.random.randrange(x.ndim))
        for axis, wanted in enumerate(lead):
            if x.shape[axis] > wanted:
                step = self.random.choice([1, x.shape[axis] // wanted])
                last = x.shape[axis] - (wanted - 1) * step - 1
                start = self.random.choice([0, min(1, last), last, self.random.randint(0, last)])
                x = lax.slice_in_dim(x, start, start + (wanted - 1) * step + 1, step, axis)
            elif 1 < x.shape[axis] < wanted:
                x = lax.slice_in_dim(jnp.concatenate([x] * (wanted // x.shape[axis] + 1), axis), 0, wanted, 1, axis)
        return jnp.broadcast_to(x, (*lead, x.shape[-1]))

    def whole(self, value):
        return jnp.broadcast_to(value.array, (*value.lead, self.patients))

    def folded(self, x, axis):
        if x.dtype == np.bool_:
            return self.random.choice([jnp.any, jnp.all])(x, axis=axis)
        how = self.random.choice([jnp.sum, jnp.max, jnp.min])
        if how is jnp.sum:
            return held(jnp.sum(x, axis=axis, dtype=x.dtype))
        # XLA:CPU (jaxlib 0.10) passes NaN over in the extremes of an axis; jnp.sum does not.
        return how(x, axis=axis) + (0.0 * jnp.sum(x, axis=axis) if self.spoilt and x.dtype != jnp.int32 else 0)

    # --- element by element ----------------------------------------------------------------------------------------

    def arithmetic(self):
        a = self.pick(*NUMBERS)
        b = self.pick(a.kind, lead=a.lead)
        exact, x, y = a.exact and b.exact, a.array, b.array
        how = self.random.choice(["+", "-", "*", "max", "min", "clip", "abs", "-1"])
        if how == "*":
            return Value(held(x * y) if exact else jnp.clip(x * y, -99, 99), exact)
        if how == "clip":
            return Value(jnp.clip(x, -jnp.abs(y), jnp.abs(y)), exact)
        if how in ("abs", "-1"):
            return Value(jnp.abs(x) if how == "abs" else -x, a.exact)
        ways = {"+": jnp.add, "-": jnp.subtract, "max": jnp.maximum, "min": jnp.minimum}
        made = ways[how](x, y)
        return Value(held(made) if self.random.random() < 0.2 and exact else made, exact)

    def compared(self):
        a = self.pick(*NUMBERS, exact=True)
        b = self.pick(a.kind, lead=a.lead, exact=True)
        ways = [jnp.less, jnp.less_equal, jnp.greater, jnp.equal, jnp.not_equal, lambda x, y: jnp.isnan(x + y)]
        return Value(self.random.choice(ways[:5] if a.kind == "int32" else ways)(a.array, b.array))

    def logic(self):
        a = self.pick("bool")
        b = self.pick("bool", lead=a.lead)
        ways = [jnp.logical_and, jnp.logical_or, jnp.logical_xor, lambda x, y: ~x]
        return Value(self.random.choice(ways)(a.array, b.array))

    def chosen(self):
        a = self.pick()
        b, which = self.pick(a.kind, lead=a.lead), self.pick("bool", lead=a.lead)
        return Value(jnp.where(which.array, a.array, b.array), a.exact and b.exact)

    def spoiled(self):
        a = self.pick(*FLOATS)
        which, self.spoilt = self.pick("bool", lead=a.lead), True
        return Value(jnp.where(which.array, jnp.asarray(np.nan, a.array.dtype), a.array), a.exact)

    def converted(self):
        a = self.pick(exact=True)
        kind = "int32" if a.kind == "bool" else self.random.choice(NUMBERS)
        return Value(held(a.array.astype(kind)))

    def rough(self):
        a = self.pick(*FLOATS)
        b = self.pick(a.kind, lead=a.lead).array
        ways = [lambda x: jnp.exp(-x), jnp.sqrt, lambda x: b / (1.0 + x), jnp.tanh]
        return Value(self.random.choice(ways)(jnp.abs(a.array)), False)

    # --- axes ------------------------------------------------------------------------------------------------------

    def part(self):
        a = self.pick(rank=1)
        lead = list(a.lead)
        axis = self.random.choice([0, 0, self.random.randrange(len(lead))])
        lead[axis] = max(1, self.random.choice([1, lead[axis] - 1, lead[axis] // 2, lead[axis] // 3]))
        return Value(self.fitted(a.array, lead), a.exact)

    def reduced(self):
        a = self.pick(rank=1)
        axes = self.random.sample(range(len(a.lead)), self.random.randint(1, len(a.lead)))
        made, keep = a.array, self.random.random() < 0.4
        for axis in sorted(axes, reverse=True):
            made = self.folded(made, axis)
        return Value(jnp.expand_dims(made, sorted(axes)) if keep else made, a.exact)

    def running(self):
        a = self.pick(*NUMBERS, rank=1)
        axis, reverse = self.random.randrange(len(a.lead)), self.random.random() < 0.5
        how = self.random.choice([lax.cumsum] + [lax.cummax, lax.cummin] * (not self.spoilt))
        made = how(a.array, axis, reverse)
        return Value(held(made) if how is lax.cumsum and a.exact else made, a.exact)

    def joined(self):
        a = self.pick(rank=1)
        b = self.pick(a.kind, lead=a.lead)
        axis = self.random.randrange(len(a.lead))
        last = (*a.lead, max(a.array.shape[-1], b.array.shape[-1]))
        made = jnp.concatenate([jnp.broadcast_to(v.array, last) for v in (a, b)], axis)
        return Value(self.fitted(made, tuple(min(n, 101) for n in made.shape[:-1])), a.exact and b.exact)

    def stacked(self):
        a = self.pick()
        if 2 * np.prod(a.lead) > LARGEST or len(a.lead) > 2:
            return a
        b = self.pick(a.kind, lead=a.lead)
        last = (*a.lead, max(a.array.shape[-1], b.array.shape[-1]))
        axis = self.random.randrange(len(last))
        return Value(jnp.stack([jnp.broadcast_to(v.array, last) for v in (a, b)], axis), a.exact and b.exact)

    def turned(self):
        a = self.pick(rank=1)
        if len(a.lead) > 1 and self.random.random() < 0.6:
            order = self.random.sample(range(len(a.lead)), len(a.lead))
            return Value(jnp.transpose(a.array, (*order, len(order))), a.exact)
        return Value(jnp.flip(a.array, self.random.randrange(len(a.lead))), a.exact)

    def reshaped(self):
        a = self.pick(rank=1)
        size, last = int(np.prod(a.lead)), a.array.shape[-1]
        shapes = [(size,), (1, *a.lead), (a.lead[0], 1, *a.lead[1:]), (size, 1)]
        shapes += [shape for k in (2, 3, 5) if size % k == 0 for shape in ((k, size // k), (size // k, k))]
        return Value(a.array.reshape(*self.random.choice(shapes), last), a.exact)
