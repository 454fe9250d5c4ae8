"""Bootstrap and simulated studies of a model that is linear in its effect: every estimate has a closed form.

y = f x + x eta + e with the same x for everyone:  f is the mean over patients of x'y / x'x, whatever the variances.
"""

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate import refits
from twinsim.calibrate.bootstrap import resample
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import study_of
from twinsim.errors import DataError, UsageError

PATIENTS = 24
X = studies.unit_prediction()


class Killed(Exception):
    """In place of the machine's failure."""


def kill_at(number):
    def told(done):
        if done == number:
            raise Killed

    return told


@pytest.fixture(scope="module")
def study():
    model = studies.linear_model()
    return model, studies.linear_study(model, PATIENTS, seed=3)[0]


def slopes(values):
    """x'y / x'x of values (observation), in file order (patient)."""
    return values.reshape(PATIENTS, len(X)) @ X / (X @ X)


def test_a_resample_is_fitted_as_its_patients_say(study):
    model, records = study
    found = twinsim.bootstrap(model, records, replicates=5, fit=["f"], seed=7)
    own = slopes(records.dv[records.observations])
    drawn = [resample(np.zeros(PATIENTS, int), 7, k) for k in range(5)]
    assert found.converged.all() and found.labels == ("f", "omega(f,f)")
    assert found.values[:, 0] == pytest.approx([own[which].mean() for which in drawn], rel=1e-5)
    assert not np.array_equal(drawn[0], drawn[1]) and len(set(drawn[0])) < PATIENTS
    table = found.intervals(0.5)
    assert table.loc["f", "SE"] == pytest.approx(found.values[:, 0].std(ddof=1))
    assert table.loc["f", ["LOW", "HIGH"]].tolist() == pytest.approx(np.quantile(found.values[:, 0], [0.25, 0.75]))
    assert table.loc["f", "ESTIMATE"] == 1.0


def test_a_study_is_fitted_as_its_values_say(study):
    model, records = study
    found = twinsim.recover(model, records, studies=5, fit=["f"], seed=2)
    made = replicate(study_of(model, records), 5, 2).values
    assert found.converged.all()
    assert found.values[:, 0] == pytest.approx([slopes(values).mean() for values in made], rel=1e-5)
    table = found.recovered()
    inside = np.abs(found.values[:, 0] - 1.0) <= 1.96 * found.errors[:, 0]
    assert table.loc["f", "COVERAGE"] == inside.mean()
    assert table.loc["f", "BIAS"] == pytest.approx(found.values[:, 0].mean() - 1.0)


def test_resamples_hold_their_strata():
    stratum = np.asarray([0] * 5 + [1] * 3)
    for number in range(20):
        which = resample(stratum, 0, number)
        assert (which[:5] < 5).all() and (which[5:] >= 5).all()


@pytest.mark.parametrize("series", ["bootstrap", "recover"])
def test_a_killed_series_goes_on_to_the_same_bits(study, tmp_path, series):
    model, records = study
    how = {"fit": ["f"], "replicates" if series == "bootstrap" else "studies": 4}
    call = getattr(twinsim, series)
    whole = call(model, records, **how)
    with pytest.raises(Killed):
        call(model, records, **how, checkpoint=tmp_path, told=kill_at(2))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("refit-*.npz")}
    assert len(kept) == 2
    again = call(model, records, **how, checkpoint=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for name in ("values", "errors", "objective", "converged"):
        assert np.array_equal(getattr(again, name), getattr(whole, name))
    with pytest.raises(UsageError, match="belongs to another fit"):
        call(model, records, **{**how, "seed": 1}, checkpoint=tmp_path)


def test_fits_that_fail_are_rows_with_their_reason(study, caplog):
    """The dose comes after the first observation, whose prediction is 0 and whose error is proportional."""
    table = studies.plain(study[1])
    table["TIME"] += np.where(table["EVID"] == 1, 0.7, 0.0)
    records = twinsim.read_records(table.sort_values(["ID", "TIME"]), units=studies.UNITS)
    model = studies.linear_model({"model": "proportional", "proportional": {"sd": 0.1}})
    found = twinsim.bootstrap(model, records, replicates=2, fit=["f"])
    assert not found.converged.any() and np.isnan(found.values).all()
    assert "have no likelihood" in found.reasons[0] and "2 of 2 fits did not converge" in caplog.text
    with pytest.raises(DataError, match="only 0 of 2 fits converged"):
        found.intervals()


def test_a_matrix_without_a_solution_is_a_row_too(study, monkeypatch):
    model, records = study
    real, count = refits.ascend, iter(range(10))

    def ascend(*words):
        if next(count) == 1:
            raise np.linalg.LinAlgError("Eigenvalues did not converge")
        return real(*words)

    monkeypatch.setattr(refits, "ascend", ascend)
    found = twinsim.bootstrap(model, records, replicates=3, fit=["f"])
    assert found.converged.tolist() == [True, False, True] and np.isnan(found.values[1]).all()
    assert found.reasons[1] == "numbers without a solution: Eigenvalues did not converge"
    assert found.few == "" and found.sound.shape == (2, 2)


def test_studies_with_patients_that_cannot_be_simulated_are_rows(study):
    """A wide distribution draws bioavailabilities below 0; starts that lie far out end in infinite slopes."""
    model, records = study
    found = twinsim.recover(model.with_omega([[0.25]]), records, studies=3, fit=["f"])
    assert len(found.reasons) == 3 and all(found.reasons)
    for failed in np.flatnonzero(~np.isfinite(found.values[:, 0])):
        assert not found.converged[failed] and "no likelihood" in found.reasons[failed]


@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
def test_every_optimiser_finds_the_minimum(study, optimiser):
    model, records = study
    best = twinsim.fit(model, records, fit=["f", "concentration.additive"])
    found = twinsim.fit(model, records, fit=["f", "concentration.additive"], optimiser=optimiser)
    assert found.converged, found.reason
    assert found.objective == pytest.approx(best.objective, abs=1e-5)
    assert list(found.values.values()) == pytest.approx(list(best.values.values()), rel=1e-3)
    assert found.path.shape == (len(found.trace), len(found.values))


def test_a_short_walk_of_adam_is_no_minimum(study):
    model, records = study
    found = twinsim.fit(model, records, fit=["concentration.additive"], optimiser="adam", max_steps=2)
    assert not found.converged and "Newton step" in found.reason


@pytest.mark.parametrize(
    ("call", "how", "words"),
    [
        ("bootstrap", {"replicates": 1}, "1 resamples tell nothing"),
        ("bootstrap", {"strata": "sexx"}, "no covariate 'sexx'"),
        ("bootstrap", {"optimiser": "adem"}, "'adem' is no optimiser"),
        ("recover", {"studies": 1}, "1 studies tell nothing"),
        ("recover", {"method": "focie"}, "'focie' is no method"),
    ],
)
def test_wrong_words_are_answered(study, call, how, words):
    with pytest.raises(UsageError, match=words):
        getattr(twinsim, call)(*study, **how)


def test_a_design_with_censored_records_is_refused(study):
    table = studies.plain(study[1])
    table["CENS"] = ((table["EVID"] == 0) & (table["TIME"] > 5.0)).astype(int)
    with pytest.raises(UsageError, match="censored records"):
        twinsim.recover(study[0], twinsim.read_records(table, units=studies.UNITS))
