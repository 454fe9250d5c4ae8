"""Several drugs in one body: what the builder makes of files, what it refuses, and studies of interactions."""

import numpy as np
import pytest

import twinsim
from twinsim.drugs.clinical_interactions import guest_limits
from twinsim.errors import ModelError, UsageError

MODELS, ENDS = {}, {}
# Perpetrator -> the study of the file that stands first, whose ratios were chosen before anything was set.
PAIRS = ("ketoconazole", "clarithromycin", "rifampicin", "fluvoxamine")
VICTIM = {"fluvoxamine": "caffeine"}
AFTER = {"midazolam": 48.0, "caffeine": 240.0}


def together(victim, perpetrator):
    return MODELS.setdefault((victim, perpetrator), twinsim.whole_body_model([victim, perpetrator]))


def typical(model, **changed):
    """Parameters of the reference man, with changes of his covariates."""
    covariates = {**model.typical_covariates, **changed}
    found = model.individual({name: np.array([value]) for name, value in covariates.items()})
    return {name: float(values[0]) for name, values in found.items()}


def ends(model, victim, perpetrator, study, amount):
    """AUC and Cmax of the victim in the typical adult, with doses of `amount` of the perpetrator."""
    if (perpetrator, amount) not in ENDS:
        ENDS[perpetrator, amount] = _ends(model, victim, perpetrator, study, amount)
    return ENDS[perpetrator, amount]


def _ends(model, victim, perpetrator, study, amount):
    plan = {name: item.value for name, item in study.regimen.items()}
    events = twinsim.regimen(plan["dose"], route=f"{study.route}_{victim}", start=plan["delay"])
    every = {"interval": plan["interval"], "count": int(plan["count"])}
    events += twinsim.regimen(amount, route=f"oral_{perpetrator}", **every)
    times = [plan["delay"], plan["delay"] + AFTER[victim]]
    outputs = [f"concentration_{victim}"]
    found = twinsim.simulate(model, events=events, times=times, outputs=outputs, precision="float64")
    assert (found.status == 0).all()
    return {name: float(found[f"endpoints/{name}"][0]) for name in ("auc", "cmax")}


@pytest.mark.parametrize("perpetrator", PAIRS)
def test_ratios_of_studies_are_met_within_the_limits_of_guest(perpetrator):
    victim = VICTIM.get(perpetrator, "midazolam")
    model, study = together(victim, perpetrator), twinsim.drug(perpetrator).clinical_interactions[0]
    alone = ends(model, victim, perpetrator, study, 0.0)
    held = ends(model, victim, perpetrator, study, study.regimen["amount"].value)
    for name, seen in study.ratios.items():
        low, high = guest_limits(seen.value)
        assert low <= held[name] / alone[name] <= high, name


def test_without_its_perpetrator_a_victim_is_as_it_is_alone():
    """Enterocytes pass what qgut passes; the passage takes 22 s and the liver saturates, a little."""
    study = twinsim.drug("ketoconazole").clinical_interactions[0]
    pair = ends(together("midazolam", "ketoconazole"), "midazolam", "ketoconazole", study, 0.0)
    single = twinsim.whole_body_model("midazolam")
    events, times = twinsim.regimen(study.regimen["dose"].value), [0.0, AFTER["midazolam"]]
    alone = twinsim.simulate(single, events=events, times=times, outputs=["concentration"], precision="float64")
    assert pair["auc"] == pytest.approx(float(alone["endpoints/auc"][0]), rel=1e-3)
    assert pair["cmax"] == pytest.approx(float(alone["endpoints/cmax"][0]), rel=1e-2)


def test_what_the_builder_makes_of_two_files():
    model, one = together("midazolam", "ketoconazole"), twinsim.whole_body_model("midazolam")
    found, alone = typical(model), typical(one)
    for name in ("clint_hydroxylation", "clint_gut_wall_cyp3a4", "km_hydroxylation", "fu", "bp", "kp_muscle", "ka"):
        assert found[f"{name}_midazolam"] == alone[name]
    for name in ("v_liver", "q_kidney", "gfr", "portal_shunt"):
        assert found[name] == alone[name]
    assert found["ki_cyp3a4_ketoconazole"] == pytest.approx(0.00846 * 531.43 / 1000.0, rel=1e-12)
    routes = [route.name for route in model.structure.routes]
    assert routes == ["oral_midazolam", "iv_midazolam", "oral_ketoconazole", "iv_ketoconazole"]
    inducer = typical(together("midazolam", "rifampicin"))
    assert inducer["kdeg_cyp3a4_liver"] == pytest.approx(np.log(2.0) / 36.0)
    assert inducer["kdeg_cyp3a4_gut"] == pytest.approx(np.log(2.0) / 23.0)
    assert inducer["ec50_cyp3a4_rifampicin"] == pytest.approx(0.32 * 0.82294, rel=1e-12)
    assert not [name for name in inducer if "cyp1a2" in name or "cyp2e1" in name]  # nobody here has them
    own = together("midazolam", "clarithromycin")
    assert typical(own)["kapp_cyp3a4_clarithromycin"] == pytest.approx(41.4 * 0.74795, rel=1e-12)
    ways = {item.name: item.source for item in own.sources()}
    assert "Ito" in ways["kinact_cyp3a4_clarithromycin"] and "23.0" not in ways["kdeg_cyp3a4_gut"]


def test_a_drug_that_destroys_the_enzyme_that_clears_it_does_so_alone():
    structure = twinsim.whole_body_model("clarithromycin").structure
    assert {"enzyme_cyp3a4_liver", "enzyme_cyp3a4_gut"} <= set(structure.state_names)
    assert "ki_cyp1a2" not in structure.parameter_names


def test_km_takes_the_place_of_a_drugs_own_ki():
    """Ketoconazole is cleared by CYP3A4 with km = ki: at that concentration at half the rate, not at a third."""
    model = twinsim.whole_body_model("ketoconazole")
    p, structure = typical(model), model.structure
    x = dict.fromkeys(structure.state_names, 0.0)
    x["liver"] = p["km_oxidation"] * p["v_liver"] * p["kp_liver"] / p["fu"]
    taken = float(structure.derivative(0.0, x, p, {})["metabolised_liver"])
    others = sum(p[f"clint_{way}"] / (1.0 + p["km_oxidation"] / p[f"km_{way}"]) for way in OTHERS)
    assert taken == pytest.approx(p["km_oxidation"] * (p["clint_oxidation"] / 2.0 + others), rel=1e-9)


OTHERS = ("deacetylation", "glucuronidation")


@pytest.mark.parametrize(
    ("drugs", "words"),
    [
        (["midazolam", "caffeine"], ["neither midazolam nor caffeine", "changed by CYP3A4", "ketoconazole"]),
        (["caffeine", "ketoconazole"], ["caffeine and ketoconazole do not meet", "CYP1A2", "fluvoxamine"]),
        (["midazolam", "ketoconazole", "midazolam"], ["midazolam is there twice"]),
        (["midazolam", "ketoconazol"], ["no drug 'ketoconazol'", "ketoconazole"]),
        ([], ["there is no drug"]),
    ],
)
def test_drugs_that_cannot_be_together_are_refused_by_name(drugs, words):
    with pytest.raises(UsageError) as caught:
        twinsim.whole_body_model(drugs)
    assert all(word in str(caught.value) for word in words)


def test_limits_of_guest():
    """delta 1: nothing may happen where nothing was found; 1.25 as for a study whose ratio varies; twofold far away."""
    assert guest_limits(1.0) == (1.0, 1.0)
    assert guest_limits(2.0) == pytest.approx((2.0 / 1.5, 3.0))
    assert guest_limits(0.5) == pytest.approx((0.5 / 1.5, 0.75))
    assert guest_limits(1.0, 1.25) == pytest.approx((0.8, 1.25))
    low, high = guest_limits(1e6)
    assert (low, high) == pytest.approx((5e5, 2e6), rel=1e-5)


def file(**sections):
    document = {
        "name": "actine",
        "title": "Actine",
        "sources": {"paper": "Author 2020, Journal 1:1"},
        "physicochemistry": {
            "molar_mass": {"value": "300 g/mol", "source": "paper"},
            "log_p": {"value": 2, "source": "paper"},
            "compound": "neutral",
        },
        "plasma": {"fu": {"value": "20 %", "source": "paper"}, "protein": "albumin"},
        "clearances": [{"name": "filtration", "kind": "filtration", "value": 1, "source": "paper"}],
    }
    return {**document, **sections}


def test_what_studies_of_interactions_and_of_the_ill_say_is_read_and_checked():
    study = {"victim": "midazolam", "route": "oral", "dose": "5 mg", "amount": "1 g", "interval": "1 d", "count": 3}
    study |= {"delay": "49 h", "auc": 5, "source": "paper"}
    ill = {"condition": "ckd", "first_stage": 3, "last_stage": 4, "route": "iv", "cmax": 1.5, "source": "paper"}
    drug = twinsim.drug(file(clinical_interactions=[study], clinical_conditions=[ill]))
    (found,), (condition,) = drug.clinical_interactions, drug.clinical_conditions
    assert (found.regimen["amount"].value, found.regimen["interval"].value) == (1000.0, 24.0)
    assert found.ratios["auc"].value == 5.0 and found.source == "Author 2020, Journal 1:1"
    assert condition.includes(4) and not condition.includes(5) and not condition.includes(None)
    without = {key: value for key, value in study.items() if key not in ("auc", "delay")}
    with pytest.raises(ModelError) as caught:
        twinsim.drug(file(clinical_interactions=[without], clinical_conditions=[{**ill, "last_stage": 7}]))
    assert all(word in caught.value.why for word in ("delay: is missing", "auc: is missing", "7 1 lies outside"))
