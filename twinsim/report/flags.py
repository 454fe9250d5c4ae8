"""Who left the range in which the model was held against people, as a section of a report."""

from __future__ import annotations

from typing import Any

from twinsim.flags import ABOVE, BELOW, BOTH, GROUP
from twinsim.report.html import Section, Table

_TEXT = (
    "These patients were simulated as all others, where nobody compared the model with people. Read their numbers as "
    "what the equations say, not as what was seen."
)


def flag_section(tree: Any) -> Section | None:
    """How many patients left each range; None where nobody did, or where nothing is kept of single patients.

    Args:
        tree: of a results file.
    """
    rows = []
    for name, array in tree[GROUP].data_vars.items() if GROUP in tree.children else ():
        flags, along = array.to_numpy(), tuple(i for i, dim in enumerate(array.dims) if dim != "patient")
        below, above = ((flags == one) | (flags == BOTH) for one in (BELOW, ABOVE))
        counts = [int(each.any(axis=along).sum()) for each in (below, above)]
        if any(counts):
            words, _, valid = str(array.attrs["long_name"]).rpartition(": whether it left ")
            rows.append([str(name), words, valid, *(f"{count:,}" for count in counts), str(array.attrs["source"])])
    head = ["name", "what it is", "range", "patients below", "patients above", "source of the range"]
    return Section("Outside the validated range", _TEXT, table=Table(head, rows, frozenset({3, 4}))) if rows else None
