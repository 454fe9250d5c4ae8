"""What all patients are asked together depends on who is there: it decides loops, and is never a number of each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kernels.lanes import lanes
from tests.kernels.lanes.both import N, check, numbers

pytestmark = pytest.mark.usefixtures("everywhere")

# The second half of the patients answers otherwise than the first.
HALF = jnp.asarray(np.where(np.arange(N) < N // 2, 1.0, -1.0))
X = jnp.abs(numbers(N)) * HALF
FEW, MANY = (jnp.abs(numbers(rows, N)) * HALF[None] for rows in (3, 100))


def carried_out_of_a_scan(x, few, many):
    _, found = lax.scan(lambda total, row: (total, jnp.any(row > 0.0)), x, many)
    return jnp.where(found[:, None], many, 0.0)


def counted_in_rounds(x, few, many):
    rounds, y = lax.while_loop(
        lambda c: jnp.any(c[1] < 5.0), lambda c: (c[0] + 1.0, jnp.where(c[1] < 5.0, c[1] + 1.0, c[1])), (0.0, x)
    )
    return y + rounds


def on_the_way(x, few, many):
    return x + lax.cond(jnp.any(x > 0.0), lambda: 1.0, lambda: 2.0)


PROGRAMS = {
    "handed out": lambda x, few, many: jnp.broadcast_to(jnp.any(x > 0.0), x.shape),
    "of each row": lambda x, few, many: jnp.where(jnp.any(many > 0.0, axis=1)[:, None], many, 0.0),
    "of rows repeated": lambda x, few, many: jnp.where(
        jnp.repeat(jnp.any(few > 0.0, axis=1), 40)[:100, None], many, 0.0
    ),
    "added up": lambda x, few, many: x + jnp.sum(jnp.any(few > 0.0, axis=1).astype(x.dtype)),
    "as an index": lambda x, few, many: lax.dynamic_slice_in_dim(many, 3 * jnp.any(x > 0.0).astype(int), 5, 0),
    "carried out of a scan": carried_out_of_a_scan,
    "counted in rounds": counted_in_rounds,
    "on the way": on_the_way,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_number_of_each_patient(name):
    notes, given = [], (X, FEW, MANY)
    found = jax.jit(lanes(PROGRAMS[name], N, notes.append))(*given)
    np.testing.assert_array_equal(found, jax.jit(PROGRAMS[name])(*given))
    assert notes == ["lanes cannot do whether any or all patients are so, as a number of each patient"]


def test_a_loop_may_be_decided_by_many_answers_and_by_one_carried_on():
    def of_rows(many):
        return lax.while_loop(
            lambda x: jnp.any(jnp.any(x > 0.0, axis=1)), lambda x: jnp.where(x > 0.0, x - 0.5, x), many
        )

    def carried(x):
        def one(carry):
            x, _ = carry
            x = jnp.where(x > 0.0, x - 0.5, x)
            return x, lax.cond(jnp.any(x > 0.0), lambda: jnp.array(True), lambda: jnp.array(False))

        return lax.while_loop(lambda c: c[1], one, (x, jnp.array(True)))[0]

    check(of_rows, MANY)
    check(carried, X)


def test_integers_keep_their_kind_where_all_patients_share_one():
    """The same bits with and without a sign, both met with numbers of each patient."""

    def one(carry):
        number, x, y = carry
        bits, x = number.astype(jnp.uint32), x + number
        larger = jnp.maximum(jnp.broadcast_to(bits, x.shape), x.astype(jnp.uint32))
        return number + 1, x, y + larger.astype(jnp.float64)

    def program(x):
        return lax.while_loop(lambda c: c[0] < 3, one, (jnp.int32(-3), (8.0 * x).astype(jnp.int32), x))[1:]

    check(program, X)


def test_several_loops_at_once_are_left_to_xla():
    """What `vmap` makes of a loop: each of them has a question of its own."""

    def program(x):
        return lax.while_loop(lambda x: jnp.any(x < 5.0), lambda x: jnp.where(x < 5.0, x + 1.0, x), x)

    notes, both = [], jnp.stack([X, X - 3.0])
    found = jax.jit(jax.vmap(lanes(program, N, notes.append)))(both)
    np.testing.assert_array_equal(found, jax.vmap(program)(both))
    assert notes == ["lanes cannot do several loops at once, each with a question of its own"]
