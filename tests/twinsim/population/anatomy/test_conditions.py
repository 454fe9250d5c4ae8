"""Cirrhosis and chronic kidney disease against the published factors."""

import jax
import numpy as np
import pytest

from twinsim.population import sample_cohort, with_anatomy
from twinsim.population.anatomy import conditions
from twinsim.population.anatomy.body import anatomy
from twinsim.population.anatomy.catalogue import ARTERIAL_FLOWS, MASSES, PORTAL_FLOWS
from twinsim.population.derived import gfr_ckd_epi_2021

COUNT = 1024
program = jax.jit(anatomy)


# quantity -> Child-Pugh A, B, C: table 2 of Qualification-HI, Open Systems Pharmacology, and PK-Sim's
# HIDiseaseStateImplementation, both after Edginton and Willmann 2008 and Johnson et al. 2010; haematocrit 39, 37, 35 %
# of 43 %
PUBLISHED = {
    "liver_portal_flow": (0.4, 0.36, 0.04),
    "liver_arterial_flow": (1.3, 2.3, 3.4),
    "kidney_flow": (0.88, 0.65, 0.48),
    "cardiac_output": (1.11, 1.27, 1.36),
    "albumin": (0.81, 0.68, 0.5),
    "aag": (0.6, 0.56, 0.3),
    "haematocrit": (0.907, 0.860, 0.814),
    "gfr": (1.0, 0.7, 0.36),
    "functional_liver": (0.69, 0.55, 0.28),
    "cyp1a2_abundance": (1.0, 0.1, 0.1),
    "cyp2c9_abundance": (0.69, 0.51, 0.33),
    "cyp2c19_abundance": (0.32, 0.26, 0.12),
    "cyp2d6_abundance": (0.76, 0.33, 0.11),
    "cyp2e1_abundance": (1.0, 0.83, 0.83),
    "cyp3a4_abundance": (1.0, 0.4, 0.4),
}


def people(**levels):
    given = {"sex": 0, "age": 55, "height": 175, "weight": 85, "creatinine": 0.95, "albumin": 42, "aag": 0.82}
    given |= {"haematocrit": 45.0, **levels}
    columns = {name: np.full(COUNT, float(value)) for name, value in given.items()}
    out = program(np.uint64(2), np.arange(COUNT, dtype=np.int64), columns)
    return {**columns, **{name: np.asarray(values) for name, values in out.items()}}


@pytest.fixture(scope="module")
def healthy():
    return people()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_cirrhosis(healthy, level):
    ill = people(cirrhosis=level)
    for name, factors in PUBLISHED.items():
        np.testing.assert_allclose(ill[name], factors[level - 1] * healthy[name], rtol=6e-4, err_msg=name)
    total = sum(ill[name] for name in ARTERIAL_FLOWS)
    np.testing.assert_allclose(total, ill["cardiac_output"], atol=1e-9)
    received = sum(ill[name] for name in PORTAL_FLOWS)
    np.testing.assert_allclose(ill["portal_shunt_flow"], received - ill["liver_portal_flow"], rtol=1e-12)
    assert ill["portal_shunt_flow"].min() > 0.0
    for name in MASSES:
        np.testing.assert_array_equal(ill[name], healthy[name])
    np.testing.assert_array_equal(ill["creatinine"], healthy["creatinine"])


@pytest.mark.parametrize("stage", [1, 2, 3, 4, 5])
def test_ckd(healthy, stage):
    ill = people(ckd=stage)
    indexed = ill["gfr"] * 1.73 / np.sqrt(175 * 85 / 3600)
    low, high = conditions.CKD_RANGES[stage]
    assert low <= indexed.min() and indexed.max() <= high
    if stage > 1:
        assert indexed.std() > 0.25 * (high - low)
    np.testing.assert_allclose(gfr_ckd_epi_2021(0.0, 55.0, ill["creatinine"]), indexed, rtol=1e-9)
    np.testing.assert_allclose(ill["unbound_factor"], (1.0, 1.0, 1.07, 1.16, 1.55)[stage - 1])
    np.testing.assert_allclose(
        ill["kidney_flow"], healthy["kidney_flow"] * np.minimum(ill["gfr"] / healthy["gfr"], 1.0), rtol=1e-12
    )
    np.testing.assert_allclose(sum(ill[name] for name in ARTERIAL_FLOWS), ill["cardiac_output"], atol=1e-9)
    np.testing.assert_array_equal(ill["cyp3a4_abundance"], healthy["cyp3a4_abundance"])


@pytest.mark.parametrize("stage", [2, 3, 4])
def test_kidney_flow_in_ckd(healthy, stage):
    """Medians within 22 % of Malik et al. 2020: volume and flow per volume, exp(a GFR^2 + b GFR), GFR per 1.73 m2."""
    ill, surface = people(ckd=stage), np.sqrt(175 * 85 / 3600) / 1.73
    well, low = healthy["gfr"] / surface, ill["gfr"] / surface
    curve = np.exp((-6.3e-5 - 3.1e-5) * (low**2 - well**2) + (0.0149 + 0.0170) * (low - well))
    assert np.median(ill["kidney_flow"] / healthy["kidney_flow"] / curve) == pytest.approx(1.0, abs=0.22)


def test_haematocrit_in_ckd():
    """Table 2-1 of the report, men: 41.7 % at 20 to 30 and 34.3 % below 20 mL/min/1.73m2, 45.5 % in health."""
    gfr = np.array([25.0, 10.0, 80.0])
    for sex, expected in ((0.0, (41.7, 34.3, 45.5)), (1.0, (37.4, 33.5, 40.0))):
        factor = conditions.haematocrit_in_ckd(np.full(3, 4.0), np.full(3, sex), gfr)
        np.testing.assert_allclose(factor * expected[2], expected, rtol=1e-12)
    np.testing.assert_array_equal(conditions.haematocrit_in_ckd(np.zeros(3), np.zeros(3), gfr), 1.0)


def test_levels_may_come_with_the_patients_or_for_everybody():
    ill = sample_cohort(500, with_anatomy("adults", ["gfr", "liver_flow"], ckd=4, cirrhosis=2), seed=1)
    assert set(ill.covariates["ckd"]) == {4.0} and ill.units["ckd"] == "1"
    well = sample_cohort(500, "adults", seed=1)
    np.testing.assert_allclose(ill.covariates["albumin"], 0.68 * well.covariates["albumin"], rtol=1e-12)
    np.testing.assert_array_equal(ill.covariates["weight"], well.covariates["weight"])
    assert (ill.covariates["creatinine"] > well.covariates["creatinine"]).mean() > 0.99


def test_a_level_that_does_not_exist_is_no_number():
    assert np.isnan(people(cirrhosis=4)["liver_flow"]).all()
    assert np.isnan(people(ckd=2.5)["gfr"]).all()
