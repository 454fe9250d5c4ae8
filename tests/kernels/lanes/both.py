"""Programs by lanes and by XLA."""

import jax
import jax.numpy as jnp
import numpy as np

from kernels.lanes import lanes

rng = np.random.default_rng(3)
N = 96


def numbers(*shape, dtype=np.float64):
    return jnp.asarray(rng.normal(size=shape).astype(dtype))


def check(function, *arguments, patients=N, rtol=1e-14, atol=1e-300):
    """Both ways, to rounding; lanes must not have given up."""
    notes = []
    found = jax.jit(lanes(function, patients, notes.append))(*arguments)
    assert not notes, notes
    expected = jax.jit(function)(*arguments)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol if a.dtype.kind == "f" else 0)
