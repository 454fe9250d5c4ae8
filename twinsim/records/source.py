"""From a file to lines of text that can be a table: size, encoding, comments, separator, fields per line."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twinsim.errors import DataError, nearest

_PANDAS = tuple(int(part) for part in re.findall(r"\d+", pd.__version__)[:2])
# a table is held in memory several times over while it is read
MAX_BYTES = 4 * 2**30
# what a missing cell looks like: NONMEM's dot, nothing, and what R and pandas write
MISSING = ("", ".", "NA", "NaN", "nan")

_FOREIGN = (
    (b"PK\x03\x04", "an Excel or zip file", "save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "a gzip file", "unpack it first: gunzip FILE"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\x89HDF", "an HDF5 file", "a finished run opens with twinsim.open_results(path)"),
    (b"%PDF", "a PDF file", "give the data as CSV"),
)
# every digit counts: pandas before 3.1 has to be asked, later ones are always exact and warn if asked
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if _PANDAS < (3, 1) else {}
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", " ": "space"}


@dataclass(frozen=True)
class Sheet:
    """Text cells of a table before any cell has a meaning: a frame, the file's line of each row, notes."""

    source: str
    frame: pd.DataFrame
    row: np.ndarray
    notes: tuple[str, ...] = ()


def read_sheet(path: str | Path) -> Sheet:
    """The table in a text file.

    Args:
        path: comma, semicolon, tab or space separated text in UTF-8 with one header line. Blank lines, lines that
            begin with # or @ and NONMEM's "TABLE NO." line are passed over.

    Returns:
        cells by column; `row` is the line in the file as an editor numbers it (the first line is 1).

    Raises:
        DataError: no such file, not text, no header, no rows, or lines with more or fewer fields than the header.
    """
    source = str(path)
    text = _decode(_load(Path(path)), source)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    del text
    skipped = ("#", "@", "TABLE NO")
    kept = [at for at, line in enumerate(lines) if (bare := line.strip()) and not bare.startswith(skipped)]
    if not kept:
        raise DataError("the file is empty", where=source, do="give a table with a header line and one line per record")
    body, row = [lines[at] for at in kept[1:]], np.array(kept[1:], dtype=np.int64) + 1
    header_line, header_row, comments = lines[kept[0]], kept[0] + 1, sum(map(bool, map(str.strip, lines))) - len(kept)
    del lines
    separator = next((mark for mark in (",", ";", "\t") if mark in header_line), " ")
    names = _names(header_line, separator, f"{source}, line {header_row}")
    if not body:
        raise DataError("the file has a header and no rows", where=source, do="add one line per record")
    _check_fields(body, row, len(names), separator, source)
    notes = [f"{comments} comment lines were passed over"] if comments else []
    joined = "\n".join(body)
    decimal = "."
    if separator == ";" and re.search(r"\d,\d", joined) and not re.search(r"\d\.\d", joined):
        decimal = ","
        notes.append("numbers are written with a decimal comma")
    return Sheet(source, _parse(joined, names, separator, decimal, source, len(body)), row, tuple(notes))


def _load(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(
                f"the file has {size / 2**30:.1f} GiB; tables up to {MAX_BYTES / 2**30:.0f} GiB are read",
                where=str(path),
                do="split it by patient into several files and read them one at a time, or leave out unused columns",
            )
        return path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        beside = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        hint = nearest(path.name, beside) if beside else f"the folder {folder} is empty or does not exist"
        raise DataError("there is no such file", where=str(path), do=hint) from None
    except IsADirectoryError:
        raise DataError("this is a folder, not a file", where=str(path), do="give the path of one table") from None
    except (OSError, ValueError) as error:
        raise DataError("the file cannot be read", where=str(path), why=str(error)) from None


def _decode(raw: bytes, source: str) -> str:
    for mark, what, do in _FOREIGN:
        if raw.startswith(mark):
            raise DataError(f"this is {what}, not a text table", where=source, do=do)
    if b"\x00" in raw:
        at = raw.index(b"\x00")
        raise DataError(
            "this is binary data, not a text table", where=f"{source}, byte {at}", do="give the data as CSV"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            "the file is not UTF-8 text",
            where=f"{source}, line {line}",
            why=f"byte 0x{raw[error.start]:02x} would be {chr(raw[error.start])!r} in latin-1",
            do="convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW (or CP1252, if it comes from Windows)",
        ) from None


def _split(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def _names(line: str, separator: str, where: str) -> list[str]:
    names = [name.strip() for name in _split(line, separator)]
    if names and all(re.fullmatch(r"[-+.\deE]*", name) for name in names):
        raise DataError(
            "the header line is missing", where=where, why="the first line holds only numbers",
            do="begin the file with the names of the columns, for example ID,TIME,AMT,DV,EVID",
        )  # fmt: skip
    return names


def _check_fields(body: list[str], row: np.ndarray, width: int, separator: str, source: str) -> None:
    """Refuse lines with another number of fields than the header: a shifted cell would be read as another item."""
    if separator == " ":
        fields = np.fromiter((len(line.split()) for line in body), np.int64, len(body))
    else:
        fields = np.fromiter((line.count(separator) for line in body), np.int64, len(body)) + 1
    quoted = np.fromiter(('"' in line for line in body), bool, len(body))
    for at in np.flatnonzero(quoted):
        if body[at].count('"') % 2:
            raise DataError("a quoted cell is not closed on its line", where=f"{source}, line {row[at]}")
        fields[at] = width if separator == " " else len(_split(body[at], separator))
    wrong = np.flatnonzero(fields != width)
    if wrong.size:
        shown = "; ".join(f"line {row[at]} has {fields[at]}" for at in wrong[:10])
        more = f"; and {wrong.size - 10} more" if wrong.size > 10 else ""
        raise DataError(
            f"{wrong.size} of {len(body)} lines do not have the {width} fields of the header",
            where=source,
            why=f"{shown}{more} (fields are separated by {_SEPARATORS[separator]})",
            do="write a dot in an empty cell; decimal commas need semicolons between the fields",
        )


def _parse(text: str, names: list[str], separator: str, decimal: str, source: str, rows: int) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=r"\s+" if separator == " " else separator,
            header=None, names=list(range(len(names))), index_col=False, skipinitialspace=True,
            na_values=list(MISSING), keep_default_na=False, low_memory=False, decimal=decimal, **_EXACT,
        )  # fmt: skip
    except (ValueError, OverflowError, pd.errors.ParserError, csv.Error) as error:
        raise DataError("the lines cannot be read as a table", where=source, why=str(error)) from None
    if len(frame) != rows:
        raise DataError(
            f"{rows} lines became {len(frame)} rows", where=source, why="a quoted cell runs over several lines",
            do="write every record on one line, without quotes",
        )  # fmt: skip
    frame.columns = names
    return frame
