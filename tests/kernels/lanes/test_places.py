"""Long curves that become results by `jnp.where`: written where they stay, and never over what is still wanted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.kernels.lanes.both import N, check, numbers

pytestmark = pytest.mark.usefixtures("everywhere")

X = numbers(N)
TIMES = jnp.linspace(0.0, 0.1, 600)  # longer than what is kept on the stack
MIXED = jnp.asarray(np.r_[np.zeros(32, bool), np.ones(32, bool), np.tile([False, True], (N - 64) // 2)])


def curves(x, times):
    def row(level, time):
        level = level * jnp.cos(time)
        return level, {"low": level, "high": level + 1.0}

    return lax.scan(row, x, times[:, None])[1]


def failed_is_false(x, bad, times):
    return jnp.where(bad, jnp.nan, curves(x, times)["low"])


def failed_is_true(x, bad, times):
    return jnp.where(bad, curves(x, times)["low"], jnp.nan)


def one_of_two(x, bad, times):
    made = curves(x, times)
    return jnp.where(bad, made["low"], made["high"])


def one_of_two_made_element_by_element(x, bad, times):
    made = curves(x, times)
    return jnp.where(bad, jnp.exp(made["low"]), made["high"] * 2.0)


def chosen_twice(x, bad, times):
    made = curves(x, times)
    return jnp.where(bad, jnp.nan, jnp.where(x > 0.0, made["low"], made["high"]))


def handed_out_as_well(x, bad, times):
    made = curves(x, times)["low"]
    return jnp.where(bad, jnp.nan, made), made


def read_again_in_the_program_that_chooses(x, bad, times):
    @jax.jit
    def masked(bad, curve):
        return jnp.where(bad, jnp.nan, curve), jnp.max(curve, axis=0), curve[3:103]

    masked_curve, top, part = masked(bad, curves(x, times)["low"])
    return masked_curve, top, jnp.sum(jnp.isnan(part), axis=0)


def read_again_in_the_program_that_makes(x, bad, times):
    @jax.jit
    def made(x, times):
        curve = curves(x, times)["low"]
        return curve, curve[:100]

    curve, part = made(x, times)
    return jnp.where(bad, jnp.nan, curve), jnp.max(part, axis=0)


def chosen_by_itself(x, bad, times):
    made = curves(x, times)["low"]
    return jnp.where((made > 0.0) & ~bad, made, jnp.nan)


PROGRAMS = [
    failed_is_false,
    failed_is_true,
    one_of_two,
    one_of_two_made_element_by_element,
    chosen_twice,
    handed_out_as_well,
    read_again_in_the_program_that_chooses,
    read_again_in_the_program_that_makes,
    chosen_by_itself,
]


@pytest.mark.parametrize("bad", [MIXED, jnp.zeros(N, bool), jnp.ones(N, bool)], ids=["some", "none", "all"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_where_keeps_what_is_still_wanted(program, bad):
    # `x == x` makes the condition one that the program computes.
    check(lambda x, bad, times: program(x, (bad & (x == x))[None], times), X, bad, TIMES, rtol=1e-12, atol=1e-14)
