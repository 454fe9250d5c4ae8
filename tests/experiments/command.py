"""Command lines run inside the test's process, with what they print."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import jax

from twinsim import cli


@dataclass(frozen=True)
class Answer:
    """Exit code and what was written to the two streams."""

    code: int
    out: str
    err: str


def command(*words: str) -> Answer:
    """Run `python -m twinsim` with these words."""
    out, err = io.StringIO(), io.StringIO()
    # Calibration uses optax, which relies on JAX's ordinary rules; a person's command runs under them too.
    rules = (jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"))
    with rules[0], rules[1], contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([str(word) for word in words])
    return Answer(code, out.getvalue(), err.getvalue())
