"""The report: one file that needs nothing else, copes with failed patients, and escapes what it is given."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray

from tests.twinsim.run.tiny_job import TinyJob
from twinsim.report import Picture, Section, Table, plots, sections_of, write_report
from twinsim.report.results import clock
from twinsim.run.local import execute
from twinsim.units import factor

VOID = {"meta", "link", "img", "br", "hr"}


class Balanced(HTMLParser):
    """Every element that is opened is closed; addresses that a page would load are noted."""

    def __init__(self):
        super().__init__()
        self.open, self.loads = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href"} and value and not value.startswith("#"):
                self.loads.append(value)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag
        self.open.pop()


def checked(path):
    page = path.read_text(encoding="utf-8")
    parser = Balanced()
    parser.feed(page)
    assert not parser.open and not parser.loads
    assert "<script" not in page and "@import" not in page and "url(http" not in page
    return page


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return execute(TinyJob(size=2000), folder / "tiny").path


def test_a_report_of_a_run_with_failed_patients(results, tmp_path):
    sections, warning = sections_of(results)
    assert "2 of 2,000 patients failed" in warning and "non_finite: 2" in warning
    page = checked(write_report(tmp_path / "report.html", "Tiny", "A lead.", sections, warning))
    assert page.count("<svg") == 2 and "2 of 2,000 patients failed" in page
    assert [s.heading for s in sections] == ["The population over time", "Endpoints", "How this was made"]
    assert not list(tmp_path.glob("*.tmp"))


def test_the_endpoint_table_says_what_the_results_say(results):
    sections, _ = sections_of(results)
    (row,) = next(s for s in sections if s.heading == "Endpoints").table.rows
    cl = 1.0 + ((np.arange(2000) * 2654435761 + 7) % 1009) / 101.0
    auc = np.delete(50.0 / cl, [3, 700])
    assert row[:3] == ["auc", "area under the curve", "mg*h/L"] and row[3] == "1,998"
    assert float(row[4]) == pytest.approx(auc.mean(), rel=5e-3)
    assert float(row[5]) == pytest.approx(auc.std(ddof=1), rel=5e-3)
    assert [float(c) for c in row[6:]] == pytest.approx(np.quantile(auc, [0.05, 0.25, 0.5, 0.75, 0.95]), rel=5e-3)


def test_pictures_do_not_share_identifiers(results, tmp_path):
    sections, _ = sections_of(results)
    page = checked(write_report(tmp_path / "report.html", "Tiny", "", [*sections, *sections[:1]]))
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    clips = [set(re.findall(r'<clipPath id="([^"]+)"', picture)) for picture in pictures]
    assert len(set().union(*clips)) == sum(map(len, clips))


def test_names_from_files_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>"
    section = Section(evil, evil, table=Table([evil], [[evil]]), folded={evil: evil})
    page = checked(write_report(tmp_path / "report.html", evil, evil, [section], evil))
    assert "alert(1)" in page


def test_axes_carry_units_and_the_legend_covers_no_data():
    time = np.linspace(0.0, 48.0, 25)
    values = {p: 10.0 * p + np.sin(time) for p in (0.05, 0.25, 0.5, 0.75, 0.95)}
    figure = plots.bands(time, values, label="concentration", unit="mg/L")
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.get_xlabel() == "Time after the first dose [h]" and axes.get_ylabel() == "Concentration [mg/L]"
    assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1


def test_an_axis_begins_at_zero_where_a_course_can_still_be_seen():
    time = np.linspace(0.0, 48.0, 25)
    for level, begins in ((7.4, False), (0.5, True), (-1.0, False)):
        values = {p: level + p * np.linspace(0.0, 0.4, 25) for p in (0.05, 0.5, 0.95)}
        figures = (
            plots.bands(time, values, label="pH", unit="1", time_label="time"),
            plots.bands_by_scenario(time, {"one": values}, label="pH", unit="1"),
        )
        assert [figure.axes[0].get_ylim()[0] == 0.0 for figure in figures] == [begins] * 2
    assert figures[0].axes[0].get_xlabel() == "Time [h]"


@pytest.mark.parametrize(
    ("unit", "end", "shown"), [("s", 600.0, "s"), ("s", 4500.0, "min"), ("min", 1440.0, "h"), ("h", 2000.0, "h")]
)
def test_times_are_shown_in_a_unit_that_keeps_them_short(unit, end, shown):
    values, found = clock(xarray.DataArray([0.0, end], attrs={"units": unit}))
    assert found == shown and values[1] * factor(shown, "s") == pytest.approx(end * factor(unit, "s"))


def test_small_pictures_show_every_patient():
    observed = pd.DataFrame({"ID": np.repeat(np.arange(12), 3), "TIME": [0.0, 1.0, 2.0] * 12, "DV": 1.0})
    curves = observed.rename(columns={"DV": "PRED"})
    figure = plots.profiles(observed, curves, label="drug", unit="mg/L")
    assert sum(axes.get_visible() for axes in figure.axes) == 12
    assert Picture(figure, "all").caption == "all"


def test_endpoints_without_values_or_spread_are_drawn():
    nothing, same = np.full(50, np.nan), np.full(50, 3.0)
    figure = plots.histograms({"none": ("none", "h", nothing), "same": ("all the same", "h", same)})
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["no patient has a value", "3 in every patient"]
    assert plots.svg(figure, "x").startswith("<svg")
