"""Censored observations by their probability, against SciPy's normal distribution: values written out one by one."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import twinsim
from tests.twinsim.calibrate.test_bad_fits import model, table
from twinsim.calibrate.density import Moments, Seen, minus_two_log

COMBINED = {"additive": {"sd": "0.3 mg/L"}, "proportional": {"sd": 0.2}}
ERRORS = {
    "combined1": ({"model": "combined1", **COMBINED}, lambda f: 0.3 + 0.2 * f),
    "combined2": ({"model": "combined2", **COMBINED}, lambda f: np.sqrt(0.3**2 + (0.2 * f) ** 2)),
    "lognormal": ({"model": "lognormal", "lognormal": {"sd": 0.2}}, lambda f: np.full_like(f, 0.2)),
}
MICRO = 1000.0  # ug/L in mg/L


def censored() -> pd.DataFrame:
    """Three patients; of the first four observations one is below, one above, and two between limits."""
    data = table(patients=3)
    data["CENS"], data["LIMIT"] = 0, np.nan
    first = data.index[data["EVID"] == 0][:4]
    data.loc[first, "CENS"] = [1, -1, 1, -1]
    data.loc[first[2:], "LIMIT"] = [0.5 * data["DV"][first[2]], 2.0 * data["DV"][first[3]]]
    data[["DV", "LIMIT"]] *= MICRO
    return data


@pytest.mark.parametrize("kind", ERRORS)
def test_an_objective_is_what_probabilities_say(kind):
    """Everyone is typical: 5 exp(-0.2 t). Values are in another unit than predictions."""
    data, (error, spread) = censored(), ERRORS[kind]
    records = twinsim.read_records(data, units={"AMT": "mg", "DV": "ug/L"})
    found = twinsim.objective(model(error).without_random_effects(), records, "fo")
    scale = np.log if kind == "lognormal" else np.asarray
    total = 0.0
    for row in data[data["EVID"] == 0].itertuples():
        f = np.asarray(5.0 * np.exp(-0.2 * row.TIME))
        m, s, y, limit = scale(f), spread(f), scale(row.DV / MICRO), scale(row.LIMIT / MICRO)
        if row.CENS == 0:
            total += -2.0 * norm.logpdf(y, m, s) - np.log(2.0 * np.pi) + 2.0 * np.log(MICRO)
            total += 2.0 * np.log(row.DV / MICRO) if kind == "lognormal" else 0.0
        elif np.isnan(limit):
            total -= 2.0 * (norm.logcdf(y, m, s) if row.CENS > 0 else norm.logsf(y, m, s))
        else:
            low, high = sorted([y, limit])
            total -= 2.0 * np.log(norm.cdf(high, m, s) - norm.cdf(low, m, s))
    assert found == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("away", [-30.0, -6.0, 0.0, 6.0, 30.0])
def test_far_tails_are_exact(away):
    """Below, above and between limits of one width, many standard deviations from the mean."""
    inf, low, high = np.inf, away - 0.25, away + 0.25
    wide = lambda values: np.asarray(values, float)[:, None]  # noqa: E731
    y = Seen(
        value=wide([high, low, low]),
        low=wide([-inf, low, low]),
        high=wide([high, inf, high]),
        censored=np.ones((3, 1), bool),
        used=np.ones((3, 1), bool),
        extra=np.zeros((3, 1)),
    )
    found = np.asarray(minus_two_log(y, Moments(np.zeros((3, 1)), np.zeros((3, 1)))))[:, 0]
    a, b = sorted([-abs(low), -abs(high)]) if away else (low, high)
    upper = norm.logcdf(b)
    between = upper + np.log1p(-np.exp(norm.logcdf(a) - upper))
    assert found == pytest.approx(-2.0 * np.asarray([norm.logcdf(high), norm.logsf(low), between]), rel=1e-10)
