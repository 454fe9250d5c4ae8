"""Replicates of a study: the draws of the model itself, and the same for a patient whoever else is there."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate import replicates as module
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import study_of
from twinsim.errors import DataError, UsageError

SEED, COUNT = 7, 6


@pytest.fixture(scope="module")
def several():
    model = studies.linear_model()
    records, _ = studies.linear_study(model, patients=5, seed=1)
    return model, records, replicate(study_of(model, records), COUNT, SEED)


def test_a_replicate_is_what_the_models_own_draws_give(several):
    model, records, made = several
    f = studies.unit_prediction()
    np.testing.assert_allclose(made.typical, np.tile(f, 5), rtol=1e-9)
    for k in range(COUNT):
        etas = np.asarray(model.draw_etas(SEED, records.ids, replicate=k))
        individual = f[:, None] * (1.0 + etas)
        seen = model.residual("concentration", individual, SEED, records.ids, replicate=k)
        np.testing.assert_allclose(made.values[k], np.asarray(seen).T.ravel(), rtol=1e-6)
    assert made.values.std(axis=0).min() > 0.1
    assert made.whole.all() and made.status.shape == (COUNT, 5)


def test_a_patient_has_the_same_replicates_to_the_bit_whoever_else_is_there(several):
    model, records, made = several
    table = studies.plain(records)
    more = pd.concat([table, studies.bolus_table(np.ones((5, 60)), first=6)])
    for others in (table[table["ID"] == 2], table[table["ID"] != 4], more):
        there = twinsim.read_records(others, units=studies.UNITS)
        found = replicate(study_of(model, there), 3, SEED)
        mine, same = there.ids[found.patient] == 2, made.patient == 1
        np.testing.assert_array_equal(found.values[:, mine], made.values[:3, same])


def test_replicates_do_not_depend_on_how_many_are_computed_at_once(several, monkeypatch):
    model, records, made = several
    monkeypatch.setattr(module, "MOST_NUMBERS", 4 * 25)
    again = replicate(study_of(model, records), COUNT, SEED)
    np.testing.assert_array_equal(again.values, made.values)


def test_occasions_are_drawn_by_their_number():
    """Each occasion has a dose of its own, so that its effect on bioavailability is seen: a second dose, long after."""
    model = studies.linear_model(between_occasions=[{"parameter": "f", "distribution": "normal", "variance": 0.02}])
    first = studies.bolus_table(np.ones((5, 3)))
    second = first.assign(TIME=first["TIME"] + 1000.0, OCC=2)
    table = pd.concat([first.assign(OCC=1), second]).sort_values(["ID", "TIME"], kind="stable")
    records = twinsim.read_records(table, units=studies.UNITS)
    made = replicate(study_of(model, records), 2, SEED)
    f = studies.unit_prediction()
    for k in range(2):
        etas = np.asarray(model.draw_etas(SEED, records.ids, replicate=k))
        kappas = [np.asarray(model.draw_occasion_etas(SEED, records.ids, occasion=o, replicate=k)) for o in (0, 1)]
        individual = np.concatenate([f[:, None] * (1.0 + etas + kappa) for kappa in kappas])
        seen = model.residual("concentration", individual, SEED, records.ids, replicate=k)
        np.testing.assert_allclose(made.values[k], np.asarray(seen).T.ravel(), rtol=1e-6)


def test_values_are_in_the_datas_unit(several):
    model, records, made = several
    micro = twinsim.read_records(
        studies.plain(records).assign(DV=lambda t: 1000.0 * t["DV"]), units={"AMT": "mg", "DV": "ug/L"}
    )
    found = replicate(study_of(model, micro), 2, SEED)
    np.testing.assert_allclose(found.values, 1000.0 * made.values[:2], rtol=1e-12)


def test_no_replicates_are_refused(several):
    model, records, _ = several
    with pytest.raises(UsageError, match="0 replicates are none"):
        replicate(study_of(model, records), 0)


def test_failures_are_told_and_left_out(several, caplog):
    """A bioavailability below 0 cannot be solved; a wide distribution draws some."""
    model, records, _ = several
    study = study_of(model.with_omega([[0.25]]), records)
    made = replicate(study, 60, SEED)
    failed = (made.status != 0).sum()
    assert 0 < failed < 30 and f"{failed} of 300 simulated patients failed (bad_parameter)" in caplog.text
    np.testing.assert_array_equal(made.whole, (made.status == 0).all(axis=1))
    with pytest.raises(DataError, match="no replicate is whole"):
        replicate(study_of(model.with_omega([[400.0]]), records), 2, SEED)
