"""The models that come with twinsim give the numbers their papers give."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from twinsim.errors import UsageError
from twinsim.library import library, library_names, model_path
from twinsim.population.model import population_model

# name -> covariates of the paper's typical patient, parameters the paper prints for them (in the structure's units)
TYPICAL = {
    # nlmixr2 FOCEI on theo_sd: ln ka 0.46445, ln cl 1.01205, ln v 3.45997
    "theophylline": ({}, {"ka": math.exp(0.46445), "cl": math.exp(1.01205), "v": math.exp(3.45997), "f": 1, "lag": 0}),
    # Monolix 2023R1
    "warfarin_pk": ({"weight": 70}, {"lag": 0.780, "ka": 1.359, "v": 8.061, "cl": 0.1336}),
    # Nguyen 2017, run ka1_to_emax1_est: half-lives 0.944 h and 13.3 h
    "warfarin_pkpd": (
        {"weight": 70},
        {"cl": 0.131, "v": 8.06, "ka": math.log(2) / 0.944, "lag": 1.03, "e0": 95.9, "ic50": 1.17, "imax": 1}
        | {"kout": math.log(2) / 13.3},
    ),
    # Pharmpy pheno_real.mod
    "phenobarbital_grasela_1985": ({"weight": 1.0, "apgar": 7}, {"cl": 0.00469555, "v": 0.984258}),
    "vancomycin_goti_2018": (
        {"crcl": 120, "weight": 70, "dialysis": 0},
        {"cl": 4.5, "v1": 58.4, "v2": 38.4, "q": 6.5},
    ),
    "vancomycin_thomson_2009": (
        {"crcl": 66, "weight": 70},
        {"cl": 2.99, "v1": 0.675 * 70, "v2": 0.732 * 70, "q": 2.28},
    ),
    # Xuan 2004: "CL 4.32 L/h, V1 19.6 L" at the cohort's 92 mL/min and 70 kg
    "gentamicin_xuan_2003": (
        {"crcl": 92, "weight": 70},
        {"cl": 4.324, "v1": 19.6, "q": 0.092 * 19.6, "v2": 0.092 * 19.6 / 0.071},
    ),
    "mab_davda_2014": (
        {"weight": 70},
        {"cl": 0.2 / 24, "v1": 3.61, "q": 0.747 / 24, "v2": 2.75, "ka": 0.282 / 24, "f": 0.744, "vmax": 0},
    ),
    # Dalla Man 2007, table 1: normal and type 2; S2008's adults: medians of simglucose's table
    "glucose_healthy": ({"weight": 78}, {"bw": 78, "vg": 1.88, "kabs": 0.057, "vmx": 0.047, "beta": 0.11, "ke2": 339}),
    "glucose_type2": ({"weight": 78}, {"vg": 1.49, "kabs": 0.023, "vmx": 0.034, "km0": 466.21, "k": 0.99, "ke2": 269}),
    "glucose_type1_adults": ({}, {"bw": 86.43, "gb": 142.95, "kabs": 0.15515, "vmx": 0.043192, "ksc": 0.0915}),
    # DavAug/mipd-warfarin: shifts 0.757 and 0.532 of rate constant and EC50 for *3/*3 and A/A, rounded, at 71 years
    "warfarin_inr_hamberg_2010": (
        {"age": 71, "cyp2c9": 5, "vkorc1": 2},
        {"cl": 0.348 * 0.242529, "v": 14.3, "ec50": 4.1 * 0.468293, "mtt1": 28.6, "mtt2": 118.3, "gamma": 1.15},
    ),
    # nlmixr2lib, Netterberg_2017_docetaxel: a woman; myelo: rate constants 1/h
    "docetaxel_neutrophils_kloft_2006": (
        {"sex": 1, "aag": 1.34},
        {"circ0": 5.21965 * (1 - 0.121451), "slope": 15.5711, "cl": 5.2 * 7.4, "v2": 1.06 * 7.4 / 1.51},
    ),
    # python_anesthesia_simulator 1.0.0, Patient([35, 170, 70, 1]): v1 and rate constants 1/min, six digits
    "propofol_schnider_remifentanil_minto": (
        {"age": 35, "height": 170, "weight": 70, "sex": 0},
        {"v1_propofol": 4.27, "cl_propofol": 60 * 4.27 * 0.383638, "q2_propofol": 60 * 4.27 * 0.403279},
    ),
    "propofol_eleveld_remifentanil_minto": (
        {"age": 35, "height": 170, "weight": 70, "sex": 0},
        {"v1_propofol": 6.28308, "cl_propofol": 60 * 6.28308 * 0.257722, "q2_propofol": 60 * 6.28308 * 0.291405},
    ),
    "phenytoin_yukawa_1990": ({"weight": 60, "age": 30, "comedication": 0}, {"vmax": 325 / 24, "km": 2.41}),
}


def individual(name, **covariates):
    """Parameters of one patient as floats."""
    return {key: float(value) for key, value in population_model(name).individual(covariates).items()}


def test_every_model_is_tested():
    assert set(library_names()) == set(TYPICAL) == set(library())


@pytest.mark.parametrize("name", TYPICAL)
def test_typical_values(name):
    covariates, expected = TYPICAL[name]
    got = individual(name, **covariates)
    for parameter, value in expected.items():
        assert got[parameter] == pytest.approx(value, rel=2e-5, abs=1e-12), parameter


@pytest.mark.parametrize("name", TYPICAL)
def test_documentation_of_a_model(name):
    model = population_model(name)
    assert model.title and model.structure.output_names[0] in model.error_models
    assert set(model.typical_covariates) == set(model.needs)
    assert model.regimen["route"] and model.regimen["amount"] > 0 and model.regimen["count"] >= 1
    assert model.structure.route(model.regimen["route"])
    for row in model.sources():
        assert re.search(r"\b(19|20)\d\d\b|assumed|default of", row.source), row
    assert np.all(np.linalg.eigvalsh(model.omega) > 0)
    # the example and its remarks are text a person reads: no long lines
    text = Path(model_path(name)).read_text(encoding="utf-8")
    assert all(len(line) <= 120 for line in text.splitlines()) and len(text.splitlines()) < 120


def test_assumed_values_are_the_known_ones():
    answers = {name: set(population_model(name).assumed()) for name in TYPICAL}
    infusion = {"rate", "duration"}  # answer doses with a modelled rate only
    assert answers.pop("phenytoin_yukawa_1990") == {"v", "ka", "lag", "concentration.proportional"}
    assert answers.pop("mab_davda_2014") == {"km"}
    scatter = {f"omega({name},{name})" for name in ("gb", "ib", "egpb", "kabs", "kp3", "vmx", "beta", "k")}
    assert answers.pop("glucose_healthy") == {"least_meal", "glucose.proportional", *scatter}
    assert answers.pop("glucose_type2") == {"least_meal", "glucose.proportional", *scatter}
    own = {"least_meal", "glucose.proportional", "interstitial_glucose.additive"}
    assert answers.pop("glucose_type1_adults") == own
    answers["propofol_schnider_remifentanil_minto"] -= {"bis.additive", "omega(ke0_propofol,ke0_propofol)"}
    assert all({name.split("_")[0] for name in names} <= infusion for names in answers.values())


def test_goti_2018_covariates():
    got = individual("vancomycin_goti_2018", crcl=62, weight=79, dialysis=1)
    assert got["cl"] == pytest.approx(4.5 * (62 / 120) ** 0.8 * 0.7)
    assert got["v1"] == pytest.approx(58.4 * 79 / 70 * 0.5)
    assert got["v2"] == 38.4 and got["q"] == 6.5
    # above 150 mL/min the paper cuts
    capped = individual("vancomycin_goti_2018", crcl=220, weight=79, dialysis=0)
    assert capped["cl"] == pytest.approx(4.5 * (150 / 120) ** 0.8)
    # variances printed by posologyr's translation of table 2
    model = population_model("vancomycin_goti_2018")
    np.testing.assert_allclose(np.diag(model.omega), [0.147, 0.510, 0.282], atol=5e-4)


def test_thomson_2009_covariates():
    # the paper: 15.4 % for every 10 mL/min from 66 mL/min; volume at steady state 1.4 L/kg
    low, high = (individual("vancomycin_thomson_2009", crcl=c, weight=80) for c in (56, 76))
    assert high["cl"] == pytest.approx(2.99 * 1.154) and low["cl"] == pytest.approx(2.99 * 0.846)
    assert (low["v1"] + low["v2"]) / 80 == pytest.approx(1.4, abs=0.01)
    expected = [[0.0729, 0.01, 0, 0], [0.01, 0.0225, 0, 0], [0, 0, 0.2401, 0], [0, 0, 0, 1.69]]
    np.testing.assert_allclose(population_model("vancomycin_thomson_2009").omega, expected, rtol=1e-12)


def test_xuan_2004_variances():
    # posologyr prints ln(1 + cv^2) of table 2 with three digits
    omega = population_model("gentamicin_xuan_2003").omega
    np.testing.assert_allclose(np.diag(omega), [0.084, 0.003, 0.398, 0.342], atol=5e-4)


def test_davda_2014_half_life_and_scaling():
    p = individual("mab_davda_2014", weight=70)
    k10, k12, k21 = p["cl"] / p["v1"], p["q"] / p["v1"], p["q"] / p["v2"]
    total = k10 + k12 + k21
    slow = (total - math.sqrt(total**2 - 4 * k10 * k21)) / 2
    # nlmixr2lib's vignette of this model: terminal half-life 23.114 d for 70 kg, by non-compartmental analysis
    assert math.log(2) / slow / 24 == pytest.approx(23.114, rel=0.005)
    heavy = individual("mab_davda_2014", weight=140)
    assert heavy["cl"] / p["cl"] == pytest.approx(2**0.865) and heavy["v2"] / p["v2"] == pytest.approx(2**0.957)
    block = population_model("mab_davda_2014").omega[:3, :3]
    np.testing.assert_allclose(np.sqrt(np.diag(block)), [0.314, 0.341, 0.281], rtol=2e-3)


def test_grasela_1985_against_the_paper():
    # the paper: 0.0047 L/h/kg, 0.96 L/kg, 13 % more volume with Apgar below 5, half-life 141 h, CV 19 % and 16 %
    p = individual("phenobarbital_grasela_1985", weight=1.5, apgar=7)
    assert p["cl"] / 1.5 == pytest.approx(0.0047, rel=0.01) and p["v"] / 1.5 == pytest.approx(0.96, rel=0.03)
    assert math.log(2) * p["v"] / p["cl"] == pytest.approx(141, rel=0.05)
    assert individual("phenobarbital_grasela_1985", weight=1.5, apgar=4)["v"] / p["v"] == pytest.approx(1.15892)
    sds = np.sqrt(np.diag(population_model("phenobarbital_grasela_1985").omega))
    np.testing.assert_allclose(sds, [0.19, 0.16], atol=0.02)


def test_warfarin_models_against_another_fit_of_the_same_people():
    # NONMEM 7.4.3 FOCEI with transit absorption, shown by nonmem2rx (article "Reading rounding from NONMEM")
    other = {"cl": 0.1348, "v": 7.783, "e0": 96.59, "ic50": 1.151, "kout": 0.05216}
    got = individual("warfarin_pkpd", weight=70)
    for parameter, value in other.items():
        assert got[parameter] == pytest.approx(value, rel=0.04), parameter
    pk = individual("warfarin_pk", weight=70)
    assert pk["cl"] == pytest.approx(other["cl"], rel=0.04) and pk["v"] == pytest.approx(other["v"], rel=0.04)
    assert individual("warfarin_pk", weight=90)["v"] == pytest.approx(8.061 * (90 / 70) ** 0.899)
    errors = population_model("warfarin_pkpd").error_models
    assert float(errors["pca"].variance(np.array([50.0]))[0]) == pytest.approx(13.9)
    assert float(errors["concentration"].variance(np.array([2.0]))[0]) == pytest.approx(0.135 + 0.00478 * 4)


def test_theophylline_against_monolix():
    # Monolix 5.1.1 per kg: Cl 0.0402 L/h/kg, V 0.456 L/kg, ka 1.53 1/h; the twelve weigh 69.6 kg on average
    p = individual("theophylline")
    assert p["cl"] / 69.6 == pytest.approx(0.0402, rel=0.03)
    assert p["v"] / 69.6 == pytest.approx(0.456, rel=0.03)
    assert p["ka"] == pytest.approx(1.53, rel=0.05)


def test_phenytoin_reaches_the_concentrations_of_its_patients():
    # Yukawa 1990, tables I and II: mean dose 225.8 mg/d, 49.1 kg, mean concentration 9.78 mg/L
    p = individual("phenytoin_yukawa_1990", weight=49.1, age=24.3, comedication=0)
    rate = 225.8 / 24
    assert p["km"] * rate / (p["vmax"] - rate) == pytest.approx(9.78, rel=0.05)
    both = individual("phenytoin_yukawa_1990", weight=60, age=14, comedication=1)
    assert both["vmax"] == pytest.approx(325 / 24 * 1.08) and both["km"] == pytest.approx(2.41 * 0.752 * 1.32)


def test_unknown_names_get_near_ones():
    with pytest.raises(UsageError, match="vancomycin_goti_2018"):
        model_path("vancomycin_goti_2017")
