"""The report: one HTML file that needs nothing beside it, with its pictures inside as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from matplotlib.figure import Figure

from twinsim.report.plots import svg
from twinsim.store.files import disk_errors, put_in_place, temporary


@dataclass(frozen=True)
class Picture:
    """A figure and what a reader should see in it."""

    figure: Figure
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of texts under column names.

    Args:
        numeric: columns that are set flush right.
        mark: rows set apart, e.g. those with assumed values.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    mark: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Args:
        references: a numbered list at the end.
        folded: long texts by name, shown when the reader opens them.
    """

    heading: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    table: Table | None = None
    note: str = ""
    references: Sequence[str] = ()
    folded: Mapping[str, str] | None = None


def write_report(path: str | Path, title: str, lead: str, sections: Sequence[Section], warning: str = "") -> Path:
    """Write a report.

    Args:
        path: of the HTML file; it is replaced whole.
        lead: what was done, in a sentence or two.
        warning: set in a box above everything, e.g. how many patients failed.

    Returns:
        the path.
    """
    from jinja2 import Environment

    template = resources.files("twinsim.report").joinpath("template.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    drawn = [
        (section, [(svg(p.figure, f"picture-{i}-{j}"), p.caption) for j, p in enumerate(section.pictures)])
        for i, section in enumerate(sections)
    ]
    page = environment.from_string(template).render(title=title, lead=lead, sections=drawn, warning=warning)
    path = Path(path)
    with disk_errors(path):
        temporary(path).write_text(page, encoding="utf-8")
        put_in_place(path)
    return path


def number(value: float, digits: int = 3) -> str:
    """A number for a table: significant digits, no exponent between 0.001 and a million.

    >>> number(0.08765), number(1234567.0), number(42.0), number(float("nan"))
    ('0.0877', '1.23e+06', '42', '-')
    """
    if value != value:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        text = f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
        return text
    return f"{value:.{digits}g}"
