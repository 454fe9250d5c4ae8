"""Most likely random effects against closed forms and against SciPy's search for them."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import twinsim
from kernels import status as codes
from tests.twinsim.calibrate import people, studies
from twinsim.errors import UsageError

PRIOR, OCCASION, ERROR = 0.09, 0.04, 0.25


def linear_model(occasions: bool) -> twinsim.PopulationModel:
    """Bioavailability 1 + eta + kappa, normal, in which concentrations are linear; additive error."""
    document = {
        "title": "linear in its effects",
        "structure": "pk/one_compartment_oral",
        "parameters": {"cl": {"value": "2 L/h"}, "v": {"value": "20 L"}, "ka": {"value": "1 1/h"}, "f": {"value": 1.0}},
        "between_patients": [{"parameter": "f", "variance": PRIOR, "distribution": "normal"}],
        "residual": {"concentration": {"model": "additive", "additive": {"variance": f"{ERROR} mg2/L2"}}},
    }
    if occasions:
        document["between_occasions"] = [{"parameter": "f", "variance": OCCASION, "distribution": "normal"}]
    return twinsim.population_model(document)


def linear_records(occasions: bool) -> twinsim.Records:
    """Two people; the second one's second dose is another occasion where there are any."""
    rows = []
    for patient, values in ((7, (4.0, 3.0, 6.0)), (8, (6.5, 2.0, 3.0))):
        for occasion, begin in enumerate((0.0, 200.0)):
            rows.append({"ID": patient, "TIME": begin, "AMT": 100.0, "EVID": 1, "DV": np.nan, "OCC": occasion})
            for after, value in zip((1.0, 6.0, 11.0), values, strict=True):
                dv = value + occasion
                rows.append({"ID": patient, "TIME": begin + after, "AMT": 0.0, "EVID": 0, "DV": dv, "OCC": occasion})
    table = pd.DataFrame(rows)
    return twinsim.read_records(table if occasions else table.drop(columns="OCC"), units=studies.UNITS)


def closed_form(occasions: bool, prior: float = PRIOR) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mode (effect, patient), covariance (effect, effect) and objective (patient) of the linear model."""
    records = linear_records(occasions)
    seen = records.evid == 0
    y = records.dv[seen].reshape(2, 6).T
    after = np.asarray([1.0, 6.0, 11.0])
    curve = lambda t: np.where(t > 0, 100 / 20 / 0.9 * (np.exp(-0.1 * t) - np.exp(-t)), 0.0)  # noqa: E731
    first = np.r_[curve(after), curve(200 + after)]
    second = np.r_[np.zeros(3), curve(after)]
    g = first + second
    slopes = np.stack([g, first, second]) if occasions else g[None]
    omega = np.asarray([prior, OCCASION, OCCASION] if occasions else [prior])
    covariance = np.linalg.inv(np.diag(1.0 / omega) + slopes @ slopes.T / ERROR)
    mode = covariance @ slopes @ (y - g[:, None]) / ERROR
    rest = y - g[:, None] - slopes.T @ mode
    objective = (rest**2 / ERROR).sum(axis=0) + 6 * np.log(ERROR) + (mode**2 / omega[:, None]).sum(axis=0)
    return mode, covariance, objective + np.log(omega).sum()


@pytest.mark.parametrize("occasions", [False, True])
def test_a_linear_model_is_solved_exactly(occasions):
    model, records = linear_model(occasions), linear_records(occasions)
    found = twinsim.individualise(model, records)
    mode, covariance, objective = closed_form(occasions)
    effects = np.concatenate([found.etas, found.occasion_etas.reshape(-1, 2)])
    assert effects == pytest.approx(mode, abs=1e-10)
    for patient in range(2):
        assert found.covariance[..., patient] == pytest.approx(covariance, rel=1e-9)
    assert found.objective == pytest.approx(objective, rel=1e-10)
    assert found.arrived.all() and found.exact.all() and (found.status == codes.OK).all()
    assert found.parameters["cl"] == pytest.approx([2.0, 2.0])
    if occasions:
        assert "f" not in found.parameters  # changes in time
    else:
        assert found.parameters["f"] == pytest.approx(1.0 + mode[0])
        flat = twinsim.individualise(model, records, flattening=9.0)
        mode, covariance, objective = closed_form(occasions, prior=9.0 * PRIOR)
        assert flat.etas == pytest.approx(mode, abs=1e-10)
        assert flat.covariance[..., 0] == pytest.approx(covariance, rel=1e-9)
        assert flat.objective == pytest.approx(objective, rel=1e-10)


@pytest.fixture(scope="module")
def records(reference_data):
    return people.theophylline(reference_data)


@pytest.fixture(scope="module")
def posterior(records):
    return twinsim.individualise(people.theophylline_model(), records)


def test_modes_are_those_of_scipy(records, posterior):
    assert posterior.arrived[:13].all()
    for patient in range(13):
        one = people.person(records, patient)
        found = minimize(lambda x, one=one: float(people.joint(one, x)), np.zeros(3), method="BFGS", tol=1e-9)
        assert posterior.objective[patient] <= found.fun + 1e-9
        assert posterior.etas[:, patient] == pytest.approx(found.x, abs=1e-5)
        assert posterior.objective[patient] == pytest.approx(people.joint(one, posterior.etas[:, patient]), rel=1e-9)


def test_the_covariance_is_the_second_derivatives(records, posterior):
    step = 1e-4
    unit = step * np.eye(3)
    for patient in (0, 4, 8):
        one, mode = people.person(records, patient), posterior.etas[:, patient]
        at = lambda d, one=one, mode=mode: people.joint(one, mode + d)  # noqa: E731
        second = [[at(a + b) - at(a - b) - at(b - a) + at(-a - b) for b in unit] for a in unit]
        expected = np.linalg.inv(np.asarray(second) / (8.0 * step**2))
        assert posterior.covariance[..., patient] == pytest.approx(expected, rel=2e-4, abs=1e-7)


def test_nobody_observed_is_the_prior(posterior):
    silent = people.SILENT
    assert posterior.counts[silent] == 0
    assert (posterior.etas[:, silent] == 0.0).all() and posterior.arrived[silent]
    assert posterior.covariance[..., silent] == pytest.approx(np.diag(list(people.OMEGAS.values())), rel=1e-12)
    assert posterior.objective[silent] == pytest.approx(np.log(list(people.OMEGAS.values())).sum(), rel=1e-12)


def test_a_patient_that_cannot_be_computed_is_a_row(posterior):
    lost = people.IMPOSSIBLE
    assert not posterior.arrived[lost]
    assert np.isnan(posterior.etas[:, lost]).all() and np.isnan(posterior.objective[lost])
    table = posterior.to_pandas()
    assert len(table) == 15 and not table["ARRIVED"][lost] and table["ARRIVED"].sum() == 14


def test_a_patient_alone_is_the_same_to_the_bit(records, posterior):
    model = people.theophylline_model()
    for patients in ([3], [2, 5, 9]):
        alone = twinsim.individualise(model, people.only(records, patients))
        for place, patient in enumerate(patients):
            assert (alone.etas[:, place] == posterior.etas[:, patient]).all()
            assert alone.objective[place] == posterior.objective[patient]
            assert (alone.covariance[..., place] == posterior.covariance[..., patient]).all()
    # In a table with fewer rows for everybody sums are taken in another order.
    alone = twinsim.individualise(model, people.only(records, [people.FEWER]))
    assert alone.etas[:, 0] == pytest.approx(posterior.etas[:, people.FEWER], rel=1e-10)


def test_more_starts_and_earlier_modes_lead_to_the_same_place(records, posterior):
    again = posterior.update(records)
    fresh = ~np.isnan(posterior.objective)
    assert again.objective[fresh] == pytest.approx(posterior.objective[fresh], abs=1e-10)
    assert again.etas[:, fresh] == pytest.approx(posterior.etas[:, fresh], abs=1e-8)


def test_new_samples_are_taken_up(records, posterior):
    """From five samples of the first patient to all of them."""
    sparse = twinsim.individualise(people.theophylline_model(), people.only(records, [people.FEWER]))
    grown = people.only(records, [0])
    updated = sparse.update(grown)
    assert updated.etas[:, 0] == pytest.approx(posterior.etas[:, 0], abs=1e-8)
    assert updated.objective[0] <= posterior.objective[0] + 1e-9


def test_nobody_observed_at_all():
    table = pd.DataFrame({"ID": [1, 1], "TIME": [0.0, 5.0], "AMT": [100.0, 0.0], "EVID": [1, 2]})
    found = twinsim.individualise(linear_model(False), twinsim.read_records(table, units={"AMT": "mg"}), starts=1)
    assert found.etas.tolist() == [[0.0]] and found.covariance[0, 0, 0] == pytest.approx(PRIOR)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flattening": 0.0}, "flattening=0.0 is not above 0"),
        ({"flattening": float("nan")}, "flattening=nan"),
        ({"starts": 0}, "starts=0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        twinsim.individualise(linear_model(False), linear_records(False), **options)


def test_a_model_without_random_effects_is_refused():
    document = dict(linear_model(False).document)
    del document["between_patients"]
    with pytest.raises(UsageError, match="no random effects"):
        twinsim.individualise(twinsim.population_model(document), linear_records(False))


def test_an_earlier_result_of_another_model_is_refused(posterior):
    with pytest.raises(UsageError, match="no random effect of f"):
        twinsim.individualise(linear_model(False), linear_records(False), start=posterior)


def test_proportional_errors_and_censored_values(reference_data):
    """Wang's ten people, one of each one's values below a limit."""
    table = studies.wang(reference_data).to_pandas().drop(columns=["DVID", "LIMIT"])
    late = (table["EVID"] == 0) & ~table["ID"].duplicated(keep="last")
    table["CENS"] = late.astype(int)
    records = twinsim.read_records(table, units=studies.UNITS)
    error = {"model": "proportional", "proportional": {"variance": 0.1}}
    found = twinsim.individualise(studies.wang_model(error), records)
    for patient in range(records.n_patients):
        mine = (records.patient == patient) & (records.evid == 0)
        t, y, below = records.time[mine], records.dv[mine], records.cens[mine] == 1

        def joint(eta, t=t, y=y, below=below):
            f = 10.0 * np.exp(-0.5 * np.exp(eta[0]) * t)
            sd = np.sqrt(0.1) * f
            seen = np.log(sd**2) + ((y - f) / sd) ** 2
            return np.where(below, -2.0 * norm.logcdf((y - f) / sd), seen).sum() + eta[0] ** 2 / 0.04 + np.log(0.04)

        expected = minimize(joint, [0.0], method="BFGS", tol=1e-9)
        assert found.etas[0, patient] == pytest.approx(expected.x[0], abs=1e-5)
        assert found.objective[patient] == pytest.approx(expected.fun, abs=1e-8)


def test_a_solver_that_fails_tells_its_status():
    """An infusion at steady state whose lag is longer than its interval, beside a bolus."""
    document = dict(linear_model(False).document)
    document["parameters"] = {**document["parameters"], "lag": {"value": "30 h"}}
    table = linear_records(False).to_pandas().drop(columns=["DVID"])
    steady = (table["ID"] == 8) & (table["TIME"] == 0.0)
    table.loc[steady, ["RATE", "SS", "II"]] = [50.0, 1, 24.0]
    records = twinsim.read_records(table, units=studies.UNITS)
    found = twinsim.individualise(twinsim.population_model(document), records)
    assert found.status.tolist() == [codes.OK, codes.NO_STEADY_STATE]
    assert found.arrived.tolist() == [True, False]
    assert np.isfinite(found.etas[0, 0]) and np.isnan(found.etas[0, 1])
    assert found.to_pandas()["STATUS"].tolist() == ["ok", "no_steady_state"]
