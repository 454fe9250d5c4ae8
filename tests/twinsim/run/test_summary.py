"""Reducers: against NumPy, and to the bit whatever the chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinsim.errors import UsageError
from twinsim.run.bins import Bins
from twinsim.run.job import BLOCK, Reducer
from twinsim.run.summary import Moments, Quantiles, default_reducers
from twinsim.store import Variable

CURVE = Variable("c", ("patient", "time"), "float32", "mg/L", "concentration")
SWEPT = Variable("c", ("scenario", "patient", "time"), "float32", "mg/L", "concentration")


def sample(patients: int, rows: int = 3, seed: int = 1) -> np.ndarray:
    """Lognormal values over ten orders of magnitude with zeros and failed patients."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0.0, 4.0, (rows, patients)))
    values[rng.random(values.shape) < 0.05] = 0.0
    values[:, rng.random(patients) < 0.02] = np.nan
    return values.astype(np.float32)


def reduce(reducer: Reducer, values: np.ndarray, cuts: list[int], shards: list[int] = ()) -> dict[str, np.ndarray]:
    """Results when chunks end at `cuts` and shards at `shards`."""
    ends = sorted({*cuts, *shards, values.shape[-1]})
    whole, state, first = reducer.start(), reducer.start(), 0
    for end in ends:
        state = reducer.add(state, {"c": values[..., first:end]}, first)
        if end in shards:
            whole, state = reducer.merge(whole, state), reducer.start()
        first = end
    return {v.name: x for v, x in reducer.finish(reducer.merge(whole, state))}


REDUCERS = {
    "moments": lambda size: Moments((CURVE,)),
    "exact": lambda size: Quantiles((CURVE,), size),
    "bins": lambda size: Quantiles((CURVE,), size, exact_limit=0),
}


@pytest.mark.parametrize("make", REDUCERS.values(), ids=REDUCERS)
@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 6000), data=st.data())
def test_cuts_do_not_change_a_bit(make, size, data):
    inner = [b * BLOCK for b in range(1, -(-size // BLOCK))]
    cuts = data.draw(st.lists(st.sampled_from(inner))) if inner else []
    shards = data.draw(st.lists(st.sampled_from(inner))) if inner else []
    values = sample(size)
    reducer = make(size)
    one, other = reduce(reducer, values, []), reduce(reducer, values, cuts, shards)
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


def test_moments_agree_with_numpy():
    values = sample(10_000)
    found = reduce(Moments((CURVE,)), values, [512, 4096])
    exact = values.astype(np.float64)
    np.testing.assert_allclose(found["c_mean"], np.nanmean(exact, axis=-1), rtol=1e-13)
    np.testing.assert_allclose(found["c_sd"], np.nanstd(exact, axis=-1, ddof=1), rtol=1e-13)
    np.testing.assert_array_equal(found["c_n"], np.isfinite(values).sum(axis=-1))


def test_moments_keep_digits_where_the_mean_is_large():
    values = (1e6 + np.random.default_rng(2).normal(0, 1, (1, 50_000))).astype(np.float64)
    found = reduce(Moments((CURVE,)), values, [])
    np.testing.assert_allclose(found["c_sd"], values.std(axis=-1, ddof=1), rtol=1e-9)


def test_moments_of_nobody_and_one():
    values = np.full((2, 300), np.nan, np.float32)
    values[1, 7] = 5.0
    found = reduce(Moments((CURVE,)), values, [256])
    np.testing.assert_array_equal(found["c_n"], [0, 1])
    np.testing.assert_array_equal(found["c_mean"], [np.nan, 5.0])
    assert np.isnan(found["c_sd"]).all()


def test_state_is_small_and_plain():
    reducer = Moments((CURVE,))
    state = reducer.add(reducer.start(), {"c": sample(256 * 1000)}, 0)
    assert len(state["level"]) == bin(1000).count("1")
    assert all(isinstance(x, np.ndarray) for x in state.values())
    assert sum(x.nbytes for x in state.values()) < reducer.state_bytes({"time": 3}, 256_000) + 1000


def test_exact_quantiles_agree_with_numpy():
    values = sample(3000)
    found = reduce(Quantiles((CURVE,), 3000), values, [1024])
    expected = np.nanquantile(values.astype(np.float64), found["quantile"], axis=-1)
    np.testing.assert_allclose(found["c"], expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("error", [0.05, 0.005, 0.0005])
def test_bins_keep_their_relative_error(error, dtype):
    values = sample(200_000).astype(dtype)
    values[2] *= -1
    probabilities = (0.0, 0.01, 0.05, 0.3, 0.5, 0.77, 0.99, 1.0)
    bins = Bins(relative_error=error, tiny=1e-12, huge=1e12)
    reducer = Quantiles((CURVE,), 200_000, probabilities, bins=bins)
    assert not reducer.is_exact
    found = reduce(reducer, values, [65536, 131072])
    expected = np.nanquantile(values.astype(np.float64), probabilities, axis=-1)
    wrong = np.abs(found["c"] - expected) / np.maximum(np.abs(expected), 1e-300)
    assert wrong.max() <= error
    assert wrong.max() > error / 20, "the bound should be used, not wasted"


@settings(max_examples=200, deadline=None)
@given(st.floats(2.0**-30, 2.0**30, width=32), st.booleans(), st.sampled_from([0.1, 0.01, 0.005, 0.001]))
def test_every_value_is_near_its_bin(value, negative, error):
    bins = Bins(relative_error=error)
    value = -value if negative else value
    if abs(value) >= 1e9:
        return
    for dtype in (np.float32, np.float64):
        back = bins.values[bins.index(np.array([value], dtype))][0]
        assert abs(back - value) <= error * abs(value)


def test_bins_are_in_order_and_complete():
    for signed in (True, False):
        bins = Bins(signed=signed)
        assert len(bins.values) == bins.count and (np.diff(bins.values) > 0).all()
        assert bins.values[bins.zero] == 0.0
    np.testing.assert_array_equal(Bins().values, -Bins().values[::-1])


def test_zero_huge_and_failed_values():
    bins = Bins(tiny=1e-6, huge=1e6)
    values = np.array([[0.0, -0.0, 1e-8, -1e-8, np.nan, np.inf, 1e7]], np.float32)
    counts = np.zeros((bins.count, 1), np.int64)
    bins.add_to(counts, values)
    assert counts.sum() == 5 and counts[bins.zero, 0] == 4 and counts[-1, 0] == 1
    np.testing.assert_array_equal(bins.quantiles(counts, np.array([0.0, 0.5, 1.0])), [[0.0, 0.0, np.inf]])


def test_negative_values_are_refused_without_bins_for_them():
    bins = Bins(signed=False)
    with pytest.raises(UsageError, match="signed=True"):
        bins.index(np.array([-1.0]))
    assert bins.index(np.array([-1e-12, 0.0])).tolist() == [0, 0]


def test_counts_from_the_device_are_added():
    values = sample(2000)
    reducer = Quantiles((CURVE,), 2000, exact_limit=0)
    counts = np.zeros((reducer.bins.count, 3), np.int64)
    reducer.bins.add_to(counts, values)
    state = reducer.add(reducer.start(), {"c#bins": np.stack([counts.T, 0 * counts.T]).astype(np.int32)}, 0)
    ours = {v.name: x for v, x in reducer.finish(state)}
    assert ours["c"].tobytes() == reduce(reducer, values, [512])["c"].tobytes()
    with pytest.raises(UsageError, match="bins, expected"):
        reducer.add(reducer.start(), {"c#bins": counts.T[None, :, 1:]}, 0)


def test_swept_dimensions_stay_in_front():
    values = sample(1000, rows=8).reshape(2, 4, 1000)
    for exact_limit in (0, 10_000):
        reducer = Quantiles((SWEPT,), 1000, (0.1, 0.5, 0.9), exact_limit=exact_limit)
        state = reducer.add(reducer.start(), {"c": values}, 0)
        (_, _), (variable, found) = reducer.finish(state)
        assert variable.dims == ("scenario", "quantile", "time") and found.shape == (2, 3, 4)
        assert variable.attributes["excluded_values"] == np.isnan(values).sum()
        expected = np.nanquantile(values.astype(np.float64), 0.5, axis=-1)
        np.testing.assert_allclose(found[:, 1], expected, rtol=0.005)
    moments = Moments((SWEPT,))
    (mean, found), *_ = moments.finish(moments.add(moments.start(), {"c": values}, 0))
    assert mean.dims == ("scenario", "time") and found.shape == (2, 4)


def test_wrong_use_is_refused():
    with pytest.raises(UsageError, match="multiples of 256"):
        Moments((CURVE,)).add(Moments((CURVE,)).start(), {"c": sample(10)}, 100)
    with pytest.raises(UsageError, match="increasing"):
        Quantiles((CURVE,), 10, (0.9, 0.1))
    with pytest.raises(UsageError, match="relative_error"):
        Bins(relative_error=0.0)
    assert [r.name for r in default_reducers([CURVE], 10)] == ["moments", "quantiles"]
