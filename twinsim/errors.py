"""Errors a person can act on: what went wrong, where, why, and what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TwinsimError(Exception):
    """A refusal with its remedy.

    Args:
        what: what is wrong, in one sentence.
        where: the place: a config key, file and row, model and parameter.
        why: the reason, where it is not obvious.
        do: what to type or change next.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", do: str = "") -> None:
        self.what, self.where, self.why, self.do = what, where, why, do
        lines = [what]
        for label, text in (("where", where), ("why", why), ("do", do)):
            if text:
                lines.append(f"  {label}: {text}")
        super().__init__("\n".join(lines))


class UsageError(TwinsimError):
    """A command, config or argument that cannot be run as written (exit code 2)."""


class ModelError(TwinsimError):
    """A structure, population model or drug that contradicts itself or cannot be used so."""


class UnitError(TwinsimError):
    """A unit that is unknown or does not fit."""


class DataError(TwinsimError):
    """Data from outside that cannot be read soundly."""


class StoreError(TwinsimError):
    """A results folder or file that is missing, damaged, foreign or full."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The sentence that helps with a misspelt name.

    >>> nearest("clearence", ["clearance", "volume"])
    'did you mean clearance?'
    >>> nearest("zzz", ["clearance", "volume"])
    'known: clearance, volume'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(known)}"


def one_of(value: str, known: Iterable[str], where: str) -> None:
    """Refuse a word that is none of those that are known.

    Raises:
        UsageError: with the nearest of them.
    """
    if value not in known:
        raise UsageError(f"{value!r} is no {where.replace('_', ' ')}", where=where, do=nearest(str(value), known))


# One sentence a person can act on for each code of kernels/status.py.
REMEDIES = {
    "max_steps": "the solver used all its steps: use solver=stiff, loosen rtol, or raise solver.max_steps",
    "non_finite": "a state or parameter became infinite or NaN: look at this patient's parameters",
    "step_too_small": "the step shrank below what the precision can add: use solver=stiff or precision=float64",
    "no_steady_state": "no steady state was reached: check that the drug is eliminated faster than it is given, and "
    "that the lag of an infusion is no longer than II",
    "too_many_events": "more infusions overlap than the plan has room for: raise II or shorten the infusion",
    "bad_parameter": "a parameter lies outside its bounds: check covariates and random effects of this patient",
    "ill_conditioned": "a compartment is all but cut off, or the time is too long for the rates, and the exact "
    "solution would not be: use solver=linear in place of closed, solver=stiff in place of linear",
    "no_equilibrium": "this patient has no steady state without doses, or none that is reached from the structure's "
    "own start: look for something made faster than it can be removed, or leave start=equilibrium out",
}
