"""Objectives at given values against what NONMEM, nlmixr2 and published tables say they are."""

import math

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate import studies

ADDITIVE = {"model": "additive", "additive": {"variance": "0.1 mg2/L2"}}
PROPORTIONAL = {"model": "proportional", "proportional": {"variance": 0.1}}
LOGNORMAL = {"model": "lognormal", "lognormal": {"variance": 0.1}}

# nlmixr2est's table wang2007_ofv (FOCEI proportional: Wang 2007, table 2, by NONMEM).
WANG = [
    (PROPORTIONAL, {"focei": 39.458, "foce": 39.207, "fo": 39.213}),
    (ADDITIVE, {"focei": -2.059, "foce": -2.059, "fo": 0.026}),
    (LOGNORMAL, {"focei": 40.039, "foce": 40.039, "fo": 40.055}),
]


@pytest.mark.parametrize(("error", "expected"), WANG, ids=["proportional", "additive", "lognormal"])
def test_wang_2007(reference_data, error, expected):
    records, model = studies.wang(reference_data), studies.wang_model(error)
    for method, value in expected.items():
        assert twinsim.objective(model, records, method) == pytest.approx(value, abs=6e-4)


def exact_wang(records, variance: float) -> float:
    """-2 log likelihood of the proportional model by trapezoids on a fine grid, patient by patient."""
    eta = np.linspace(-1.6, 1.6, 20001)
    prior = np.exp(-0.5 * eta**2 / 0.04) / math.sqrt(2.0 * math.pi * 0.04)
    total = 0.0
    for patient in range(records.n_patients):
        mine = (records.patient == patient) & records.observations
        f = 10.0 * np.exp(-0.5 * np.exp(eta)[:, None] * records.time[mine])
        v = variance * f**2
        density = np.exp(-0.5 * (np.log(v) + (records.dv[mine] - f) ** 2 / v).sum(axis=1))
        total += -2.0 * math.log(np.trapezoid(density * prior, eta))
    return total


def test_quadrature_is_the_integral(reference_data):
    records, model = studies.wang(reference_data), studies.wang_model(PROPORTIONAL)
    exact = exact_wang(records, 0.1)
    assert twinsim.objective(model, records, "agq", nodes=31) == pytest.approx(exact, abs=1e-6)
    assert twinsim.objective(model, records, "agq", nodes=9) == pytest.approx(exact, abs=1e-4)
    assert twinsim.objective(model, records, "imp", nodes=4000) == pytest.approx(exact, abs=0.05)
    # One node is Laplace's approximation.
    laplace = twinsim.objective(model, records, "laplace")
    assert twinsim.objective(model, records, "agq", nodes=1) == pytest.approx(laplace, abs=1e-6)


def test_theophylline(reference_data):
    """nlmixr2qual: FOCEI 116.8038 at its estimates; the exact marginal there is 118.124."""
    records = studies.theophylline(reference_data)
    model = studies.theophylline_model(0.46445, 1.01205, 3.45997, (0.40463, 0.06880, 0.01922), 0.69384)
    assert twinsim.objective(model, records) == pytest.approx(116.8038, abs=1e-4)
    assert twinsim.objective(model, records, "agq", nodes=11) == pytest.approx(118.124, abs=1e-3)


def test_phenobarbital(reference_data):
    """NONMEM, Pharmpy's pheno_real.mod: 586.276, with doses and covariates of newborns."""
    value = twinsim.objective("phenobarbital_grasela_1985", studies.phenobarbital(reference_data))
    assert value == pytest.approx(586.276, abs=1e-3)


def test_warfarin(reference_data):
    """NONMEM, nonmem2rx's run000: 423.33 without a lag, with W = sqrt(a^2 + b^2 f^2)."""
    values = {name: f"{math.exp(x)} {unit}" for name, x, unit in
              (("cl", -2.0072, "L/h"), ("v", 2.0585, "L"), ("ka", -0.56939, "1/h"))}  # fmt: skip
    error = {"model": "combined2", "additive": {"sd": "0.72248 mg/L"}, "proportional": {"sd": 0.11705}}
    variances = {"cl": 0.07903, "v": 0.048278, "ka": 0.47498}
    model = studies.model("pk/one_compartment_oral", values, variances, error)
    assert twinsim.objective(model, studies.warfarin(reference_data)) == pytest.approx(423.33, abs=0.01)


def test_the_constant_is_told_apart(reference_data):
    """A fit's constant is n ln 2 pi of the observations that count."""
    records = studies.wang(reference_data)
    found = twinsim.fit(studies.wang_model(PROPORTIONAL), records, "fo", standard_errors=None)
    assert found.constant == pytest.approx(20 * math.log(2.0 * math.pi), rel=1e-12)
