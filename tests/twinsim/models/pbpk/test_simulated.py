"""Whole bodies through `simulate`, against matrices and SciPy, over a day."""

import logging

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import twinsim
from tests.twinsim.models.pbpk.bodies import Linear, values
from tests.twinsim.models.pbpk.matrices import ORDER, rate_constants
from twinsim.models.pbpk import Substance, pbpk

TIMES = np.array([0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 12.3, 18.0, 24.0])
EXACT = {"precision": "float64", "times": TIMES}


def amounts(result, structure):
    return {state: result.final[state] for state in structure.state_names}


def test_a_day_of_the_plain_body_is_the_exponential_of_its_matrix(caplog):
    structure = twinsim.structure("pbpk/whole_body")
    changed = {"kp_adipose": 8.0, "kp_muscle": 2.5, "fu": 0.1, "bp": 0.8, "clint_metabolism": 400.0, "fa": 0.9}
    p = values(structure, **changed, portal_shunt=0.2)
    events = twinsim.regimen(100, route="oral") + twinsim.regimen(50, route="iv", start=12)
    with caplog.at_level(logging.INFO, "twinsim"):
        found = twinsim.simulate(structure, events=events, parameters=p, **EXACT)
    assert "solver stiff for pbpk/whole_body" in caplog.text and "compiled by XLA" not in caplog.text
    k = rate_constants(p)
    oral, vein = (np.array([dose * (s == into) for s in ORDER]) for dose, into in ((100.0, "lumen"), (50.0, "venous")))
    exact = np.array([expm(k * t) @ oral + (expm(k * (t - 12)) @ vein if t > 12 else 0.0) for t in TIMES])
    exact[TIMES == 12.0] += vein
    exact = dict(zip(ORDER, exact.T, strict=True))
    plasma = exact["venous"] / (p["v_venous"] * p["bp"])
    assert found["concentration"][:, 0] == pytest.approx(plasma, abs=1e-7 * plasma.max())
    for tissue in ("adipose", "liver", "muscle", "brain"):
        curve = exact[tissue] / p[f"v_{tissue}"]
        assert found[f"concentration_{tissue}"][:, 0] == pytest.approx(curve, abs=1e-7 * curve.max())
    assert sum(amounts(found, structure).values()) == pytest.approx(150.0, rel=1e-8)
    thrice = twinsim.simulate(
        structure,
        events=twinsim.regimen(300, route="oral") + twinsim.regimen(150, route="iv", start=12),
        parameters=p,
        **EXACT,
    )
    assert thrice["concentration"] == pytest.approx(3 * found["concentration"], rel=1e-8)


def test_a_small_body_is_solved_exactly_and_absorbs_what_the_closed_form_says(caplog):
    drug = Substance("drug", absorption="transit", renal=())
    structure = pbpk("test/small", (drug,), tissues=("liver", "lung"))
    p = values(structure, peff=3e-5, colon_time=1.0)
    with caplog.at_level(logging.INFO, "twinsim"):
        events, exact = twinsim.regimen(1.0, route="oral"), {"precision": "float64", "solver": "linear"}
        found = twinsim.simulate(structure, events=events, parameters=p, times=[24.0, 72.0], **exact)
    assert "compiled by XLA" not in caplog.text
    ka, kt = 2 * 3600 * 3e-5 / 1.75, 7 / 3.32
    left = amounts(found, structure)
    assert 1 - left["faeces"] == pytest.approx(1 - (1 + ka / kt) ** -7, abs=1e-8)
    assert sum(left.values()) == pytest.approx(1.0, rel=1e-12)


def test_an_infusion_that_lasts_ends_at_rest():
    """Matrices say where: J x = -rate. Half-lives of hours, so that 400 h are the long run."""
    structure = pbpk("test/infused", tissues=("kidney", "liver", "lung"))
    p = values(structure, fu=0.3, bp=0.8, kp_liver=3.0)
    events = twinsim.regimen(4000.0, route="iv", duration=400.0)
    found = twinsim.simulate(
        structure, events=events, parameters=p, times=[390.0, 400.0], precision="float64", solver="linear"
    )
    live, collected = Linear(structure, p).at_rest("venous", 10.0)
    assert found["concentration"][:, 0] == pytest.approx(Linear(structure, p).seen(live), rel=1e-9)
    gained = found["urine"][1, 0] - found["urine"][0, 0]
    assert gained == pytest.approx(10.0 * collected["urine"], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "route"), [("pbpk/whole_body_transit", "oral"), ("pbpk/parent_metabolite", "oral_parent")]
)
def test_what_a_cohort_was_given_is_still_there(name, route):
    """One patient of the others is in the tests above, and each drug's cohort in the tests of drugs."""
    structure = twinsim.structure(name)
    spread = [item.name for item in structure.parameters if item.name.startswith(("kp_", "clint_", "v_", "q_"))]
    model = {
        "title": "Bodies that scatter",
        "source": "assumed",
        "structure": name,
        "parameters": {each: {"value": f"{item.default} {item.unit}"} for each in spread
                       for item in (structure.parameter(each),)},
        "between_patients": [{"parameter": each, "distribution": "lognormal", "cv": "30 %"} for each in spread],
    }  # fmt: skip
    if name == "pbpk/parent_metabolite":
        model["parameters"] |= {"molar_mass_metabolite": {"value": "150 g/mol"}}  # half as heavy as the parent
    found = twinsim.simulate(
        model, 64, twinsim.regimen(100.0, route=route), times=[1.0, 6.0], outputs=[structure.output_names[0]],
        precision="float64", solver="explicit", endpoints=(),
    )  # fmt: skip
    assert not found.status.any()
    left = amounts(found, structure)
    parent = [value for state, value in left.items() if not state.endswith("_metabolite")]
    assert sum(parent) == pytest.approx(np.full(64, 100.0), rel=1e-9)
    if name == "pbpk/parent_metabolite":
        share = found["parameters/clint_conversion_parent"]
        share = share / (share + found["parameters/clint_other_parent"])
        made = sum(value for state, value in left.items() if state.endswith("_metabolite"))
        assert made == pytest.approx(0.5 * share * left["metabolised_liver_parent"], rel=1e-9)


def test_two_drugs_over_a_day_are_what_scipy_says(caplog):
    structure = twinsim.structure("pbpk/two_drugs")
    p = values(structure, ki_cyp3a4_perpetrator=0.05, kinact_cyp3a4_perpetrator=0.3, clint_cyp3a4_victim=300.0)
    events = twinsim.regimen(20, route="oral_victim") + twinsim.regimen(400, route="oral_perpetrator")
    outputs = ["concentration_victim", "concentration_perpetrator", "enzyme_cyp3a4_liver", "enzyme_cyp3a4_gut"]
    with caplog.at_level(logging.INFO, "twinsim"):
        found = twinsim.simulate(structure, events=events, parameters=p, outputs=outputs, **EXACT)
    assert "solver stiff for pbpk/two_drugs" in caplog.text and "compiled by XLA" not in caplog.text
    names = structure.state_names
    begin = structure.initial(p, {}) | {"lumen_victim": 20.0, "lumen_perpetrator": 400.0}

    def slope(t, x):
        found = structure.derivative(t, dict(zip(names, x.tolist(), strict=True)), p, {})
        return [float(found[name]) for name in names]

    y = [begin[name] for name in names]
    exact = solve_ivp(slope, (0, 24), y, "LSODA", t_eval=TIMES, rtol=1e-9, atol=1e-9)
    seen = structure.observe(0.0, dict(zip(names, exact.y, strict=True)), p, {})
    for name in outputs:
        assert found[name][:, 0] == pytest.approx(np.asarray(seen[name]), abs=3e-6 * np.abs(seen[name]).max())
    left = amounts(found, structure)
    for name, dose in (("victim", 20.0), ("perpetrator", 400.0)):
        assert sum(v for s, v in left.items() if s.endswith(name)) == pytest.approx(dose, rel=1e-7)
    harmless = {"ki_cyp3a4_perpetrator": 1e9, "kinact_cyp3a4_perpetrator": 0.0, "emax_cyp3a4_perpetrator": 0.0}
    alone = twinsim.simulate(structure, events=events, parameters=p | harmless, outputs=outputs, **EXACT)
    assert found["concentration_victim"].max() > 2 * alone["concentration_victim"].max()
    assert alone["enzyme_cyp3a4_liver"] == pytest.approx(1.0, abs=1e-12)
