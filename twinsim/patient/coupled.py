"""Organs of one patient in one structure: any of them, a drug's way through the body, and what the drug does there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from twinsim.errors import UsageError, nearest
from twinsim.models.couple import bind, couple
from twinsim.models.driven import driven
from twinsim.models.held import held
from twinsim.models.ranges import Range
from twinsim.models.registry import structure
from twinsim.models.structure import Parameter, Structure

# label: structure; what others need of one that is left out is a constant
ORGANS = {
    "circumstances": "organs/circumstances",
    "circulation": "organs/circulation",
    "lung": "organs/lung",
    "kidney": "organs/kidney",
    "fluids": "organs/fluid_compartments",
    "blood": "organs/blood_cells",
    "glucose": "organs/glucose",
    "insulin": "organs/insulin_depot",
    "marrow": "organs/marrow",
}
# the circulation's own counters: here blood comes and goes through fluids and red cells
_COUNTERS = {"blood_given": 0.0, "blood_lost": 0.0}
# ranges of a heart of one size become those of bodies that differ: of blood, organs/blood_cells has the share
_VALID = {
    "blood_volume": None,
    "oxygen_consumption": Range(100.0, 2000.0, "docs/organs.md: exercise; rest of any body"),
}
# parameters that another organ knows better, by the kind of the need they become
_SHARED = {
    "circulation": {"resting_oxygen_consumption": "flow"},
    "lung": {"resting_carbon_dioxide_production": "flow"},
    "kidney": {"total_body_water": "amount"},
}
# names that say in a whole patient what they are
_CALLED = {"blood.iv": "erythropoietin", "marrow.concentration": "marrow_drug"}


def organ(label: str) -> Structure:
    """An organ as the whole patient has it.

    Raises:
        UsageError: there is no such organ.
    """
    if label not in ORGANS:
        raise UsageError(f"no organ {label!r} in a whole patient", where="organs", do=nearest(label, ORGANS))
    found = structure(ORGANS[label])
    if label == "circulation":
        found = held(found, _COUNTERS)
        found = replace(
            found, needs=tuple(replace(port, valid=_VALID.get(port.name, port.valid)) for port in found.needs)
        )
    return driven(found, _SHARED[label]) if label in _SHARED else found


def coupled(
    organs: Sequence[str] = tuple(ORGANS),
    more: Mapping[str, Structure] | None = None,
    connect: Mapping[str, str] | None = None,
    name: str = "patient/whole",
    replaced: Mapping[str, Structure] | None = None,
) -> Structure:
    """These organs, and other parts, in one structure whose clock counts minutes.

    What two parts call the same is told apart by the organ's label: kidney_NAME. Needs that nobody feeds are parameters
    of the need's name, with its default.

    >>> coupled(["circulation", "lung"]).need_names
    ()

    Args:
        organs: labels of ORGANS.
        more: other parts by label, a drug's body for instance.
        connect: as of `couple`.
        replaced: organs in place of those of ORGANS, by label: driven by something, say.

    Raises:
        UsageError: no organs, or an unknown one.
    """
    if not organs:
        raise UsageError("a patient without organs", where="organs", do=f"choose of {', '.join(ORGANS)}")
    parts = {label: (replaced or {}).get(label) or organ(label) for label in dict.fromkeys(organs)}
    parts |= more or {}
    rename = _told_apart(parts) | {key: new for key, new in _CALLED.items() if key.partition(".")[0] in parts}
    whole = couple(name, parts, connect=connect or {}, rename=rename, time="min")
    return replace(
        bind(whole, {port.name: _closed(whole, port.name, port.name) for port in whole.needs}), parts=whole.parts
    )


def _closed(whole: Structure, need: str, called: str) -> Parameter:
    """A need as a parameter with the need's default."""
    port = next(port for port in whole.needs if port.name == need)
    low = 0.0 if port.kind in ("concentration", "amount", "fraction") else -float("inf")
    return Parameter(
        called,
        port.unit,
        float(port.default or 0.0),
        port.meaning,
        f"default of {whole.name}",
        (low, float("inf")),
        port.valid,
    )


def _told_apart(parts: Mapping[str, Structure]) -> dict[str, str]:
    """label.name: label_name, for parameters, states and routes that several parts have."""
    groups = ("parameters", "states", "routes")
    names = {
        label: {item.name for group in groups for item in getattr(part, group) if f"{label}.{item.name}" not in _CALLED}
        for label, part in parts.items()
    }
    seen = Counter(name for own in names.values() for name in own)
    return {f"{label}.{name}": f"{label}_{name}" for label, own in names.items() for name in own if seen[name] > 1}
