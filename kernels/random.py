"""Counter-based random numbers: a draw depends on (seed, stream, occasion, replicate, draw, patient) alone.

    key  = T(T(T(seed; stream, tag); occasion, replicate); draw, tag)          T(key; counter) = Threefry-2x32-20
    bits = T(key; low word of patient, high word of patient)

All folding is scalar work; a patient costs one Threefry call per 64 bits, without gathers or loops, so a draw does not
depend on which other patients are drawn with it, in what order, or on how many devices. The stream is the FNV-1a hash
of a name, so that a new variable leaves the draws of all others as they were.

Bits are exact everywhere. Floats made from them pass through log and sqrt, which may differ in the last place between
backends and compilers.

Source: Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers: as easy as 1, 2, 3, SC'11, section 4.2 and table 2
(Threefry), doi:10.1145/2063384.2063405; rotation constants of Threefry-2x32 and known answers from Random123 1.14.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri

Key = tuple[Any, Any]

# Stored with results: a change of any rule in this file needs another number.
SCHEME = 1

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
# Constants of the two scalar folds that leave a counter word free, so that no fold can pass for another.
_STREAM_TAG, _DRAW_TAG = 0x5354524D, 0x44524157
_LOW = 0xFFFFFFFF


def threefry2x32(key: Key, counter: Key) -> Key:
    """Threefry-2x32 with 20 rounds: two words of counter to two words of random bits.

    x0 += k0; x1 += k1; then five times: four rounds (x0 += x1; x1 = rotl(x1, r) ^ x0) and one key injection.

    Args:
        key: two uint32 words, any shape.
        counter: two uint32 words, a shape that broadcasts with the key's.

    Returns:
        Two uint32 words of the broadcast shape.
    """
    if all(isinstance(word, np.ndarray | np.generic) for word in (*key, *counter)):
        return _unrolled(key, counter)
    return _threefry(key, counter)


def _schedule(key: Key) -> tuple[Any, Any, Any]:
    return key[0], key[1], key[0] ^ key[1] ^ _PARITY


def _round(x: Key, rotation: Any) -> Key:
    x0 = x[0] + x[1]
    return x0, ((x[1] << rotation) | (x[1] >> (np.uint32(32) - rotation))) ^ x0


def _unrolled(key: Key, counter: Key) -> Key:
    """All rounds one after the other."""
    schedule = _schedule(key)
    x = counter[0] + schedule[0], counter[1] + schedule[1]
    for injection in range(1, 6):
        for rotation in _ROTATIONS[(injection - 1) % 2]:
            x = _round(x, np.uint32(rotation))
        x = x[0] + schedule[injection % 3], x[1] + schedule[(injection + 1) % 3] + np.uint32(injection)
    return x


def _rolled(key: Key, counter: Key) -> Key:
    """Four rounds in a loop.

    XLA repeats straight-line code in every loop that uses its result, five times over in a program of people; it
    leaves a loop alone, which halves the time to compile and to run.
    """
    schedule = _schedule(key)
    shape = jnp.broadcast_shapes(*(jnp.shape(word) for word in (*key, *counter)))
    x = tuple(jnp.broadcast_to(word + part, shape) for word, part in zip(counter, schedule, strict=False))

    def four(i: Any, x: Key) -> Key:
        for pair in zip(*_ROTATIONS, strict=True):
            x = _round(x, jnp.where(i % 2 == 0, np.uint32(pair[0]), np.uint32(pair[1])))
        first, second = (
            jnp.where(i % 3 == 0, schedule[j], jnp.where(i % 3 == 1, schedule[(j + 1) % 3], schedule[(j + 2) % 3]))
            for j in (1, 2)
        )
        return x[0] + first, x[1] + second + (i + 1).astype(jnp.uint32)

    return jax.lax.fori_loop(0, 5, four, x)


@jax.jit
def _threefry(key: Key, counter: Key) -> Key:
    # On a GPU each turn of a loop is a launch.
    return jax.lax.platform_dependent(key, counter, cpu=_rolled, default=_unrolled)


def stream_id(name: str) -> int:
    """The 32-bit stream of a name: FNV-1a over its UTF-8 bytes.

    h = 2166136261; for each byte: h = (h ^ byte) * 16777619 mod 2^32

    >>> hex(stream_id("foobar"))
    '0xbf9cf968'

    Source: Fowler, Noll, Vo, The FNV non-cryptographic hash algorithm, IETF draft-eastlake-fnv (test vector "foobar").
    """
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & _LOW
    return value


def stream_ids(names: Iterable[str], axes: int = 1) -> Array:
    """Streams of several names at once: their draws are those of each by itself, in one program.

    Args:
        axes: of ids, occasions and replicates, behind that of streams: (stream, 1...).
    """
    numbers = np.array([stream_id(name) for name in names], np.uint32)
    return jnp.asarray(numbers.reshape(-1, *(1,) * axes))


def key(seed: Any, stream: str | int | Array, *, occasion: Any = 0, replicate: Any = 0, draw: Any = 0) -> Key:
    """The key of one draw of one variable: two uint32 words.

    >>> [hex(word) for word in key(0, "weight")]
    ['0xd1547b28', '0xf387112a']

    Args:
        seed: the user's integer, 0 to 2^64 - 1; Python int or integer array.
        stream: the variable's name, or its `stream_id`; `stream_ids` give keys for each.
        occasion: occasion of the patient, from 0, below 2^32.
        replicate: replicate of the study, from 0, below 2^32.
        draw: which draw of this variable, from 0, below 2^32; an array gives an array of keys, say (time, 1).

    Returns:
        Two uint32 words of the shape of the arguments: NumPy scalars if all are Python ints, JAX arrays otherwise.

    Raises:
        ValueError: a Python int outside its range.
    """
    number = stream_id(stream) if isinstance(stream, str) else stream
    given = {"occasion": occasion, "replicate": replicate, "draw": draw, "stream": number}
    if all(isinstance(value, int) for value in (seed, *given.values())):
        # One-element arrays: NumPy scalars would warn of the wrap-around that the algorithm wants.
        words = {name: np.array([_word(value, name)], np.uint32) for name, value in given.items()}
        low, high = _split(seed)
        folded = _fold((np.array([low], np.uint32), np.array([high], np.uint32)), words, np)
        return folded[0][0], folded[1][0]
    words = {name: jnp.asarray(_word(value, name), jnp.uint32) for name, value in given.items()}
    low, high = _split(seed)
    return _fold((jnp.asarray(low, jnp.uint32), jnp.asarray(high, jnp.uint32)), words, jnp)


def _fold(seed: Key, words: dict[str, Any], numpy: Any) -> Key:
    folded = threefry2x32(seed, (words["stream"], numpy.full((), _STREAM_TAG, np.uint32)))
    folded = threefry2x32(folded, (words["occasion"], words["replicate"]))
    return threefry2x32(folded, (words["draw"], numpy.full((), _DRAW_TAG, np.uint32)))


def _word(value: Any, name: str) -> Any:
    if isinstance(value, int):
        if not 0 <= value <= _LOW:
            raise ValueError(f"{name}={value} does not fit in 32 bits: use 0 to {_LOW}")
        return value
    return jnp.asarray(value).astype(jnp.uint32)


def _split(value: Any) -> tuple[Any, Any]:
    """The low and high 32-bit words of a Python int or of an integer array."""
    if isinstance(value, int):
        if not 0 <= value < 1 << 64:
            raise ValueError(f"seed={value} does not fit in 64 bits: use 0 to {(1 << 64) - 1}")
        return value & _LOW, value >> 32
    value = jnp.asarray(value)
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise TypeError(f"an id or a seed is an integer, not {value.dtype}")
    if value.dtype.itemsize < 8:
        value = value.astype(jnp.int64)
    return value.astype(jnp.uint32), (value >> np.asarray(32, value.dtype)).astype(jnp.uint32)


def bits(key: Key, patient: Any) -> tuple[Array, Array]:
    """64 random bits per patient.

    Args:
        key: two uint32 words, scalars or a shape that broadcasts with `patient`, such as (time, 1).
        patient: ids, int64, such as (patient,) or (1, patient).

    Returns:
        Two uint32 arrays of the broadcast shape.
    """
    words = (jnp.asarray(key[0], jnp.uint32), jnp.asarray(key[1], jnp.uint32))
    low, high = _split(patient)
    return threefry2x32(words, (jnp.asarray(low, jnp.uint32), jnp.asarray(high, jnp.uint32)))


def uniform(key: Key, patient: Any, dtype: Any = jnp.float64) -> Array:
    """A uniform number per patient in the open interval (0, 1), symmetric about 1/2.

    float64: (n + 1/2) 2^-52 with n of 52 bits;  float32: (n + 1/2) 2^-23 with n of 23 bits. Both are exact.

    Args:
        key: from `key`.
        patient: ids, int64 (patient,).
        dtype: float64 or float32.

    Returns:
        Numbers in (0, 1), the shape of `bits`.
    """
    w0, w1 = bits(key, patient)
    if jnp.dtype(dtype) == jnp.float32:
        return ((w0 >> np.uint32(9)).astype(jnp.float32) + np.float32(0.5)) * np.float32(2.0**-23)
    high, low = w0.astype(jnp.float64), (w1 >> np.uint32(12)).astype(jnp.float64)
    return (high * 2.0**20 + low + 0.5) * 2.0**-52


def normal(key: Key, patient: Any, dtype: Any = jnp.float64) -> Array:
    """A standard normal number per patient.

    float64: the inverse distribution function of `uniform`, within +-8.2;  float32: the first of `normal_pair`,
    which is another number and not a rounding of the float64 one.

    Args:
        key: from `key`.
        patient: ids, int64 (patient,).
        dtype: float64 or float32.

    Returns:
        Normal numbers, the shape of `bits`.
    """
    if jnp.dtype(dtype) == jnp.float32:
        return normal_pair(key, patient)[0]
    return ndtri(uniform(key, patient))


def normal_pair(key: Key, patient: Any) -> tuple[Array, Array]:
    """Two independent float32 standard normal numbers per patient from one Threefry call.

    u = (w0 + 1/2) 2^-32, v = w1 2^-32;  r = sqrt(-2 ln u);  r cos(2 pi v), r sin(2 pi v), within +-6.8

    Args:
        key: from `key`; keys of shape (time, 1) against ids of shape (1, patient) give (time, patient).
        patient: ids, int64.

    Returns:
        Two float32 arrays, the shape of `bits`.

    Source: Box, Muller 1958, Ann Math Stat 29:610, doi:10.1214/aoms/1177706645.
    """
    w0, w1 = bits(key, patient)
    # Rounding may bring u to 1, never to 0: the radius is then 0 and stays finite.
    u = w0.astype(jnp.float32) * np.float32(2.0**-32) + np.float32(2.0**-33)
    radius = jnp.sqrt(np.float32(-2.0) * jnp.log(jnp.minimum(u, np.float32(1.0))))
    angle = (w1 >> np.uint32(8)).astype(jnp.float32) * np.float32(2.0 * np.pi * 2.0**-24)
    return radius * jnp.cos(angle), radius * jnp.sin(angle)


def normals(seed: Any, stream: str | int, count: int, patient: Any, *, occasion: Any = 0, replicate: Any = 0) -> Array:
    """Many float32 standard normal numbers per patient, as for residual errors over time.

    Row i is one word of draw i // 2, so the first rows are the same whatever the count.

    Args:
        seed, stream, occasion, replicate: as in `key`.
        count: rows, at least 1.
        patient: ids, int64 (patient,).

    Returns:
        Normal numbers, float32 (count, patient).
    """
    draws = jnp.arange((count + 1) // 2, dtype=jnp.uint32)[:, None]
    keys = key(seed, stream, occasion=occasion, replicate=replicate, draw=draws)
    pair = normal_pair(keys, jnp.asarray(patient)[None, :])
    rows = jnp.stack(pair, axis=1).reshape(-1, pair[0].shape[-1])
    return jax.lax.slice_in_dim(rows, 0, count)
