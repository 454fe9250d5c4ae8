"""What a benchmark run says: the table, the comparison with an earlier run, ratios to peers, the JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measure import Row

Key = tuple[str, str, str, str]
FIRST_PROBLEM = "two_compartment_oral"  # of files from before rows said which
SLOWER = 0.9  # times the old speed: below it a row is marked


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def table(rows: Sequence[Row], counted: str = "patients", old: Mapping[Key, dict] | None = None) -> str:
    """Rows as aligned plain text.

    Args:
        counted: what is counted per second.
        old: rows to compare with, from `read_old`; adds the column "vs old".
    """
    compared = () if old is None else ("vs old",)
    head = ("name", "device", "dtype", "size", "compile s", "run s", f"{counted}/s", "error", *compared, "note")
    lines: list[tuple[str, ...]] = [head]
    for row in rows:
        lines.append(
            (
                row.name,
                row.device,
                row.dtype,
                f"{row.size:,}",
                _number(row.compile_s, ".2f"),
                _number(row.run_s, ".4g"),
                _number(row.patients_per_s, ",.0f"),
                _number(row.error, ".1e"),
                *(() if old is None else (against(row, old),)),
                row.note,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    left = 3  # the text columns
    texts = []
    for line in lines:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line[:-1], widths, strict=True))
        ]
        texts.append("  ".join([*cells, line[-1]]).rstrip())
    return "\n".join(texts)


def ratios(rows: Sequence[Row]) -> list[str]:
    """For each of our rows, how many times the speed of the peers' best and of each peer's best: one line each."""
    lines = []
    for row in rows:
        if not row.name.startswith("twinsim") or row.patients_per_s is None:
            continue
        others = [each for each in rows if not each.name.startswith("twinsim") and each.patients_per_s]
        others = [each for each in others if each.dtype == row.dtype] or others
        best: dict[str, Row] = {}
        for other in sorted(others, key=lambda each: each.patients_per_s or 0.0):
            best[other.name.split()[0]] = other
        ordered = sorted(best.values(), key=lambda each: -(each.patients_per_s or 0.0))
        found = [f"{row.patients_per_s / (each.patients_per_s or 1.0):.3g} x {each.name}" for each in ordered]
        if found:
            lines.append(f"{row.name} {row.dtype}: {', '.join(found)}")
    return lines


def _key(row: Mapping[str, Any]) -> Key:
    kind = str(row["device"]).split()[0]
    return row.get("problem") or FIRST_PROBLEM, row["name"], row["dtype"], kind


def read_old(path: str | Path) -> dict[Key, dict]:
    """Rows of an earlier JSON file by problem, name, dtype and kind of device.

    Raises:
        ValueError: it cannot be read, or holds something else.
    """
    try:
        return {_key(row): row for row in json.loads(Path(path).read_text())["results"]}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"{path} is no file that --json has written ({problem})") from None


def ratio(row: Row, old: Mapping[Key, dict]) -> float | None:
    """Speed over that of the same row before; None where either is missing."""
    before = old.get(_key(asdict(row)), {}).get("patients_per_s")
    return row.patients_per_s / before if row.patients_per_s and before else None


def against(row: Row, old: Mapping[Key, dict]) -> str:
    """The cell "vs old": times as fast as before, marked where more than a tenth slower or at another size."""
    found = ratio(row, old)
    if found is None:
        return "new" if row.patients_per_s else "-"
    resized = " size" if old[_key(asdict(row))]["size"] != row.size else ""
    return f"{found:.2f}{' SLOWER' if found < SLOWER else ''}{resized}"


def write_json(path: str | Path, described: dict, rows: Sequence[Row]) -> None:
    """Writes {"machine": ..., "results": [...]}: one mapping per row, a missing number as null."""
    content = {"machine": described, "results": [asdict(row) for row in rows]}
    Path(path).write_text(json.dumps(content, indent=1) + "\n")


def describe(found: dict) -> str:
    """The machine in two lines."""
    versions = " ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    flags = " ".join(f"{name}={value}" for name, value in found["flags"].items()) or "none"
    accelerators = ", ".join(found["accelerators"]) or "no GPU"
    return (
        f"{found['cpu']}, {found['cores']} cores, {found['memory_gib']} GiB, {accelerators}, "
        f"load {found['load_1min']}\npython {found['python']} {versions}; flags: {flags}"
    )
