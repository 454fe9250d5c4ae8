"""Draws against Random123's known answers, JAX's own Threefry, SciPy's normal distribution, and frozen bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry2x32_p
from scipy import special, stats

from kernels import random

IDS = np.arange(200_000, dtype=np.int64)
# Bounds on statistics of 200,000 draws: about five standard errors, at fixed seeds.
CORRELATION = 5 / np.sqrt(IDS.size)


def words(*values):
    return tuple(np.array([value], np.uint32) for value in values)


# Random123 1.14, tests/kat_vectors, lines "threefry2x32 20"
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(counter, key, expected):
    out = random.threefry2x32(words(*key), words(*counter))
    assert (int(out[0][0]), int(out[1][0])) == expected


def test_same_as_jax_threefry():
    rng = np.random.default_rng(0)
    k0, k1, c0, c1 = rng.integers(0, 1 << 32, (4, 1000), dtype=np.uint32)
    ours = random.threefry2x32((jnp.asarray(k0), jnp.asarray(k1)), (jnp.asarray(c0), jnp.asarray(c1)))
    theirs = threefry2x32_p.bind(*map(jnp.asarray, (k0, k1, c0, c1)))
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


# Fowler, Noll, Vo: test vectors of FNV-1a, 32 bits
@pytest.mark.parametrize(("name", "value"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_stream_is_fnv_1a(name, value):
    assert random.stream_id(name) == value


def test_frozen_bits():
    """A change here changes every study: raise SCHEME."""
    ids = np.array([0, 1, 417, 2**32 + 1, 10**12, -1], np.int64)
    first = random.bits(random.key(0, "weight"), ids)
    assert [hex(int(x)) for x in first[0]] == [
        "0x210f7bfa", "0x54d3318c", "0x1a70ade", "0x98db4143", "0x285ae2a9", "0xe8b4bb1c",
    ]  # fmt: skip
    assert [hex(int(x)) for x in first[1]] == [
        "0x81434b55", "0xa085af1d", "0xfc61fe73", "0x7af1d0af", "0xfd820f51", "0xaeb68346",
    ]  # fmt: skip
    second = random.bits(random.key(2**63 + 5, "eta.cl", occasion=3, replicate=7, draw=11), ids)
    assert [hex(int(x)) for x in second[0]] == [
        "0x41503318", "0x2c93d678", "0x2085ea7", "0x54e6346d", "0x27d42e1b", "0xc08b29fb",
    ]  # fmt: skip
    assert random.SCHEME == 1


def test_float_of_bits():
    key = random.key(0, "weight")
    np.testing.assert_array_equal(
        random.uniform(key, IDS[:3])[:2],
        [(0x210F7BFA81434B55 >> 12) * 2.0**-52 + 2.0**-53, (0x54D3318CA085AF1D >> 12) * 2.0**-52 + 2.0**-53],
    )
    np.testing.assert_allclose(random.normal(key, IDS[:2]), [-1.1304538290493897, -0.4361951924262588], rtol=4e-16)


def test_traced_arguments_give_the_same_key():
    static = random.key(2**40 + 3, "eta", occasion=2, replicate=5, draw=9)

    @jax.jit
    def traced(seed, occasion, replicate, draw):
        return random.key(seed, "eta", occasion=occasion, replicate=replicate, draw=draw)

    for seed in (np.uint64(2**40 + 3), np.int64(2**40 + 3)):
        got = traced(seed, np.uint32(2), np.int64(5), np.uint32(9))
        assert [int(word) for word in got] == [int(word) for word in static]
    assert [int(word) for word in random.key(3, "eta")] == [int(word) for word in random.key(np.uint32(3), "eta")]


def test_every_argument_matters():
    keys = [
        random.key(seed, stream, occasion=occasion, replicate=replicate, draw=draw)
        for seed in (0, 1, 2**32)
        for stream in ("a", "b")
        for occasion in (0, 1)
        for replicate in (0, 1)
        for draw in (0, 1)
    ]
    assert len({(int(k0), int(k1)) for k0, k1 in keys}) == 48


def test_position_batch_and_order_do_not_matter():
    key = random.key(7, "age")
    whole = np.asarray(jax.jit(random.normal)(key, IDS[:1024]))
    np.testing.assert_array_equal(jax.jit(random.normal)(key, IDS[:1024][::-1])[::-1], whole)
    np.testing.assert_array_equal(jax.jit(random.normal)(key, IDS[256:512]), whole[256:512])
    assert float(random.normal(key, 417)) == pytest.approx(whole[417], rel=4e-16)


def test_streams_drawn_together_are_those_drawn_alone():
    names, draw = ("population.anatomy.gfr", "eta:cl"), jax.jit(random.normal)
    together = draw(random.key(5, random.stream_ids(names), occasion=2), IDS[None, :512])
    for name, row in zip(names, np.asarray(together), strict=True):
        np.testing.assert_array_equal(draw(random.key(5, name, occasion=2), IDS[:512]), row)


def test_both_words_of_the_id_count():
    low = random.bits(random.key(0, "a"), np.array([5], np.int64))
    high = random.bits(random.key(0, "a"), np.array([5 + 2**32], np.int64))
    assert int(low[0][0]) != int(high[0][0])
    small = random.bits(random.key(0, "a"), np.array([5], np.int32))
    assert int(small[0][0]) == int(low[0][0])


def test_extremes_stay_inside(monkeypatch):
    def fixed(word):
        return lambda key, patient: (jnp.full(1, word, jnp.uint32), jnp.full(1, word, jnp.uint32))

    for word in (0, 0xFFFFFFFF):
        monkeypatch.setattr(random, "bits", fixed(word))
        for dtype in (jnp.float64, jnp.float32):
            assert 0.0 < float(random.uniform((0, 0), IDS[:1], dtype)[0]) < 1.0
            assert np.isfinite(random.normal((0, 0), IDS[:1], dtype)).all()
    assert random.normal((0, 0), IDS[:1])[0] == pytest.approx(special.ndtri(1 - 2.0**-53), rel=1e-15)


def test_normal_is_accurate_in_the_tails(monkeypatch):
    tail = 2.0 ** -np.linspace(1.1, 53.0, 500)
    for u in (tail, 1 - tail):
        monkeypatch.setattr(random, "uniform", lambda key, patient, u=u: jnp.asarray(u))
        np.testing.assert_allclose(random.normal((0, 0), IDS[:1]), special.ndtri(u), rtol=2e-15)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_distributions(dtype):
    u = np.asarray(random.uniform(random.key(1, "u"), IDS, dtype), np.float64)
    z = np.asarray(random.normal(random.key(1, "z"), IDS, dtype), np.float64)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    assert stats.kstest(z, "norm").pvalue > 0.01
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        spread = np.sqrt(special.factorial2(4 * power // 2 * 2 - 1 if power > 1 else 1))
        assert np.mean(z**power) == pytest.approx(moment, abs=5 * spread / np.sqrt(IDS.size))
    assert random.normal(random.key(1, "z"), IDS[:1], dtype).dtype == dtype


def test_pair_is_normal_and_independent():
    a, b = (np.asarray(x, np.float64) for x in random.normal_pair(random.key(2, "pair"), IDS))
    for values in (a, b):
        assert stats.kstest(values, "norm").pvalue > 0.01
    assert abs(np.corrcoef(a, b)[0, 1]) < CORRELATION
    assert abs(np.corrcoef(a**2, b**2)[0, 1]) < CORRELATION


def test_draws_are_independent():
    """Streams, seeds, occasions, replicates, draws and neighbouring patients."""
    keys = [
        random.key(0, "a"),
        random.key(0, "b"),
        random.key(1, "a"),
        random.key(0, "a", occasion=1),
        random.key(0, "a", replicate=1),
        random.key(0, "a", draw=1),
    ]
    rows = [np.asarray(random.normal(key, IDS)) for key in keys]
    rows += [np.roll(rows[0], 1), np.roll(rows[0], 256)]
    off = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(off).max() < CORRELATION
    joint = stats.chi2_contingency(np.histogram2d(rows[0], rows[1], bins=[[-9, -1, 0, 1, 9]] * 2)[0])
    assert joint.pvalue > 0.01


def test_many_normals():
    rows = np.asarray(jax.jit(lambda ids: random.normals(3, "residual", 101, ids))(IDS[:2000]))
    assert rows.shape == (101, 2000)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(random.normals(3, "residual", 6, IDS[:2000]), rows[:6], rtol=1e-5, atol=1e-6)
    pair = random.normal_pair(random.key(3, "residual", draw=2), IDS[:2000])
    np.testing.assert_allclose(pair[1], rows[5], rtol=1e-5, atol=1e-6)
    assert stats.kstest(rows.reshape(-1).astype(np.float64), "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(rows) - np.eye(101)).max() < 5 / np.sqrt(2000)


@pytest.mark.parametrize("given", [{"seed": -1}, {"seed": 1 << 64}, {"draw": 1 << 32}, {"occasion": -1}])
def test_out_of_range(given):
    with pytest.raises(ValueError, match="does not fit"):
        random.key(**{"seed": 0, "stream": "a", **given})


def test_an_id_is_an_integer():
    with pytest.raises(TypeError, match="integer"):
        random.bits(random.key(0, "a"), np.array([1.0]))
