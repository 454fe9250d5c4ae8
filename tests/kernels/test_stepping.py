"""What both stepping tiers share, on a chain of compartments whose amounts are known.

x_i' = k (x_(i-1) - x_i), x_0 = 100 at first:   x_i = 100 (k t)^i / i! exp(-k t)
"""

from functools import partial
from math import factorial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels import status as codes
from kernels.explicit import ExplicitTier
from kernels.rosenbrock import RODAS3, RODAS5P
from kernels.stiff import StiffTier
from kernels.tableaux import BOGACKI_SHAMPINE3, DORMAND_PRINCE5, TSIT5, VERNER7

SIZE = 10
SPEEDS = np.array([0.3, 1.0, 2.0, 30.0])  # k (patient)
STOPS = (1.0, 3.0)
CHAIN = frozenset((i, j) for i in range(SIZE) for j in (i - 1, i) if j >= 0)


def chain(t, x, k):
    return tuple(k * ((x[i - 1] if i else 0.0) - x[i]) for i in range(SIZE))


def tier_of(method, rtol, dtype, **options):
    if method in (RODAS3, RODAS5P):
        return StiffTier(chain, frozenset(), size=SIZE, pattern=CHAIN, rtol=rtol, dtype=dtype, method=method, **options)
    return ExplicitTier(chain, frozenset(), rtol=rtol, dtype=dtype, tableau=method, **options)


@partial(jax.jit, static_argnames=("method", "rtol", "dtype"))
def amounts(speeds, method, rtol, dtype):
    """(stop, state, patient), steps tried, status."""
    tier = tier_of(method, rtol, dtype)
    speeds = speeds.astype(dtype)
    zero = jnp.zeros_like(speeds)
    states, nothing = (zero + 100.0, *[zero] * (SIZE - 1)), (zero,) * SIZE
    memory, seen = tier.begin(speeds, states, nothing, zero), []
    for before, stop in zip((0.0, *STOPS), STOPS, strict=False):
        elapsed = jnp.full_like(speeds, stop - before)
        states, memory = tier.advance(speeds, states, nothing, memory, jnp.full_like(speeds, before), elapsed)
        seen.append(states)
    return seen, memory.steps, tier.status(memory)


METHODS = [BOGACKI_SHAMPINE3, DORMAND_PRINCE5, TSIT5, VERNER7]
EXACT, ROUGH = (jnp.float64, 1e-6, 2e-5), (jnp.float32, 1e-4, 2e-3)
CASES = [*((method, *EXACT) for method in METHODS[1:]), *((m, *ROUGH) for m in (*METHODS, RODAS3, RODAS5P))]


@pytest.mark.parametrize(("method", "dtype", "rtol", "error"), CASES)
def test_a_chain_begins_from_nothing(method, dtype, rtol, error):
    """The last states start as t^9, where no step of lower order has a digit right."""
    seen, steps, status = amounts(jnp.asarray(SPEEDS), method, rtol, dtype)
    assert (status == codes.OK).all() and int(steps.max()) < 1000
    for stop, states in zip(STOPS, seen, strict=True):
        for i, x in enumerate(states):
            exact = 100.0 * (SPEEDS * stop) ** i / factorial(i) * np.exp(-SPEEDS * stop)
            assert np.array(x) == pytest.approx(exact, rel=error, abs=100.0 * error * rtol)


def test_a_method_of_higher_order_needs_fewer_steps():
    used = {m.order: int(amounts(jnp.asarray(SPEEDS), m, 1e-4, jnp.float32)[1][1]) for m in METHODS}
    assert used[7] < used[5] < used[3]


@pytest.mark.parametrize("method", [TSIT5, RODAS3], ids=["explicit", "stiff"])
def test_why_a_patient_goes_no_further_and_that_its_neighbours_do(method):
    speeds = jnp.asarray(SPEEDS).at[2].set(jnp.nan)
    whole = amounts(jnp.asarray(SPEEDS), method, 1e-4, jnp.float32)
    seen, _, status = amounts(speeds, method, 1e-4, jnp.float32)
    assert status.tolist() == [codes.OK, codes.OK, codes.NON_FINITE, codes.OK]
    others = [0, 1, 3]
    assert np.array_equal(np.array(seen)[:, :, others], np.array(whole[0])[:, :, others])
