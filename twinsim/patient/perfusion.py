"""Blood flows of a drug's body that follow the heart: each tissue keeps its share of cardiac output.

    flow of a tissue = q (cardiac_output/sum of all q),    q: at rest, of the patient's anatomy

Shares do not change: what shock or work redistributes is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twinsim.models.structure import Port, Structure


def perfusion(body: Structure, output: str = "cardiac_output") -> tuple[Structure, tuple[str, ...]]:
    """The part that gives a body its flows, and the names of those: needs `output`, gives q_TISSUE_now."""
    items = tuple(item for item in body.parameters if item.name.startswith("q_") and item.unit == "L/h")
    names = tuple(item.name for item in items)
    return _structure(items, names, output), names


def _structure(items: Sequence[Any], names: tuple[str, ...], output: str) -> Structure:
    def outputs(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        share = getattr(u, output) / sum(getattr(p, name) for name in names)
        return {f"{name}_now": getattr(p, name) * share for name in names}

    return Structure(
        name="patient/perfusion",
        parameters=tuple(items),
        states=(),
        needs=(Port(output, "L/h", "flow", "of the heart", default=sum(item.default for item in items)),),
        gives=tuple(Port(f"{item.name}_now", item.unit, "effect", f"{item.meaning}, now") for item in items),
        rates=lambda t, x, p, u: {},
        outputs=outputs,
        source="shares of anatomy",
        time="min",
    )
