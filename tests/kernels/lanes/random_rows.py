"""Random programs over rows of patients, to be done by lanes and by XLA.

Numbers are eighths of modest size, so that sums and products are exact, whatever their order and however they are
fused: what differs at all is wrong. What is not exact (`Value.exact`) decides nothing and is chosen by nothing.
"""

from __future__ import annotations

import random

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.kernels.lanes.random_arrays import FLOATS, LARGEST, Arrays, NothingToPick, Value


def inputs(rows, patients, seed):
    """Arguments of a program, of each kind."""
    rng, place = np.random.default_rng(seed), np.arange(patients)
    eighths = lambda *shape: jnp.asarray(rng.integers(-30, 30, shape) / 8.0)  # noqa: E731
    return (
        eighths(rows, patients),
        eighths(rows, 3, patients),
        eighths(rows, patients).astype(jnp.float32),
        jnp.asarray(rng.integers(-9, rows + 9, (rows, patients)), jnp.int32),
        jnp.asarray(rng.random((rows, patients)) < 0.3),
        eighths(patients),
        # None of a group, or some of them, or all.
        jnp.asarray(np.where(place < 16, False, rng.random(patients) < 0.4) | (place >= patients - 32)),
        jnp.asarray(rng.integers(-3, rows + 3, patients), jnp.int32),
        eighths(rows, 1),
        jnp.asarray(rng.integers(-9, rows + 9, (rows, 1)), jnp.int32),
        eighths(1),
    )


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


class Writing(Arrays):
    """Steps of a program, each of what was computed before."""

    def __init__(self, rng, values, patients, inner=False, spoilt=False):
        super().__init__(rng, values, patients, spoilt)
        self.story = []
        self.ways = [
            *[self.arithmetic] * 4, *[self.compared] * 2, *[self.chosen] * 3, *[self.part] * 4, *[self.reduced] * 4,
            *[self.rough] * 2, self.logic, self.converted, self.running, self.joined, self.turned, self.reshaped,
            self.spoiled, self.stacked,
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

    # --- by index, loops and programs within ------------------------------------------------------------------------

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
