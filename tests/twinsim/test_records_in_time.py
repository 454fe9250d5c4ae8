"""Covariates and occasions that change between records, against SciPy's integration of the same equations."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import twinsim
from twinsim.errors import DataError, UsageError
from twinsim.prediction import predict_structure

MODEL = {
    "name": "growing",
    "title": "One oral compartment in someone who gains weight",
    "source": "assumed",
    "structure": "pk/one_compartment_oral",
    "covariates": {"weight": {"unit": "kg", "typical": 70}, "crp": {"unit": "mg/L", "typical": 5}},
    "parameters": {
        "cl": {
            "value": "4 L/h",
            "relations": [{"allometric": {"covariate": "weight", "reference": "70 kg", "exponent": 0.75}}],
        },
        "v": {"value": "0.5 L/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
        "ka": {"value": "1 1/h"},
        "lag": {
            "value": "0.5 h",
            "relations": [{"linear": {"covariate": "crp", "reference": "5 mg/L", "slope": "0.1 L/mg"}}],
        },
        "f": {
            "value": "80 %",
            "relations": [{"exponential": {"covariate": "crp", "reference": "5 mg/L", "slope": "-0.05 L/mg"}}],
        },
    },
    "between_patients": [{"parameter": "cl", "sd": 0.3}],
    "between_occasions": [{"parameter": "cl", "sd": 0.2}, {"parameter": "v", "sd": 0.1}],
}
TIMES = np.array([0.0, 0.0, 3.0, 7.5, 12.0, 20.0, 24.0, 30.0, 47.0, 50.0])
WEIGHT = np.array([60.0, 60.0, 62.0, 62.0, 80.0, 70.0, 90.0, 55.0, 55.0, 75.0])
CRP = np.array([5.0, 5.0, 6.0, 9.0, 9.0, 4.0, 2.0, 8.0, 8.0, 5.0])
DOSES = {1: 100.0, 6: 80.0}  # record -> amount [mg]
UNITS = {"AMT": "mg", "DV": "mg/L", "WT": "kg", "CRP": "mg/L"}
ETA, OCCASION_ETAS = 0.2, np.array([[0.1, -0.3, 0.25], [0.05, -0.1, 0.0]])


def table(**more):
    rows = {"ID": 1, "TIME": TIMES, "WT": WEIGHT, "CRP": CRP, "EVID": 0, "AMT": 0.0, "DV": np.nan}
    frame = pd.DataFrame({**rows, **more})
    for row, amount in DOSES.items():
        frame.loc[row, ["AMT", "EVID"]] = [amount, 1]
    return frame.astype({"EVID": int})


def records(weight, crp="locf", frame=None):
    return twinsim.read_records(
        table() if frame is None else frame, units=UNITS, interpolation={"WT": weight, "CRP": crp}
    )


def between(way, t, i, values):
    """A covariate at time t of the interval that ends at record i; what the three words mean, written out."""
    if way == "linear":
        return np.interp(t, TIMES[i - 1 : i + 1], values[i - 1 : i + 1])
    return values[i] if way == "nocb" else values[i - 1]


def integrated(way, etas=lambda i: (0.0, 0.0)):
    """Concentration at every record; lag and bioavailability are those of the dose's own record."""
    arrivals = []
    for row, amount in DOSES.items():
        lag = 0.5 * (1.0 + 0.1 * (CRP[row] - 5.0))
        arrivals.append((TIMES[row] + lag, amount * 0.8 * np.exp(-0.05 * (CRP[row] - 5.0))))
    x, result = np.zeros(2), []
    for i in range(len(TIMES)):
        stops = [(t, a) for t, a in arrivals if i and TIMES[i - 1] < t <= TIMES[i]]
        now = TIMES[i - 1] if i else 0.0

        def rates(t, x, i=i):
            weight = between(way, t, i, WEIGHT)
            cl, v = 4.0 * (weight / 70.0) ** 0.75 * np.exp(etas(i)[0]), 0.5 * weight * np.exp(etas(i)[1])
            return [-x[0], x[0] - cl / v * x[1]]

        for t, amount in [*stops, (TIMES[i], 0.0)]:
            if t > now:
                x = solve_ivp(rates, (now, t), x, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
            x, now = x + np.array([amount, 0.0]), t
        result.append(x[1] / (0.5 * WEIGHT[i] * np.exp(etas(i)[1])))
    return np.array(result)


@pytest.mark.parametrize("way", ["locf", "nocb", "linear"])
@pytest.mark.parametrize("solver", ["auto", "explicit"])
def test_a_covariate_between_records(way, solver):
    predicted = twinsim.predict(twinsim.population_model(MODEL), records(way), solver=solver)
    expected = integrated(way)
    assert predicted["PRED"].to_numpy() == pytest.approx(expected, abs=1e-6 * expected.max())
    assert (predicted["STATUS"] == "ok").all()


def test_the_three_ways_differ():
    a, b, c = (integrated(way) for way in ("locf", "nocb", "linear"))
    assert min(np.abs(a - b).max(), np.abs(a - c).max(), np.abs(b - c).max()) > 0.01 * a.max()


def test_a_line_needs_the_explicit_solver_and_says_so(caplog):
    model = twinsim.population_model(MODEL)
    with caplog.at_level(logging.INFO, logger="twinsim.solver"):
        twinsim.predict(model, records("linear"))
    assert "explicit" in caplog.text and "WT" in caplog.text and "straight lines" in caplog.text
    with pytest.raises(UsageError, match="cannot follow WT along straight lines") as refusal:
        twinsim.predict(model, records("linear"), solver="closed")
    assert "solver=auto" in refusal.value.do


def test_a_line_that_no_parameter_uses_changes_nothing(caplog):
    frame = table(NOISE=np.arange(len(TIMES), dtype=float))
    known = twinsim.read_records(
        frame, units={**UNITS, "NOISE": "1"}, interpolation={"WT": "locf", "CRP": "locf", "NOISE": "linear"}
    )
    with caplog.at_level(logging.INFO, logger="twinsim.solver"):
        predicted = twinsim.predict(twinsim.population_model(MODEL), known)
    assert "solver closed" in caplog.text
    expected = integrated("locf")
    assert predicted["PRED"].to_numpy() == pytest.approx(expected, abs=1e-6 * expected.max())


def test_without_a_choice_it_is_refused():
    with pytest.raises(DataError, match="changes within a patient"):
        twinsim.predict(twinsim.population_model(MODEL), twinsim.read_records(table(), units=UNITS))


@pytest.mark.parametrize("way", ["locf", "nocb", "linear"])
def test_additional_doses_are_doses_of_their_own_time(way):
    """ADDL against the same doses as records, whose covariates are what interpolation says at their times."""
    frame = table()
    frame.loc[6, ["AMT", "EVID"]] = [0.0, 0]
    short = frame.assign(ADDL=0, II=0.0)
    short.loc[1, ["ADDL", "II"]] = [4, 9.0]
    rows = [frame]
    for t in (9.0, 18.0, 27.0, 36.0):
        i = int(np.searchsorted(TIMES, t))
        row = {"ID": 1, "TIME": t, "EVID": 1, "AMT": 100.0, "DV": np.nan}
        rows.append(pd.DataFrame([{**row, "WT": between(way, t, i, WEIGHT), "CRP": between(way, t, i, CRP)}]))
    full = pd.concat(rows).sort_values("TIME", kind="stable")
    model = twinsim.population_model(MODEL)
    one = twinsim.predict(model, records(way, way, short.astype({"ADDL": int})))
    all_of_them = twinsim.predict(model, records(way, way, full))
    assert one["PRED"].to_numpy() == pytest.approx(
        all_of_them.loc[full["TIME"].isin(TIMES).to_numpy(), "PRED"].to_numpy(), rel=1e-7
    )


def test_parameters_of_a_structure_from_columns():
    """A structure's own parameter along a straight line: dA/dt = -k(t) A has A = dose exp(-integral of k)."""
    times, cl = np.array([0.0, 2.0, 5.0, 9.0]), np.array([1.0, 3.0, 2.0, 6.0])
    frame = pd.DataFrame({"ID": 1, "TIME": times, "CLI": cl, "UNUSED": [1.0, 2.0, 3.0, 4.0]})
    frame = frame.assign(EVID=[1, 0, 0, 0], AMT=[50.0, 0, 0, 0], DV=np.nan)
    known = twinsim.read_records(frame, units={"AMT": "mg"}, interpolation={"CLI": "linear"})
    structure = twinsim.structure("pk/one_compartment_iv")
    predicted, status = predict_structure(structure, known, {"cl": "CLI", "v": 10.0})
    area = np.r_[0.0, np.cumsum(0.5 * (cl[1:] + cl[:-1]) * np.diff(times))]
    assert (status == 0).all()
    assert predicted[1:] == pytest.approx(5.0 * np.exp(-area / 10.0)[1:], rel=1e-7)


def test_a_structure_alone_ignores_covariates_it_does_not_use():
    frame = table()  # WT and CRP change, nobody says how, and nothing depends on them
    structure = twinsim.structure("pk/one_compartment_oral")
    predicted, status = predict_structure(
        structure, twinsim.read_records(frame, units=UNITS), {"cl": 4.0, "v": 35.0, "ka": 1.0}
    )
    t, ke = TIMES[2:6], 4.0 / 35.0
    expected = 100.0 / 35.0 / (1.0 - ke) * (np.exp(-ke * t) - np.exp(-t))
    assert status[0] == 0
    assert predicted[2:6] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("given, words", [({"cll": 1.0}, "no parameter 'cll'"), ({"cl": "CLX"}, "'CLX'")])
def test_misspelt_parameters_of_a_structure(given, words):
    structure = twinsim.structure("pk/one_compartment_oral")
    with pytest.raises(UsageError, match=words):
        predict_structure(structure, twinsim.read_records(table(), units=UNITS), given)


OCC = np.array([3, 3, 3, 3, 5, 5, 8, 8, 8, 8])


def test_random_effects_of_occasions():
    """An occasion also covers the time since the record before, as all items of a NONMEM record do."""
    number = {3: 0, 5: 1, 8: 2}
    etas = [OCCASION_ETAS[:, number[label]] for label in OCC]
    expected = integrated("nocb", lambda i: (ETA + etas[i][0], etas[i][1]))
    known = records("nocb", frame=table(OCC=OCC))
    predicted = twinsim.predict(
        twinsim.population_model(MODEL), known, etas=np.array([[ETA]]), occasion_etas=OCCASION_ETAS[:, :, None]
    )
    assert predicted["IPRED"].to_numpy() == pytest.approx(expected, abs=1e-6 * expected.max())
    assert predicted["PRED"].to_numpy() == pytest.approx(integrated("nocb"), abs=1e-6 * expected.max())


def test_occasions_of_patients_with_other_numbers():
    """Two patients, each with another one of three occasions: as each of them alone with plain effects."""
    frame = table(OCC=3)
    both = pd.concat([frame, frame.assign(ID=2, OCC=8), frame.assign(ID=3, OCC=5)])
    model = twinsim.population_model(MODEL)
    effects = np.stack([OCCASION_ETAS] * 3, axis=2)
    predicted = twinsim.predict(model, records("locf", frame=both), occasion_etas=effects)
    for patient, occasion in ((1, 0), (2, 2), (3, 1)):
        cl, v = OCCASION_ETAS[:, occasion]
        alone = model.with_thetas({"cl": 4.0 * np.exp(cl), "v": 0.5 * np.exp(v)})
        expected = twinsim.predict(alone, records("locf"))["PRED"].to_numpy()
        assert predicted.loc[predicted["ID"] == patient, "IPRED"].to_numpy() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("axes", [(2, 1), (2, 2, 1), (1, 3, 1)])
def test_occasion_effects_of_a_wrong_shape(axes):
    with pytest.raises(UsageError, match="occasion_etas have shape") as refusal:
        twinsim.predict(
            twinsim.population_model(MODEL), records("locf", frame=table(OCC=OCC)), occasion_etas=np.zeros(axes)
        )
    assert "(2, 3, 1)" in refusal.value.do


def test_covariates_behind_derived_ones_are_read_from_the_records():
    """crcl_ideal needs the ideal weight, which needs the height: two formulas deep."""
    model = {
        "name": "renal",
        "title": "Clearance along creatinine clearance with ideal weight",
        "source": "assumed",
        "structure": "pk/one_compartment_iv",
        "parameters": {
            "cl": {
                "value": "5 L/h",
                "relations": [{"power": {"covariate": "crcl_ideal", "reference": "100 mL/min", "exponent": 1.0}}],
            },
            "v": {"value": "30 L"},
        },
    }
    frame = pd.DataFrame({"ID": 1, "TIME": [0.0, 4.0], "AMT": [100.0, 0.0], "EVID": [1, 0], "DV": np.nan})
    frame = frame.assign(SEX=0, AGE=40, HT=180.0, SCR=1.2, WT=95.0)
    known = twinsim.read_records(frame, units={"AMT": "mg", "HT": "cm", "SCR": "mg/dL", "AGE": "y", "WT": "kg"})
    crcl = 100.0 * (50.0 + 2.3 * (180.0 / 2.54 - 60.0)) / (72.0 * 1.2)
    predicted = twinsim.predict(model, known)["PRED"].to_numpy()
    assert predicted[1] == pytest.approx(100.0 / 30.0 * np.exp(-5.0 * crcl / 100.0 / 30.0 * 4.0), rel=1e-9)
