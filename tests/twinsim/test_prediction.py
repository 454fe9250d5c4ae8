"""One prediction per record: columns, outputs by DVID, units, random effects, failures. Time-varying covariates are
tested in test_records_in_time.py, dosing in test_dosing_semantics.py."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.errors import DataError, ModelError, TwinsimError, UnitError, UsageError
from twinsim.population.covariates import covariate_name
from twinsim.prediction import Fitted, predict_structure, require_sound

IV = twinsim.structure("pk/one_compartment_iv")
TIMES = np.array([0.0, 1.0, 6.0, 24.0])
MODEL = {
    "title": "One compartment, allometric",
    "source": "assumed",
    "structure": "pk/one_compartment_iv",
    "covariates": {"weight": {"unit": "kg", "typical": 70}},
    "parameters": {
        "cl": {
            "value": "4 L/h",
            "relations": [{"allometric": {"covariate": "weight", "reference": "70 kg", "exponent": 0.75}}],
        },
        "v": {"value": "0.5 L/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
    },
    "between_patients": [{"parameter": "cl", "sd": 0.3}, {"parameter": "v", "sd": 0.1}],
}
WEIGHTS = (50.0, 80.0)


def table(**columns):
    """Two patients, 100 mg as a bolus at 0, observed from then on."""
    rows = [
        {"ID": patient, "TIME": t, "EVID": evid, "AMT": 100.0 * evid, "DV": 1.5 * (1 - evid), "WT": weight}
        for patient, weight in zip((11, 7), WEIGHTS, strict=True)
        for t, evid in [(0.0, 1), *((t, 0) for t in TIMES)]
    ]
    return pd.DataFrame(rows).assign(**columns)


def read(frame=None, **units):
    return twinsim.read_records(table() if frame is None else frame, units={"AMT": "mg", "DV": "mg/L", **units})


def expected(etas=((0.0, 0.0), (0.0, 0.0)), dose=100.0):
    """Concentration of every record of `table` [mg/L]."""
    curves = []
    for weight, (cl, v) in zip(WEIGHTS, etas, strict=True):
        volume, clearance = 0.5 * weight * np.exp(v), 4.0 * (weight / 70.0) ** 0.75 * np.exp(cl)
        curves.append(dose / volume * np.exp(-clearance / volume * np.r_[0.0, TIMES]))
    return np.concatenate(curves)


def model():
    return twinsim.population_model(MODEL)


def test_one_row_per_record_in_file_order():
    got = twinsim.predict(model(), read())
    assert list(got) == ["ID", "TIME", "EVID", "CMT", "DVID", "DV", "PRED", "IPRED", "STATUS"]
    assert got["ID"].tolist() == [11] * 5 + [7] * 5 and got["TIME"].tolist() == [0.0, *TIMES] * 2
    assert got["EVID"].tolist() == [1, 0, 0, 0, 0] * 2 and got["DV"][1] == 1.5 and np.isnan(got["DV"][0])
    assert got["PRED"].to_numpy() == pytest.approx(expected(), rel=1e-12)
    assert (got["IPRED"] == got["PRED"]).all() and (got["STATUS"] == "ok").all()


def test_random_effects_make_individual_predictions():
    etas = np.array([[0.2, -0.1], [-0.3, 0.4]])  # (eta, patient)
    got = twinsim.predict(model(), read(), etas=etas)
    assert got["PRED"].to_numpy() == pytest.approx(expected(), rel=1e-12)
    assert got["IPRED"].to_numpy() == pytest.approx(expected(etas.T), rel=1e-12)
    with pytest.raises(UsageError, match=r"etas have shape \(2, 3\)") as refused:
        twinsim.predict(model(), read(), etas=np.zeros((2, 3)))
    assert "(2, 2)" in refused.value.do and "cl, v" in refused.value.do


def test_numbers_by_name_take_the_place_of_the_models():
    got = twinsim.predict(model(), read(), {"cl": 8.0})
    assert got["PRED"][4] < expected()[4] and got["PRED"][0] == pytest.approx(expected()[0])
    changed = twinsim.predict(model().with_thetas({"cl": 8.0}), read())
    assert got["PRED"].to_numpy() == pytest.approx(changed["PRED"].to_numpy(), rel=1e-14)
    with pytest.raises(TwinsimError, match="cll") as refused:
        twinsim.predict(model(), read(), {"cll": 8.0})
    assert "cl" in refused.value.do


@pytest.mark.parametrize(
    ("units", "factor"),
    [({"DV": "ug/L"}, 1000.0), ({"DV": "ng/mL"}, 1000.0), ({"AMT": "g"}, 1000.0), ({"AMT": "ug", "DV": "g/L"}, 1e-6)],
)
def test_predictions_come_in_the_units_of_the_data(units, factor):
    got = twinsim.predict(model(), read(**units))
    assert got["PRED"].to_numpy() == pytest.approx(factor * expected(), rel=1e-12)


@pytest.mark.parametrize(("unit", "number"), [("g", 1000.0), ("kg", 1.0)])
def test_covariates_are_converted_from_the_units_of_the_data(unit, number):
    frame = table()
    got = twinsim.predict(model(), read(frame.assign(WT=frame["WT"] * number), WT=unit))
    assert got["PRED"].to_numpy() == pytest.approx(expected(), rel=1e-12)


def test_a_covariate_in_a_unit_of_another_kind_is_refused():
    with pytest.raises(UnitError, match="does not fit") as refused:
        twinsim.predict(model(), read(WT="cm"))
    assert "column WT" in refused.value.where


def test_units_of_another_kind_are_refused():
    with pytest.raises(UnitError, match="does not fit"):
        twinsim.predict(model(), read(DV="%"))


def test_a_covariate_the_model_needs_and_the_table_lacks():
    with pytest.raises(DataError, match="weight"):
        twinsim.predict(model(), read(table().drop(columns="WT")))


@pytest.mark.parametrize(
    ("column", "name"), [("WT", "weight"), ("ht", "height"), ("SCR", "creatinine"), ("CRP", "crp"), ("Alb", "albumin")]
)
def test_columns_are_known_by_their_usual_names(column, name):
    assert covariate_name(column) == name


WARFARIN = pd.DataFrame(
    {
        "ID": 1,
        "TIME": [0.0, 12.0, 12.0, 72.0],
        "EVID": [1, 0, 0, 0],
        "AMT": [105.0, 0, 0, 0],
        "DV": [np.nan, 9.0, 60.0, 30.0],
        "WT": 70.0,
    }
)


def test_outputs_by_dvid():
    both = {"concentration": "ug/L", "pca": "%"}
    records = read(WARFARIN.assign(DVID=[".", "concentration", "pca", "pca"]), DV=both)
    got = twinsim.predict("warfarin_pkpd", records, rtol=1e-10)["PRED"].to_numpy()
    times = [12.0, 72.0]
    alone = twinsim.simulate(
        "warfarin_pkpd", events=twinsim.regimen(105), times=times, precision="float64", rtol=1e-10, endpoints=()
    )
    assert got[1] == pytest.approx(1000.0 * alone["concentration"][0, 0], rel=1e-7)
    assert got[2:] == pytest.approx(alone["pca"][:, 0], rel=1e-7)
    numbers = read(WARFARIN.assign(DVID=[".", "1", "2", "2"]), DV={"1": "ug/L", "2": "%"})
    named = twinsim.predict("warfarin_pkpd", numbers, rtol=1e-10, outputs={"1": "concentration", "2": "pca"})
    assert named["PRED"].to_numpy()[1:] == pytest.approx(got[1:], rel=1e-12)
    assert named["DVID"].tolist()[1:] == ["1", "2", "2"]


def test_a_dvid_that_is_no_output_asks_which_one_it_is():
    records = read(WARFARIN.assign(DVID=[".", "1", "2", "2"]), DV={"1": "mg/L", "2": "%"})
    with pytest.raises(UsageError, match="no output of .* is called '1'") as refused:
        twinsim.predict("warfarin_pkpd", records)
    assert refused.value.where == "DVID '1'" and "outputs={'1': 'concentration'}" in refused.value.do


def test_parameters_of_a_structure_are_numbers_values_per_patient_or_columns():
    frame = table(CLI=np.repeat([2.0, 5.0], 5))
    records = read(frame)
    clearance, volume = np.repeat([2.0, 5.0], 5), np.repeat([20.0, 40.0], 5)
    exact = 100.0 / volume * np.exp(-clearance / volume * np.tile(np.r_[0.0, TIMES], 2))
    for cl in ("CLI", "cli", np.array([2.0, 5.0])):
        got, status = predict_structure(IV, records, {"cl": cl, "v": np.array([20.0, 40.0])})
        assert got == pytest.approx(exact, rel=1e-12) and (status == 0).all()
    got, _ = predict_structure(IV, records, {})
    assert got == pytest.approx(2.0 * np.exp(-0.1 * np.tile(np.r_[0.0, TIMES], 2)), rel=1e-12)


def test_any_output_of_a_structure():
    structure = twinsim.structure("pk/parent_metabolite")
    first, _ = predict_structure(structure, read(), {})
    same, _ = predict_structure(structure, read(), {}, output="concentration")
    other, _ = predict_structure(structure, read(), {}, output="metabolite_concentration")
    assert first.tolist() == same.tolist() and np.abs(other - first).max() > 0.1
    with pytest.raises(ModelError, match="no output 'metabolite'") as refused:
        predict_structure(structure, read(), {}, output="metabolite")
    assert "metabolite_concentration" in refused.value.do


@pytest.mark.parametrize(("bad", "status"), [(-5.0, 6), (np.nan, 6), (np.inf, 6)])
def test_a_patient_that_cannot_be_predicted_is_nan_and_the_others_keep_their_bits(bad, status):
    records = read()
    whole, _ = predict_structure(IV, records, {"cl": np.array([2.0, 5.0])})
    got, codes = predict_structure(IV, records, {"cl": np.array([bad, 5.0])})
    assert codes.tolist() == [status, 0]
    assert np.isnan(got[:5]).all() and got[5:].tolist() == whole[5:].tolist()
    require_sound(np.array([0, 0]), records)
    with pytest.raises(DataError, match=r"1 patients cannot be predicted: 11 \(bad_parameter\)"):
        require_sound(codes, records)


def test_the_status_of_a_failed_patient_is_said_in_words():
    frame = table()
    frame.loc[frame["ID"] == 7, "WT"] = -80.0
    got = twinsim.predict(model(), read(frame))
    assert (got.loc[got["ID"] == 7, "STATUS"] == "bad_parameter").all()
    assert got.loc[got["ID"] == 7, ["PRED", "IPRED"]].isna().all(axis=None)
    assert (got.loc[got["ID"] == 11, "STATUS"] == "ok").all()
    assert got["PRED"].to_numpy()[:5] == pytest.approx(expected()[:5], rel=1e-12)


def test_float32_is_float64_to_its_digits():
    exact, rough = (predict_structure(IV, read(), {}, precision=name)[0] for name in ("float64", "float32"))
    assert rough.dtype == np.float32 and rough == pytest.approx(exact, abs=1e-6 * exact.max())


def test_what_is_fitted_is_what_is_predicted():
    fitted = Fitted(model(), read())
    got, status = fitted.predictions({"cl": 8.0}, None)
    assert np.asarray(got).tolist() == twinsim.predict(model(), read(), {"cl": 8.0})["PRED"].tolist()
    assert np.asarray(status).tolist() == [0, 0]
