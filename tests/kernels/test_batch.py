"""Many patients at once by lanes, and block by block by XLA: the same results, totals and memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.batch import BLOCK, Fold, OverBlocks, all_devices, spread

PATIENTS = BLOCK * jax.device_count()
rng = np.random.default_rng(5)


def program(own, shared):
    curve = jnp.exp(-own["rate"][None, :] * shared["times"][:, None]) * shared["dose"]
    return {"curve": curve.astype(jnp.float32), "late": curve[-1] > 0.1}


def by_xla(own, shared):
    """The same, with something in it that lanes cannot do."""
    return program({"rate": own["rate"] + 0.0 * jax.scipy.special.gammaln(own["rate"])}, shared)


# With as many times as a device has patients: an axis is not that of patients by its length.
def given(times=BLOCK):
    own = {"rate": spread(rng.uniform(0.1, 2.0, PATIENTS), all_devices())}
    return own, {"times": jnp.linspace(0.0, 3.0, times), "dose": jnp.asarray(2.0)}


def add(total, own, results):
    first = {"first": results["curve"][:, :1]}
    return {"late": total["late"] + jnp.sum(results["late"] & (own["rate"] < 1.0))}, first


FOLD = Fold(
    start=lambda shapes: {"late": jnp.zeros((), jnp.int64)},
    add=add,
    keep=lambda results: {"late": results["late"]},
)


@pytest.mark.parametrize("times", [3, BLOCK])
def test_both_ways_agree(times):
    own, shared = given(times)
    notes = []
    fast = OverBlocks(program, all_devices(), note=notes.append)(own, shared)
    assert not notes
    slow = OverBlocks(by_xla, all_devices(), note=notes.append)(own, shared)
    assert notes == ["the operation lgamma"]
    expected = 2.0 * np.exp(-np.asarray(own["rate"]) * np.asarray(shared["times"])[:, None])
    for found in (fast, slow):
        np.testing.assert_allclose(found["curve"], expected, rtol=3e-7)
        assert found["curve"].shape == (times, PATIENTS) and found["curve"].dtype == jnp.float32
        np.testing.assert_array_equal(found["late"], expected[-1] > 0.1)


@pytest.mark.parametrize("function", [program, by_xla])
def test_totals_and_what_is_kept(function):
    own, shared = given(7)
    kept, total = OverBlocks(function, all_devices(), fold=FOLD)(own, shared)
    rate = np.asarray(own["rate"])
    late = 2.0 * np.exp(-3.0 * rate) > 0.1
    assert set(kept) == {"late", "first"} and total["late"].shape == (jax.device_count(),)
    assert int(np.sum(total["late"])) == int(np.sum(late & (rate < 1.0)))
    np.testing.assert_array_equal(kept["late"], late)
    firsts = rate[::BLOCK]
    expected = 2.0 * np.exp(-firsts * np.asarray(shared["times"])[:, None])
    np.testing.assert_allclose(kept["first"], expected, rtol=3e-7)


@pytest.mark.parametrize("fold", [None, FOLD])
def test_memory_of_an_earlier_call_is_written_over(fold):
    own, shared = given(7)
    run = OverBlocks(program, all_devices(), **({} if fold is None else {"fold": fold}))
    kept = run(own, shared) if fold is None else run(own, shared)[0]
    places = {s.data.unsafe_buffer_pointer() for s in kept["late"].addressable_shards}
    doubled = {"rate": own["rate"] * 2.0}
    again = run(doubled, shared, kept) if fold is None else run(doubled, shared, kept)[0]
    assert all(array.is_deleted() for array in kept.values())
    assert {s.data.unsafe_buffer_pointer() for s in again["late"].addressable_shards} == places
    np.testing.assert_array_equal(again["late"], 2.0 * np.exp(-6.0 * np.asarray(own["rate"])) > 0.1)


@pytest.mark.parametrize("function", [program, by_xla])
def test_memory_of_other_sizes_is_refused(function):
    own, shared = given(7)
    run = OverBlocks(function, all_devices())
    kept = run(own, shared)
    with pytest.raises(ValueError, match="written over"):
        run({"rate": spread(np.tile(own["rate"], 2), all_devices())}, shared, kept)
