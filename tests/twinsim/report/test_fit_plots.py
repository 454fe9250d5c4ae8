"""Pictures of fits: what they show, and that nothing lies over anything else."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.calibrate.npde import Discrepancies, standard
from twinsim.calibrate.shrinkage import shrinkage
from twinsim.calibrate.vpc import Vpc
from twinsim.report import fit_plots, predictive_plots
from twinsim.report.plots import svg

WORDS = {"label": "concentration", "unit": "mg/L"}


@pytest.fixture(scope="module")
def table():
    """Residuals of 30 patients with a dose and eight observations, some of which are censored."""
    draw = np.random.default_rng(0)
    one = pd.DataFrame({"TIME": [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 48.0], "EVID": [1] + 8 * [0]})
    rows = pd.concat([one.assign(ID=i) for i in range(30)], ignore_index=True)
    rows["PRED"] = 10.0 * np.exp(-0.1 * rows["TIME"])
    rows["IPRED"] = rows["PRED"] * np.exp(0.3 * draw.standard_normal(30))[rows["ID"]]
    rows["DV"] = (rows["IPRED"] + 0.3 * draw.standard_normal(len(rows))).where(rows["EVID"] == 0)
    rows["CENS"] = (rows["DV"] < 0.5).astype(int)
    rows["CWRES"] = pd.Series(draw.standard_normal(len(rows))).where((rows["EVID"] == 0) & (rows["CENS"] == 0))
    return rows.assign(NPDE=rows["CWRES"], NPD=rows["CWRES"], EPRED=rows["PRED"])


def check(strata, censored=True, corrected=False):
    """A check by hand, with percentiles below the limit at the last time."""
    rows, fractions = [], []
    for name in strata:
        for number, time in enumerate((0.5, 2.0, 12.0, 48.0)):
            place = {"STRATUM": name, "BIN": number, "TIME": time, "COUNT": 30}
            fractions.append({**place, "OBSERVED": number / 8.0, "LOW": 0.0, "MEDIAN": 0.1, "HIGH": number / 6.0})
            for p, level in ((5, 1.0), (50, 2.0), (95, 3.0)):
                low = -np.inf if number == 3 and p < 95 else level - 0.4
                high = -np.inf if number == 3 and p == 5 else level + 0.4
                rows.append({**place, "PERCENTILE": p, "OBSERVED": low, "LOW": low, "MEDIAN": low, "HIGH": high})
    points = pd.DataFrame({"STRATUM": strata[0], "BIN": 0, "TIME": [0.5, 2.0], "DV": [1.0, 2.5], "CENS": [1, 0]})
    return Vpc(pd.DataFrame(rows), pd.DataFrame(fractions) if censored else None, points, "TIME", corrected, 0.95, 500)


def drawn(figure):
    """The figure's axes once they have their places; no label may lie over another's axes or leave the picture."""
    figure.draw_without_rendering()
    seen = [axes for axes in figure.axes if axes.get_visible()]
    whole = figure.bbox
    for axes in seen:
        for words in (axes.xaxis.label, axes.yaxis.label, axes.title):
            if not words.get_text():
                continue
            box = words.get_window_extent()
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
            assert not any(box.overlaps(other.get_window_extent()) for other in seen if other is not axes)
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x1 <= whole.x1 and not any(box.overlaps(axes.get_window_extent()) for axes in seen)
    assert svg(figure, "x").startswith("<svg")
    return seen


@pytest.mark.parametrize("logarithmic", [False, True])
def test_goodness_of_fit(table, logarithmic):
    population, individual, by_time, by_prediction = drawn(
        fit_plots.goodness_of_fit(table, logarithmic=logarithmic, **WORDS)
    )
    assert population.get_xlabel() == "Population prediction [mg/L]"
    assert individual.get_ylabel() == "Observed concentration [mg/L]" and by_prediction.get_ylabel() == "CWRES"
    assert by_time.get_ylim()[0] == -by_time.get_ylim()[1]
    assert population.get_xlim() == population.get_ylim()


def test_trends_are_medians_in_bins():
    x, y = np.repeat(np.arange(4.0), 6), np.tile([0.0, 1.0, 2.0, 3.0, 4.0, 95.0], 4) + np.repeat(np.arange(4.0), 6)
    middle, height = fit_plots.trend(x, y)
    assert middle.tolist() == [0.5, 2.5] and height.tolist() == [np.median(y[:12]), np.median(y[12:])]
    assert [values.tolist() for values in fit_plots.trend(np.ones(5), np.arange(5.0))] == [[1.0], [2.0]]


def test_individual_fits_show_patients_and_censored_values(table):
    figure = fit_plots.individual_fits(table, limit=14, **WORDS)
    seen = drawn(figure)
    assert len(seen) == 14 and seen[13].get_title(loc="left") == "patient 13"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["observed", "censored, at its limit", "individual prediction", "population prediction"]


def test_effects_with_their_shrinkage():
    model = twinsim.population_model("theophylline")
    etas = np.linalg.cholesky(model.omega) @ np.random.default_rng(0).standard_normal((3, 50))
    records = twinsim.read_records(
        pd.DataFrame({"ID": np.arange(50), "TIME": 0.0, "AMT": 1.0, "EVID": 1}), units={"AMT": "mg"}
    )
    seen = drawn(fit_plots.effects(model, etas, shrinkage(model, records, etas)))
    told = 100.0 * (1.0 - etas[0].std(ddof=1) / np.sqrt(model.omega[0, 0]))
    assert seen[0].get_title(loc="left") == f"cl   shrinkage {told:.0f} %"


def test_convergence_shows_the_objective_and_every_number():
    path = np.asarray([[2.0, 0.5], [2.5, 0.2], [2.7, 0.1]])
    shown = drawn(fit_plots.convergence([120.0, 117.0, 116.8], path, ("cl", "omega(cl,cl)")))
    assert [axes.get_title(loc="left") for axes in shown] == ["objective", "cl", "omega(cl,cl)"]
    for axes, values in zip(shown, ([120.0, 117.0, 116.8], *path.T), strict=True):
        assert axes.lines[0].get_xdata().tolist() == [1, 2, 3] and axes.lines[0].get_ydata().tolist() == list(values)


def test_npde(table):
    found = Discrepancies(table, standard(table["NPD"]), standard(table["NPDE"]), 1000)
    quantiles, by_time, by_prediction = drawn(predictive_plots.discrepancies(found, unit="mg/L"))
    assert quantiles.get_xlabel() == "Standard normal quantile" and by_time.get_xlabel() == "Time [h]"
    assert by_prediction.get_xlabel() == "Mean prediction [mg/L]"


@pytest.mark.parametrize("strata", [[""], ["a", "b"], ["a", "b", "c", "d"]], ids=len)
@pytest.mark.parametrize("censored", [True, False])
def test_visual_predictive_checks(strata, censored):
    made = check(strata, censored, corrected=len(strata) == 2)
    seen = drawn(predictive_plots.visual_predictive_check(made, **WORDS))
    assert len(seen) == len(strata) * (1 + censored)
    words = "Prediction-corrected\nconcentration [mg/L]" if made.corrected else "Concentration [mg/L]"
    assert seen[0].get_ylabel() == words
    assert [axes.get_title(loc="left") for axes in seen if axes.get_title(loc="left")] == [n for n in strata if n]


def test_a_logarithmic_check_leaves_out_what_has_no_logarithm():
    (axes,) = drawn(predictive_plots.visual_predictive_check(check([""], censored=False), logarithmic=True, **WORDS))
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] == pytest.approx(0.6 / 1.2)
