"""Rows that cannot be used as they are written: which, why, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twinsim.errors import DataError
from twinsim.records.table import Column

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that cannot be used as it is written.

    Args:
        row: line of the file as an editor numbers it; of a DataFrame, its row counted from 1.
        item: the data item or covariate at fault.
        value: what stands there; a dot if nothing does.
        why: the reason.
        write_instead: what to write.
    """

    row: int
    item: str
    value: str
    why: str
    write_instead: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.item}={self.value}: {self.why}; {self.write_instead}"


class Faults:
    """Collects refusals as whole masks, so that a million rows cost what a few array operations cost."""

    def __init__(self, row: np.ndarray, cells: Mapping[str, Column]) -> None:
        self._row, self._cells = row, cells
        self._found: list[tuple[np.ndarray, str, str, str]] = []

    def refuse(self, mask: np.ndarray, item: str, why: str, write_instead: str) -> None:
        """Refuse the rows of a mask (row) because of an item."""
        at = np.flatnonzero(mask)
        if at.size:
            self._found.append((at, item, why, write_instead))

    @property
    def rows(self) -> np.ndarray:
        """Indices of the refused rows, each once."""
        return np.unique(np.concatenate([at for at, *_ in self._found])) if self._found else np.empty(0, np.int64)

    def refusals(self) -> tuple[Refusal, ...]:
        """Every refusal, by row."""
        listed = [
            (int(one), order, Refusal(int(self._row[one]), item, self._cell(item, one), why, write))
            for order, (at, item, why, write) in enumerate(self._found)
            for one in at
        ]
        return tuple(refusal for *_, refusal in sorted(listed, key=lambda entry: entry[:2]))

    def _cell(self, item: str, at: int) -> str:
        return self._cells[item].cell(at) if item in self._cells else "."


def table(refusals: Sequence[Refusal], limit: int = _SHOWN) -> str:
    """The first refusals as lines of text, and how many more there are."""
    lines = [str(one) for one in refusals[:limit]]
    if len(refusals) > limit:
        lines.append(f"and {len(refusals) - limit} more")
    return "\n".join(lines)


def refused_error(refusals: Sequence[Refusal], rows: int, refused_rows: int, source: str, do: str) -> DataError:
    """The error that lists refused rows."""
    return DataError(
        f"{refused_rows} of {rows} rows cannot be used as they are written",
        where=source,
        why="\n    " + table(refusals).replace("\n", "\n    "),
        do=do,
    )
