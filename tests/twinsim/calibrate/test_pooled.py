"""Fits of all patients as one, without random effects, against closed forms, SciPy's minimum, and published data."""

from importlib import resources

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import twinsim
from twinsim.errors import DataError, UsageError

THEOPHYLLINE = resources.files("experiments.data").joinpath("theophylline.csv")
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0])
DOSES = np.array([50.0, 80.0, 120.0])
UNITS = {"AMT": "mg", "DV": "mg/L"}


def model(error, **parameters):
    """One compartment after an iv dose with clearance 3 and volume 20 that are known."""
    known = {"cl": {"value": "3 L/h", "fixed": True}, "v": {"value": "20 L", "fixed": True}}
    return {
        "name": "iv", "title": "One compartment", "source": "assumed", "structure": "pk/one_compartment_oral",
        "parameters": {**known, "ka": {"value": "1.5 1/h", "fixed": True}, "lag": {"value": "0 h", "fixed": True},
                       **parameters},
        "residual": {"concentration": error},
    }  # fmt: skip


def pooled(given, records, **how):
    """The fit of a model whose random effects are left out."""
    whole = twinsim.population_model(given).without_random_effects()
    return twinsim.fit(whole, records, "fo", standard_errors=None, **how)


def curve(amount, f=1.0, cl=3.0, v=20.0, ka=1.5, times=TIMES):
    k = cl / v
    return f * amount / v * ka / (ka - k) * (np.exp(-k * times) - np.exp(-ka * times))


def table(values, doses=DOSES, times=TIMES, units=UNITS, **more):
    """Observations (patient, time) after a dose at 0 to each patient."""
    rows = []
    for number, amount in enumerate(doses):
        base = {"ID": number + 1, **{name: column[number] for name, column in more.items()}}
        rows.append({**base, "TIME": 0.0, "AMT": amount, "EVID": 1, "DV": np.nan})
        observed = zip(times, values[number], strict=True)
        rows += [{**base, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": y} for t, y in observed]
    return twinsim.read_records(pd.DataFrame(rows), units=units)


@pytest.fixture(scope="module")
def clean():
    """Curves (patient, time) of the three patients, all of the dose arriving."""
    return np.stack([curve(amount) for amount in DOSES])


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(8).standard_normal((len(DOSES), len(TIMES)))


FREE_F = {"f": {"value": 0.5, "bounds": [0, 1]}}


def test_a_linear_problem_has_its_exact_answer(clean, noise):
    """y = f x + a e:  f = sum xy / sum xx,  a^2 = SSR / n,  objective = n ln a^2 + n, in the units of the data."""
    y = 0.7 * clean + 0.1 * noise
    additive = {"model": "additive", "additive": {"sd": "1 mg/L"}}
    records = table(1000.0 * y, units={"AMT": "mg", "DV": "ug/L"})
    fit = pooled(model(additive, **FREE_F), records)
    f = np.sum(clean * y) / np.sum(clean**2)
    variance = np.mean((y - f * clean) ** 2)
    assert fit.converged and set(fit.estimates) == {"f", "concentration.additive"}
    assert fit.estimates["f"] == pytest.approx(f, rel=1e-6)
    assert fit.estimates["concentration.additive"] == pytest.approx(np.sqrt(variance), rel=1e-6)
    assert fit.objective == pytest.approx(y.size * (np.log(1e6 * variance) + 1.0), abs=1e-6)
    assert fit.constant == pytest.approx(y.size * np.log(2 * np.pi))


def test_a_lognormal_error_has_its_exact_answer(clean, noise):
    """ln y = ln f + ln x + s e:  ln f = mean ln(y / x),  s^2 = variance of ln(y / x)."""
    y = 0.7 * clean * np.exp(0.2 * noise)
    lognormal = {"model": "lognormal", "lognormal": {"sd": 0.5}}
    fit = pooled(model(lognormal, **FREE_F), table(y))
    ratio = np.log(y / clean)
    assert fit.estimates["f"] == pytest.approx(np.exp(ratio.mean()), rel=1e-6)
    assert fit.estimates["concentration.lognormal"] == pytest.approx(ratio.std(), rel=1e-6)
    assert fit.objective == pytest.approx(y.size * (np.log(ratio.var()) + 1.0) + 2.0 * np.log(y).sum(), abs=1e-6)


def test_scipy_finds_the_same_minimum(clean, noise):
    """Derivatives go through the steps of the explicit solver here, through the closed solution in the others."""
    y = clean * (1.0 + 0.1 * noise)
    combined = {"model": "combined2", "additive": {"sd": "0.05 mg/L"}, "proportional": {"sd": "20 %"}}
    free = {"cl": {"value": "2 L/h"}, "v": {"value": "25 L"}, "f": {"value": 1, "fixed": True}}
    chosen = twinsim.population_model(model(combined, **free))
    fit = pooled(chosen, table(y), fit=["cl", "v", "concentration.proportional"], solver="explicit")

    def objective(z):
        cl, v, b = np.exp(z)
        f = np.stack([curve(amount, cl=cl, v=v) for amount in DOSES])
        variance = 0.05**2 + (b * f) ** 2
        return np.sum(np.log(variance) + (y - f) ** 2 / variance)

    best = minimize(objective, np.log([2.0, 25.0, 0.2]), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10})
    assert fit.objective == pytest.approx(best.fun, abs=1e-5)
    found = [fit.estimates[name] for name in ("cl", "v", "concentration.proportional")]
    assert found == pytest.approx(np.exp(best.x), rel=1e-3)
    assert fit.model.numbers["concentration.additive"].value == 0.05


@pytest.fixture(scope="module")
def theophylline():
    records = twinsim.read_records(str(THEOPHYLLINE), units={"AMT": "mg/kg", "DV": "mg/L", "WT": "kg"})
    return records, pooled("theophylline", records)


def test_theophylline(theophylline):
    """Twelve subjects as one: the minimum that SciPy's optimisers find for this objective."""
    _, fit = theophylline
    estimates = {"cl": 2.616, "v": 32.86, "ka": 1.553, "concentration.additive": 1.375}
    assert fit.estimates == pytest.approx(estimates, rel=5e-4)
    assert fit.objective == pytest.approx(216.15, abs=0.005)
    assert fit.converged, fit.reason
    assert fit.trace[-1] == pytest.approx(fit.objective) and fit.trace[0] > fit.objective


def test_theophylline_again_by_hand(theophylline):
    """The objective of the records' own doses and observations, written out, is smallest where the fit ended."""
    records, fit = theophylline

    def objective(z):
        cl, v, ka, a = np.exp(z)
        total = 0.0
        for patient in range(records.n_patients):
            mine = records.patient == patient
            amount = records.amt[mine & records.doses][0]
            seen = mine & records.observations
            f = curve(amount, 1.0, cl, v, ka, records.time[seen])
            total += np.sum(2 * np.log(a) + ((records.dv[seen] - f) / a) ** 2)
        return total

    at = np.log(list(fit.estimates.values()))
    assert objective(at) == pytest.approx(fit.objective, abs=1e-8)
    best = minimize(objective, at + 0.1, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-9, "maxiter": 4000})
    assert best.fun == pytest.approx(fit.objective, abs=1e-6)


def test_the_fitted_model_predicts_what_was_fitted(theophylline):
    records, fit = theophylline
    predicted = twinsim.predict(fit.model, records)["PRED"].to_numpy()[records.observations]
    residual = records.dv[records.observations] - predicted
    assert np.sqrt(np.mean(residual**2)) == pytest.approx(fit.estimates["concentration.additive"], rel=1e-5)


def test_covariate_coefficients_are_fitted_too(noise):
    """Clearance in proportion to weight^0.8, without noise: the exponent comes back."""
    weight = np.array([40.0, 70.0, 110.0])
    y = np.stack([curve(a, cl=3.0 * (w / 70.0) ** 0.8) for a, w in zip(DOSES, weight, strict=True)]) + 1e-4 * noise
    relation = {"power": {"covariate": "weight", "reference": "70 kg", "exponent": 0.3}}
    free = {"cl": {"value": "2 L/h", "relations": [relation]}, "f": {"value": 1, "fixed": True}}
    additive = {"model": "additive", "additive": {"sd": "0.1 mg/L"}}
    records = table(y, units={**UNITS, "WT": "kg"}, WT=weight)
    fit = pooled(model(additive, **free), records)
    assert fit.estimates["cl.weight.exponent"] == pytest.approx(0.8, abs=1e-3)
    assert fit.estimates["cl"] == pytest.approx(3.0, rel=1e-3)


def test_what_cannot_be_fitted(clean):
    additive = {"model": "additive", "additive": {"sd": "1 mg/L"}}
    chosen, records = twinsim.population_model(model(additive, **FREE_F)), table(clean)
    without = twinsim.population_model({key: v for key, v in model(additive, **FREE_F).items() if key != "residual"})
    blind = table(np.full_like(clean, np.nan))
    for attempted, data, options, error, words in (
        (chosen, records, {"fit": ["ff"]}, UsageError, "no number 'ff'"),
        (without, records, {"fit": ["f"]}, UsageError, "no residual error for concentration"),
        (chosen, blind, {}, DataError, "18 observations have no value"),
        (chosen, records, {"solver": "closd"}, UsageError, "unknown solver"),
    ):
        with pytest.raises(error, match=words):
            pooled(attempted, data, **options)


def test_a_search_that_is_cut_short_says_so(clean, noise, caplog):
    additive = {"model": "additive", "additive": {"sd": "1 mg/L"}}
    chosen = twinsim.population_model(model(additive, **FREE_F))
    fit = pooled(chosen, table(0.7 * clean + 0.1 * noise), max_steps=2)
    assert not fit.converged and "2 steps were not enough" in fit.reason and "did not converge" in caplog.text
