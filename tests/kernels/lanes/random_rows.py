"""Random programs over rows of patients, to be done by lanes and by XLA.

Numbers are eighths of modest size, so that sums and products are exact, whatever their order and however they are
fused: what differs at all is wrong. What is not exact (`Value.exact`) decides nothing and is chosen by nothing.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import jax
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


def inputs(rows, patients, seed):
    """Arguments of a program, of each kind."""
    rng = np.random.default_rng(seed)
    eighths = lambda *shape: jnp.asarray(rng.integers(-30, 30, shape) / 8.0)  # noqa: E731
    return (
        eighths(rows, patients),
        eighths(rows, 3, patients),
        eighths(rows, patients).astype(jnp.float32),
        jnp.asarray(rng.integers(-9, rows + 9, (rows, patients)), jnp.int32),
        jnp.asarray(rng.random((rows, patients)) < 0.3),
        eighths(patients),
        # None of a group, or some of them, or all.
        jnp.asarray((rng.random(patients) < 0.4) & (np.arange(patients) >= 16) | (np.arange(patients) >= patients - 32)),
        jnp.asarray(rng.integers(-3, rows + 3, patients), jnp.int32),
        eighths(rows, 1),
        jnp.asarray(rng.integers(-9, rows + 9, (rows, 1)), jnp.int32),
        eighths(1),
    )


def held(x):
    """Eighths again, and not too large."""
    if x.dtype == jnp.int32:
        return jnp.clip(x, -999, 999)
    return jnp.clip(jnp.round(x * 8.0) / 8.0, -32.0, 32.0)


class Program:
    """A function of arrays that is the same whenever it is traced.

    Attributes:
        exact: which results are; known once it has been traced.
    """

    def __init__(self, seed, steps):
        self.seed, self.steps, self.exact, self.story = seed, steps, [], []

    def __call__(self, *given):
        writing = Writing(random.Random(self.seed), [Value(x) for x in given], given[5].shape[-1])
        writing.steps(self.steps)
        results = writing.results(given[6])
        self.exact, self.story = [r.exact for r in results], writing.story
        return [r.array for r in results]


class Writing:
    """Steps of a program, each of what was computed before."""

    def __init__(self, rng, values, patients, inner=False, spoilt=False):
        self.random, self.values, self.patients, self.story, self.spoilt = rng, values, patients, [], spoilt
        self.ways = [
            *[self.arithmetic] * 4, *[self.compared] * 2, self.logic, *[self.chosen] * 3, self.converted, *[self.part] * 2,
            *[self.reduced] * 4, self.running, self.joined, self.turned, self.reshaped, self.rough, self.rough, self.spoiled,
            self.stacked,
        ]  # fmt: skip
        if not inner:
            self.ways += [self.entry, self.row, self.scanned, self.scanned, self.looped, self.branched, self.called,
                          self.called, self.mapped, self.pushed]  # fmt: skip

    def steps(self, count):
        for _ in range(count):
            way = self.random.choice(self.ways)
            try:
                made = way()
            except NothingToPick:
                continue
            made = made if isinstance(made, list) else [made]
            self.story.append(f"{way.__name__} {[(v.kind, v.array.shape) for v in made]}")
            assert all(np.prod(v.lead) <= LARGEST for v in made), self.story
            self.values += made

    def results(self, failed):
        """The last values and some others, some of them twice, some as parts of each other, some with NaN."""
        found = []
        for value in self.values[-3:] + self.random.sample(self.values[5:], 2):
            array = jnp.broadcast_to(value.array, (*value.lead, self.patients))
            found.append(Value(array, value.exact))
            if value.kind in FLOATS and self.random.random() < 0.7:
                bad = failed.reshape((1,) * len(value.lead) + failed.shape)
                found[-1] = Value(jnp.where(bad, jnp.asarray(np.nan, array.dtype), array), value.exact)
            if self.random.random() < 0.2:
                found.append(self.random.choice([found[-1], Value(array, value.exact)]))
        return found

    # --- picking ---------------------------------------------------------------------------------------------------

    def pick(self, *kinds, lead=None, rank=0, exact=False):
        """A value made before; in the shape that is asked for."""
        fits = [v for v in self.values if (not kinds or v.kind in kinds) and len(v.lead) >= rank]
        fits = [v for v in fits if v.exact or not exact]
        if not fits:
            raise NothingToPick
        value = self.random.choice(fits[-8:] if self.random.random() < 0.6 else fits)
        return value if lead is None else Value(self.fitted(value.array, lead), value.exact)

    def fitted(self, x, lead):
        while x.ndim - 1 > len(lead):
            axis = self.random.randrange(x.ndim - 1)
            x = self.random.choice([self.folded, lambda x, axis: lax.index_in_dim(x, -1, axis, False)])(x, axis)
        while x.ndim - 1 < len(lead):
            x = jnp.expand_dims(x, self.random.randrange(x.ndim))
        for axis, wanted in enumerate(lead):
            if x.shape[axis] > wanted:
                step = self.random.randint(1, x.shape[axis] // wanted)
                start = self.random.randint(0, x.shape[axis] - (wanted - 1) * step - 1)
                x = lax.slice_in_dim(x, start, start + (wanted - 1) * step + 1, step, axis)
            elif 1 < x.shape[axis] < wanted:
                x = lax.slice_in_dim(jnp.concatenate([x] * (wanted // x.shape[axis] + 1), axis), 0, wanted, 1, axis)
        return jnp.broadcast_to(x, (*lead, x.shape[-1]))

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
        return Value(held(a.array.astype(self.random.choice(NUMBERS))) if a.kind != "bool" else a.array.astype(jnp.int32))

    def rough(self):
        a = self.pick(*FLOATS)
        b = self.pick(a.kind, lead=a.lead).array
        ways = [lambda x: jnp.exp(-jnp.abs(x)), jnp.tanh, lambda x: jnp.sqrt(jnp.abs(x)), lambda x: x / (1.0 + jnp.abs(b))]
        return Value(self.random.choice(ways)(a.array), False)

    # --- axes ------------------------------------------------------------------------------------------------------

    def part(self):
        a = self.pick(rank=1)
        lead = list(a.lead)
        axis = self.random.choice([0, 0, self.random.randrange(len(lead))])
        lead[axis] = self.random.choice([1, lead[axis], max(1, lead[axis] - 1), (lead[axis] + 1) // 2])
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
        shapes += [(k, size // k) for k in (2, 3, 5) if size % k == 0] + [(size // k, k) for k in (2, 5) if size % k == 0]
        return Value(a.array.reshape(*self.random.choice(shapes), last), a.exact)

    # --- by index, loops and programs within ------------------------------------------------------------------------

    def whole(self, value):
        return jnp.broadcast_to(value.array, (*value.lead, self.patients))

    def entry(self):
        a = self.pick(rank=1)
        table, lead = self.fitted(self.whole(a), a.lead[:1]), (self.random.choice([1, 2, 65]),)
        index, mode = self.whole(self.pick("int32", lead=lead)), self.random.choice(["clip", "fill"])
        self.spoilt |= mode == "fill"
        return Value(jnp.take_along_axis(table, index, axis=0, mode=mode), a.exact)

    def row(self):
        a = self.pick(rank=1)
        count = self.random.randint(1, a.lead[0])
        # In range: XLA (jaxlib 0.10) forgets the bounds of the inner one where a part is taken of a part.
        index = jnp.clip(self.fitted(self.values[9].array, (1,))[0, 0], 0, a.lead[0] - count)
        return Value(lax.dynamic_slice_in_dim(a.array, index, count, 0), a.exact)

    def scanned(self):
        a = self.pick("float64", rank=1, exact=True)
        b, fixed = (self.pick("float64", lead=n, exact=True).array for n in (a.lead[:1], a.lead[1:]))
        table = self.pick("float64", lead=a.lead, exact=True).array
        flags = self.pick("bool", lead=a.lead).array
        first = self.whole(self.pick("float64", lead=a.lead[1:], exact=True))

        def one(carry, row):
            level, number = carry
            x, y, flag = row
            level = jnp.clip(jnp.where(flag, level + x - fixed, level), -32.0, 32.0)
            other = lax.dynamic_index_in_dim(table, a.lead[0] - 1 - number, 0, False)
            y = jnp.expand_dims(y, list(range(level.ndim - 1)))
            return (level, number + 1), (level, jnp.maximum(other, y) + level, level > x)

        begin, rows = (first, jnp.int32(0)), (a.array, b, flags)
        (last, _), made = lax.scan(one, begin, rows, reverse=self.random.random() < 0.4)
        return [Value(x) for x in (last, *self.random.sample(made, 2))]

    def looped(self):
        a = self.pick("float64", exact=True)
        first = jnp.clip(self.whole(a), -4.0, 4.0)
        step = 1.0 + jnp.abs(self.whole(self.pick("float64", lead=a.lead, exact=True)))
        table = self.pick("float64", lead=(self.random.choice([3, 65]),), exact=True).array
        limit = self.pick("float64", lead=a.lead, exact=True).array

        def goes(carry):
            return carry[0] < jnp.minimum(limit, 3.0)

        def one(carry):
            level, total, number = carry
            row = lax.dynamic_index_in_dim(table, number, 0, False)
            row = jnp.expand_dims(row, list(range(level.ndim - 1)))
            chosen = goes(carry)
            return jnp.where(chosen, level + step, level), jnp.where(chosen, total + row, total), number + 1

        level, total, _ = lax.while_loop(lambda c: jnp.any(goes(c)), one, (first, first, jnp.int32(0)))
        return [Value(level), Value(total)]

    def branched(self):
        a = self.pick(exact=True)
        b, flag = self.pick(a.kind, lead=a.lead, exact=True), self.pick("bool", lead=a.lead).array
        x, y = self.whole(a), self.whole(b)
        if self.random.random() < 0.5:
            fewer = lambda: jnp.where(flag, y, x)  # noqa: E731
            return Value(lax.cond(jnp.any(flag), fewer, lambda: x))
        index = self.fitted(self.values[9].array, (1,))[0, 0] % 3
        turned = lambda x, y: jnp.flip(y, 0) if a.lead else y  # noqa: E731
        return Value(lax.switch(index, [lambda x, y: x, turned, lambda x, y: jnp.where(flag, x, y)], x, y))

    def within(self, steps=3):
        """A small program of two arrays."""
        seed = self.random.randrange(10**9)

        spoilt = self.spoilt

        def program(a, b, flag):
            given = [Value(x, False) for x in (a, b, flag, a, b)] + [Value(flag)]
            writing = Writing(random.Random(seed), given, self.patients, True, spoilt)
            writing.ways = [w for w in writing.ways if w.__name__ not in ("compared", "converted", "stacked", "joined")]
            writing.steps(steps)
            return [v.array for v in writing.values[-2:]]

        return program

    def three(self, rank):
        a = self.pick("float64", rank=rank)
        x, y = self.whole(a), self.whole(self.pick("float64", lead=a.lead))
        return x, y, self.whole(self.pick("bool", lead=a.lead))

    def called(self):
        program = jax.jit(self.within())
        x, y, flag = self.three(0)
        return [self.outside(v) for v in (*program(x, y, flag), *program(y, x, ~flag))]

    def mapped(self):
        return [self.outside(v) for v in jax.vmap(self.within())(*self.three(1))]

    def pushed(self):
        x, y, flag = self.three(0)
        program = self.within()
        _, slopes = jax.jvp(lambda x: [v for v in program(x, y, flag) if v.dtype != np.bool_], (x,), (y,))
        return [self.outside(s) for s in slopes]

    @staticmethod
    def outside(array):
        return Value(array, array.dtype == np.bool_)
