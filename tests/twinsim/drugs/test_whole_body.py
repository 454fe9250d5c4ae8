"""Drugs in whole bodies: parameters by hand, every drug in sampled people, amounts and areas under curves."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, ModelError, UsageError
from twinsim.models.pbpk import TISSUES
from twinsim.population import sample_cohort, with_anatomy

DRUGS = twinsim.drug_names()


def typical(model, **changed):
    """Parameters of the reference man, with changes of his covariates."""
    covariates = {**model.typical_covariates, **changed}
    found = model.individual({name: np.array([value]) for name, value in covariates.items()})
    return {name: float(values[0]) for name, values in found.items()}


PAPER = "Author 2020, Journal 1:1"


def drug_file(**sections):
    return {
        "name": "testamine",
        "title": "Testamine",
        "sources": {"paper": "Author 2020, Journal 1:1"},
        "physicochemistry": {
            "molar_mass": {"value": "300 g/mol", "source": "paper"},
            "log_p": {"value": 2, "source": "assumed: a guess"},
            "compound": "neutral",
        },
        "plasma": {"fu": {"value": "20 %", "source": "paper"}, "protein": "albumin"},
        "clearances": [{"name": "filtration", "kind": "filtration", "value": 1, "source": "paper"}],
        **sections,
    }


@pytest.fixture(scope="module")
def adults():
    return sample_cohort(200, "adults_anatomy", seed=1)


def test_the_reference_man_has_the_organs_of_the_structure():
    model = twinsim.whole_body_model("theophylline")
    found, declared = typical(model), {item.name: item.default for item in model.structure.parameters}
    names = [name for name in declared if name.startswith(("v_", "q_"))]
    assert len(names) == 29 and {name: found[name] for name in names} == pytest.approx({n: declared[n] for n in names})
    assert found["portal_shunt"] == 0.0 and found["gfr"] == pytest.approx(7.2)  # 120 mL/min


def test_clearances_of_the_liver_by_hand():
    """Midazolam: 6.3/2.16 uL/min/pmol, 108 pmol/mg, 40 mg/g, 1.8 kg; 276/37.8 uL/min/mg. Wall: 0.61 of qgut."""
    model = twinsim.whole_body_model("midazolam")
    found = typical(model)
    assert found["clint_hydroxylation"] == pytest.approx(6.3 / 2.16 * 108.0 * 40.0 * 1800.0 * 60e-6, rel=1e-9)
    assert found["clint_glucuronidation"] == pytest.approx(276.0 / 37.8 * 40.0 * 1800.0 * 60e-6, rel=1e-9)
    assert found["km_hydroxylation"] == pytest.approx(2.16 * 325.77 / 1000.0, rel=1e-12)
    assert found["filtered_fraction"] == 0.64 and found["ka"] == 9.6
    qgut = 18.0 * 10.0 / 28.0
    assert qgut / (qgut + found["clint_gut_wall_cyp3a4"]) == pytest.approx(1.0 - 0.61, rel=1e-12)
    # medians of lognormal abundances with means of 68.1 pmol/mg and 70.5 nmol
    few, many = 68.1 / np.sqrt(1.0 + 0.77**2) / 4.0, 2.0 * 70.5 / np.sqrt(1.0 + 0.6**2)
    organ = {"liver_mass": 0.9, "functional_liver": 0.5, "mppgl": 20.0}
    ill = typical(model, **organ, cyp3a4_abundance=few, gut_cyp3a4_abundance=many)
    assert ill["clint_hydroxylation"] == pytest.approx(found["clint_hydroxylation"] / 32.0)
    assert ill["clint_glucuronidation"] == pytest.approx(found["clint_glucuronidation"] / 8.0)
    assert ill["clint_gut_wall_cyp3a4"] == pytest.approx(2.0 * found["clint_gut_wall_cyp3a4"])
    liver = typical(twinsim.whole_body_model("theophylline"), cyp1a2_abundance=104.0 / np.sqrt(1.0 + 0.67**2))
    assert (liver["clint_demethylation"], liver["clint_oxidation"]) == pytest.approx((2 * 3.68, 0.38))


def test_binding_and_blood_by_hand():
    drug = twinsim.drug("midazolam")
    model, kp = twinsim.whole_body_model(drug), drug.partition()
    found = typical(model)
    as_predicted = [name for name in TISSUES if name in kp and name != "adipose"]  # which makes the volume
    assert [found[f"kp_{name}"] for name in as_predicted] == pytest.approx([float(kp[name]) for name in as_predicted])
    assert found["kp_gonads"] == found["kp_rest"] == found["kp_muscle"]
    assert (found["fu"], found["bp"]) == pytest.approx((0.031, 0.57))
    fu = 1.0 / (1.0 + 0.969 / 0.031 / 2.0)
    low = typical(model, albumin=21.0, haematocrit=30.0)
    assert low["fu"] == pytest.approx(fu)
    assert low["bp"] == pytest.approx(float(drug.blood_to_plasma(0.3, fu)))
    assert low["kp_liver"] / low["fu"] == pytest.approx(found["kp_liver"] / found["fu"])
    ckd = typical(model, unbound_factor=1.55)
    assert ckd["fu"] == pytest.approx(1.0 / (1.0 + 0.969 / 0.031 / 1.55))
    base = twinsim.whole_body_model("propranolol")
    assert typical(base, aag=0.415)["fu"] == pytest.approx(1.0 / (1.0 + 0.87 / 0.13 / 2.0))
    assert typical(base)["ka"] == pytest.approx(2.0 * 3.74e-4 * 3600.0 / 1.75)
    assert typical(twinsim.whole_body_model("metformin"))["fu"] == 1.0


def steady_volume(found):
    """[L], of total plasma, of the reference man."""
    return found["bp"] * 5.3 + sum(found[f"v_{tissue}"] * found[f"kp_{tissue}"] for tissue in TISSUES)


@pytest.mark.parametrize(("tissues", "scaled"), [(None, set(TISSUES)), (["muscle", "heart"], {"muscle", "heart"})])
def test_the_volume_of_distribution_is_that_of_the_file(tissues, scaled):
    distribution = {"volume": {"value": "5000 mL/kg", "source": "paper"}} | ({"tissues": tissues} if tissues else {})
    plain, spread = (twinsim.whole_body_model(drug_file(**more)) for more in ({}, {"distribution": distribution}))
    before, after = typical(plain), typical(spread)
    assert steady_volume(after) == pytest.approx(5.0 * 73.0)
    ratios = {tissue: after[f"kp_{tissue}"] / before[f"kp_{tissue}"] for tissue in TISSUES}
    common = ratios["muscle"]
    assert ratios == pytest.approx({tissue: common if tissue in scaled else 1.0 for tissue in TISSUES}) and common > 5.0
    assert "Author 2020" in next(row.source for row in spread.sources() if row.name == "kp_heart")
    few = {"volume": {"value": "0.05 L/kg", "source": "paper"}, "tissues": ["heart"]}
    with pytest.raises(ModelError, match="alone hold"):
        twinsim.whole_body_model(drug_file(distribution=few))


def test_a_tablet_dissolves_first():
    absorption = {"ka": {"value": "2 1/h", "source": "paper"}, "dissolution": {"value": "1 1/h", "source": "paper"}}
    model = twinsim.whole_body_model(drug_file(absorption=absorption), name="testamine_tablet")
    assert model.structure.route("oral").to == "solid" and typical(model)["kdiss"] == 1.0
    assert next(row.source for row in model.sources() if row.name == "kdiss") == PAPER


def test_the_reference_dose_is_the_example_of_the_model():
    model, reference = twinsim.whole_body_model("digoxin"), twinsim.drug("digoxin").reference
    assert dict(model.regimen) == {"route": "oral", "amount": 0.5} and reference.until == 120.0
    assert twinsim.whole_body_model(drug_file()).regimen == {}


def test_secretion_is_the_renal_clearance_of_the_file():
    """Metformin, 390 mL/min of plasma: what enters the kidney is not filtered and leaves by clint or its blood."""
    found = typical(twinsim.whole_body_model("metformin"))
    q, filtered, clint = found["q_kidney"], found["gfr"], found["clint_secretion"]
    assert clint * (q - filtered) / (q + clint) == pytest.approx(23.4)
    assert typical(twinsim.whole_body_model("metformin"), gfr=30.0)["clint_secretion"] == pytest.approx(clint / 4.0)


def test_bodies_add_up(adults):
    x, p = adults.covariates, twinsim.whole_body_model("theophylline").individual(adults.covariates)
    np.testing.assert_allclose(sum(p[name] for name in p if name.startswith("q_")), x["cardiac_output"], rtol=1e-12)
    np.testing.assert_allclose(
        p["v_gut"], x["stomach_volume"] + x["small_intestine_volume"] + x["large_intestine_volume"]
    )
    volume = sum(x[name] for name in x if name.endswith("_volume"))
    np.testing.assert_allclose(sum(p[name] for name in p if name.startswith("v_")), volume, rtol=1e-12)


def test_the_shunt_of_cirrhosis_is_what_passes_the_liver_by():
    x = sample_cohort(50, with_anatomy("adults", cirrhosis=3), seed=2).covariates
    p = twinsim.whole_body_model("theophylline").individual(x)
    portal = p["q_gut"] + p["q_pancreas"] + p["q_spleen"]
    np.testing.assert_allclose(p["q_liver"] + (1.0 - p["portal_shunt"]) * portal, x["liver_flow"], rtol=1e-12)
    np.testing.assert_allclose(p["portal_shunt"] * portal, x["portal_shunt_flow"], rtol=1e-12)
    assert (p["portal_shunt"] > 0.5).all()


@pytest.mark.parametrize("name", DRUGS)
def test_every_drug_has_finite_parameters_in_adults_and_sources(adults, name):
    model, drug = twinsim.whole_body_model(name), twinsim.drug(name)
    p = model.individual(adults.covariates)
    for item in model.structure.parameters:
        values = np.asarray(p[item.name])
        assert np.isfinite(values).all() and (values >= item.bounds[0]).all() and (values <= item.bounds[1]).all()
    assert model.eta_names == () and not model.error_models
    told = {row.name: row.source for row in model.sources()}
    assert told["fu"] == drug.parts.fu.source and told["kp_gonads"].startswith("assumed: ")
    for number in drug.absorption.numbers():
        if number.name == "absorption.ka":
            assert told["ka"] == number.source and ("ka" in model.assumed()) == number.source.startswith("assumed")


def test_a_drug_without_hepatic_ways_or_absorption():
    model = twinsim.whole_body_model(drug_file())
    assert [route.name for route in model.structure.routes] == ["iv"]
    assert not [name for name in model.structure.parameter_names if name.startswith("clint")]
    assert {"kp_muscle", "kp_gonads"} <= set(model.assumed()) and "fu" not in model.assumed()
    assert twinsim.whole_body_model(drug_file()).structure is model.structure


def test_what_studies_found_is_read_with_units_and_sources():
    entry = {"route": "iv", "dose": "1 g", "quantity": "auc", "value": "5 ng*h/mL", "source": "paper"}
    (found,) = twinsim.drug(drug_file(clinical=[entry])).clinical
    assert (found.route, found.dose.value, found.number.value) == ("iv", 1000.0, pytest.approx(0.005))
    assert found.number.source == "Author 2020, Journal 1:1"
    with pytest.raises(ModelError) as caught:
        twinsim.drug(drug_file(clinical=[{**entry, "quantity": "aux"}, {**entry, "dose": "1 h"}]))
    assert "auc" in caught.value.why and "h does not fit mg" in caught.value.why


def test_what_cannot_be_is_refused():
    nothing = {"name": "filtration", "kind": "filtration", "value": 0, "source": "paper"}
    for clearances in ([], [nothing]):
        with pytest.raises(ModelError, match="cleared by nothing"):
            twinsim.whole_body_model(drug_file(clearances=clearances))
    with pytest.raises(DataError, match="an anatomy has it: that of the source adults_anatomy"):
        twinsim.simulate(twinsim.whole_body_model("theophylline"), 8, times=[1.0])
    wall = [{"enzyme": "CYP3A4", "value": 1, "source": "paper"}]
    absorption = {"ka": {"value": "1 1/h", "source": "paper"}, "gut_wall": wall}
    with pytest.raises(ModelError, match="takes the whole dose"):
        twinsim.whole_body_model(drug_file(absorption=absorption), name="testamine_wall")
    with pytest.raises(UsageError, match="no method"):
        twinsim.whole_body_model("midazolam", method="schmitt")
    with pytest.raises(ModelError, match="already"):
        twinsim.whole_body_model("caffeine", name="midazolam_taken") and twinsim.whole_body_model(
            "digoxin", name="midazolam_taken"
        )


def test_midazolam_is_where_it_can_be(adults):
    model = twinsim.whole_body_model("midazolam")
    found = twinsim.simulate(model, adults, twinsim.regimen(5, route="oral"), times=[1.0, 24.0], precision="float64")
    assert (found.status == 0).all()
    total = sum(found.final[name] for name in model.structure.state_names)
    np.testing.assert_allclose(total, 5.0, rtol=1e-6)


@pytest.mark.parametrize(("name", "dose"), [("theophylline", 300.0), ("caffeine", 100.0)])
def test_the_area_is_dose_over_clearance_of_each_patient(adults, name, dose):
    """AUC = dose fa (1 - CLh/(bp q)) / CL,  CL = fu filtered gfr + CLh,  CLh = bp q fu clint / (bp q + fu clint).

    Filtration takes from the kidney's arterial blood, metabolism from a well-stirred liver: Pang and Rowland 1977.
    """
    model = twinsim.whole_body_model(name)
    p = {name: np.asarray(values) for name, values in model.individual(adults.covariates).items()}
    events, times = twinsim.regimen(dose, route="oral"), [0.0, 2000.0]
    found = twinsim.simulate(model, adults, events, times=times, precision="float64", outputs=["concentration"])
    q = p["q_liver"] + p["q_gut"] + p["q_pancreas"] + p["q_spleen"]
    intrinsic = p["fu"] * sum(p[each] for each in p if each.startswith("clint_"))
    filtered = p["fu"] * p["filtered_fraction"] * p["gfr"]
    hepatic = p["bp"] * q * intrinsic / (p["bp"] * q + intrinsic)
    available = p["fa"] * (1.0 - hepatic / (p["bp"] * q))
    assert (found.status == 0).all()
    np.testing.assert_allclose(found["endpoints/auc"], dose * available / (filtered + hepatic), rtol=2e-4)
