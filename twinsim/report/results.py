"""What a results file alone has to show: bands over time, endpoints, failures, provenance.

Only summaries and endpoints are read, never the trajectories, so that a report of a large run costs no memory.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from twinsim.errors import REMEDIES
from twinsim.report import plots
from twinsim.report.flags import flag_section
from twinsim.report.html import Picture, Section, Table, number
from twinsim.store import open_results
from twinsim.units import factor

# More scenarios than this are not drawn one by one.
SCENARIOS_DRAWN = 24
SCENARIOS_OVER_TIME = 12
_PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
# How to read the bands of these quantiles.
BANDS = (
    "The line is the median: at each time half of the patients lie above it and half below. Half of all patients lie "
    "inside the dark band (25 % to 75 %), nine in ten inside the light one (5 % to 95 %). The bands are made anew at "
    "each time: no single patient follows their edges."
)


def sections_of(path: str | Path) -> tuple[list[Section], str]:
    """Sections of a results file, and a warning about failed patients (empty if there are none).

    Args:
        path: results.h5.
    """
    with open_results(path, groups=True) as tree:
        summary = _summarised(tree)
        sections = [s for s in (_over_time(summary), _endpoints(summary, tree), flag_section(tree)) if s is not None]
        return [*sections, _provenance(tree)], _failures(tree)


def _summarised(tree: Any) -> Any:
    """The file's summaries, and those of endpoints that have none, made here from their values."""
    summary = tree["summary"].to_dataset() if "summary" in tree.children else xarray.Dataset()
    endpoints = tree["endpoints"].data_vars if "endpoints" in tree.children else {}
    for name, array in endpoints.items():
        if name in summary or "patient" not in array.dims:
            continue
        finite = array.where(np.isfinite(array)).astype(np.float64)
        with warnings.catch_warnings():
            # Where every patient failed there is nothing to average, and NaN is the right answer.
            warnings.simplefilter("ignore", RuntimeWarning)
            summary[name] = finite.quantile(_PROBABILITIES, "patient").assign_attrs(array.attrs)
            summary[f"{name}_mean"], summary[f"{name}_sd"] = finite.mean("patient"), finite.std("patient", ddof=1)
            summary[f"{name}_n"] = finite.count("patient")
    # The root's coordinates hold for every group.
    return summary.assign_coords({n: c for n, c in tree.coords.items() if set(c.dims) <= set(summary.dims)})


def _outputs(summary: Any, over_time: bool) -> list[str]:
    """Names of what quantiles were made of."""
    return [
        str(name)
        for name, array in summary.data_vars.items()
        if "quantile" in array.dims and ("time" in array.dims) == over_time and set(array.dims) <= _DRAWABLE
    ]


_DRAWABLE = {"scenario", "quantile", "time"}


def _words(array: Any) -> str:
    words = str(array.attrs.get("long_name", array.name))
    return words.removeprefix("quantiles over patients of ").removeprefix("swept: ")


def _unit(array: Any) -> str:
    return str(array.attrs.get("units", ""))


def _quantiles(array: Any) -> dict[float, np.ndarray]:
    return {float(p): array.sel(quantile=p).to_numpy() for p in array["quantile"].to_numpy()}


def _scenario_words(dataset: Any) -> list[str]:
    """Each scenario in words, from the swept values that lie along it."""
    swept = [c for name, c in dataset.coords.items() if c.dims == ("scenario",) and name != "scenario"]
    size = dataset.sizes["scenario"]
    if not swept:
        return [f"scenario {i}" for i in range(size)]
    points = []
    for i in range(size):
        parts = []
        for c in swept:
            value = c.to_numpy()[i]
            text = value if isinstance(value, str) else number(float(value), 4)
            unit = _unit(c)
            parts.append(f"{_words(c).removeprefix('regimen.')} {text}{f' {unit}' if unit and unit != '1' else ''}")
        points.append(", ".join(parts))
    return points


def _short_words(summary: Any, names: list[str]) -> dict[str, str]:
    """What endpoints are called, without the name of their output where all have the same."""
    words = {name: _words(summary[name]) for name in names}
    outputs = {text.partition(": ")[0] for text in words.values() if ": " in text}
    if len(outputs) == 1 and all(": " in text for text in words.values()):
        return {name: text.partition(": ")[2] for name, text in words.items()}
    return words


def _over_time(summary: Any) -> Section | None:
    pictures = []
    time, axis = np.zeros(0), {}
    if "time" in summary.dims:
        time, unit = clock(summary["time"])
        axis = {"time_unit": unit, "time_label": _words(summary["time"])}
    for name in _outputs(summary, over_time=True):
        array = summary[name]
        words, unit = _words(array), _unit(array)
        if "scenario" not in array.dims:
            caption = f"{_capital(words)} in the virtual patients.{_how_exact(array)}"
            figure = plots.bands(time, _quantiles(array), label=words, unit=unit, **axis)
            pictures.append(Picture(figure, caption))
            continue
        points = _scenario_words(summary)[:SCENARIOS_OVER_TIME]
        drawn = {point: _quantiles(array.isel(scenario=i)) for i, point in enumerate(points)}
        figure = plots.bands_by_scenario(time, drawn, label=words, unit=unit, **axis)
        caption = f"{_capital(words)} of the same virtual patients in each scenario.{_how_exact(array)}"
        pictures.append(Picture(figure, caption))
    more = ""
    if "scenario" in summary.dims and summary.sizes["scenario"] > SCENARIOS_OVER_TIME:
        count = summary.sizes["scenario"]
        more = f"The first {SCENARIOS_OVER_TIME} of {count:,} scenarios are drawn; the results hold all of them."
    return Section("The population over time", BANDS, pictures, note=more) if pictures else None


def clock(time: Any) -> tuple[np.ndarray, str]:
    """Times in the shortest of s, min and h that needs no more than three digits, and that unit."""
    values, unit = time.to_numpy(), _unit(time)
    for longer in {"s": ("min", "h"), "min": ("h",)}.get(unit, ()):
        if np.ptp(values) >= 1000.0:
            values, unit = values * factor(unit, longer), longer
    return values, unit


def _how_exact(array: Any) -> str:
    """What the quantiles of a large run may be off by."""
    error = array.attrs.get("relative_error")
    return f" The quantiles are within {100 * float(error):g} % of the exact ones." if error is not None else ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _endpoints(summary: Any, tree: Any) -> Section | None:
    names = _outputs(summary, over_time=False)
    if not names:
        return None
    if "scenario" in summary.dims:
        return _by_scenario(summary, [n for n in names if "scenario" in summary[n].dims])
    # The name says which output is meant.
    called, rows = {name: _words(summary[name]).rpartition(": ")[2] for name in names}, []
    for name in names:
        array, quantiles = summary[name], _quantiles(summary[name])
        mean, sd = (float(summary[f"{name}{s}"]) if f"{name}{s}" in summary else np.nan for s in ("_mean", "_sd"))
        cells = [number(float(v)) for v in (mean, sd, *(quantiles[p] for p in sorted(quantiles)))]
        count = f"{int(summary[f'{name}_n']):,}" if f"{name}_n" in summary else "-"
        rows.append([name, called[name], _unit(array), count, *cells])
    heads = [_percent(float(p)) for p in np.sort(summary["quantile"].to_numpy())]
    table = Table(
        ["name", "endpoint", "unit", "patients", "mean", "SD", *heads], rows, frozenset(range(3, 6 + len(heads)))
    )
    pictures = []
    if "endpoints" in tree.children:
        group = tree["endpoints"].to_dataset()
        shown = {n: (called[n], _unit(group[n]), group[n].to_numpy()) for n in names if n in group}
        if shown:
            caption = "How many patients have which value (the outermost 1 % left out); the dark line is the median."
            pictures.append(Picture(plots.histograms(shown), caption))
    note = "Patients: those with a finite value, of whom the other columns speak."
    return Section("Endpoints", pictures=pictures, table=table, note=note)


def _by_scenario(summary: Any, names: list[str]) -> Section:
    points, called = _scenario_words(summary), _short_words(summary, names)
    pictures = []
    for name in names:
        array = summary[name]
        if len(points) <= SCENARIOS_DRAWN and set(_PROBABILITIES) <= {float(p) for p in array["quantile"].to_numpy()}:
            words = called[name]
            figure = plots.scenarios(points, _quantiles(array), label=words, unit=_unit(array))
            pictures.append(Picture(figure, f"{_capital(words)} in each scenario; the same patients in all."))
    heads = [f"{n} [{_unit(summary[n])}]" for n in names]
    rows = []
    for i, point in enumerate(points[:200]):
        cells = []
        for name in names:
            low, middle, high = (float(summary[name].isel(scenario=i).sel(quantile=p)) for p in (0.05, 0.5, 0.95))
            cells.append(f"{number(middle)} ({number(low)} to {number(high)})")
        rows.append([point, *cells])
    note = f"The first 200 of {len(points):,} scenarios are listed." if len(points) > 200 else ""
    text = "The table gives the median over patients and, in brackets, the 5 % and 95 % quantiles."
    return Section("Endpoints by scenario", text, pictures, Table(["scenario", *heads], rows), note)


def _percent(p: float) -> str:
    return "median" if p == 0.5 else f"{100 * p:g} %"


def _failures(tree: Any) -> str:
    """A sentence about patients without usable numbers."""
    failed = int(tree.attrs.get("patients_failed", 0)) + int(tree.attrs.get("patients_not_computed", 0))
    if not failed:
        return ""
    text = f"{failed:,} of {int(tree.attrs.get('patients', 0)):,} patients failed and are left out of the pictures."
    if "status" in tree.data_vars:
        status = tree["status"]
        names = str(status.attrs["flag_meanings"]).split()
        codes, counts = np.unique(status.to_numpy(), return_counts=True)
        flags = {int(v): n for v, n in zip(np.atleast_1d(status.attrs["flag_values"]), names, strict=True)}
        for code, count in zip(codes, counts, strict=True):
            if code != 0:
                name = flags.get(int(code), str(code))
                text += f" {name}: {count:,}; {REMEDIES.get(name, 'these were never computed')}."
    return text


def _provenance(tree: Any) -> Section:
    attributes = tree.attrs
    seed = attributes.get("seed", "none")
    text = f"twinsim {attributes.get('twinsim_version', '')}, config {attributes.get('config_hash', '')}, seed {seed}."
    folded = {}
    if "provenance" in tree.children:
        texts = {str(name): str(array.to_numpy()[()]) for name, array in tree["provenance"].data_vars.items()}
        folded = {name: text for name, text in texts.items() if text.strip()}
    return Section("How this was made", text, folded=folded)
