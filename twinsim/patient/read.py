"""Rows of the patient's tables, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twinsim.errors import DataError, nearest


def fields_of(row: Any, keys: Sequence[str], where: str, optional: Sequence[str] = ()) -> dict[str, Any]:
    """The row with all of these keys, and perhaps the optional ones.

    Raises:
        DataError: it is no mapping, a key is missing or unknown.
    """
    if not isinstance(row, Mapping):
        raise DataError(f"{row!r} is no row", where=where, do=f"write {{{', '.join(f'{key}: ...' for key in keys)}}}")
    for key in row:
        if key not in (*keys, *optional):
            raise DataError(f"unknown key {key!r}", where=where, do=nearest(str(key), (*keys, *optional)))
    for key in keys:
        if key not in row:
            raise DataError(f"{key} is missing", where=where, do=f"add {key}:")
    return dict(row)
