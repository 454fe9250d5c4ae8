"""What a run left behind, for comparing two runs byte by byte."""

from __future__ import annotations

from pathlib import Path

import h5py


def contents(path: Path) -> dict[str, bytes]:
    """Bytes of every dataset outside /provenance."""
    found: dict[str, bytes] = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance") and item.dtype.kind != "O":
            found[name] = item.dtype.str.encode() + str(item.shape).encode() + item[()].tobytes()

    with h5py.File(path, "r") as file:
        file.visititems(visit)
        if "shards" in file:
            found["shards/sha256"] = "".join(file["shards/sha256"].asstr()[()]).encode()
    return found


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
