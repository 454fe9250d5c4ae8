"""Where a substance goes: volumes of distribution, membranes, and what holds of any linear body."""

import numpy as np
import pytest
from scipy.linalg import expm

import twinsim
from tests.twinsim.models.pbpk.bodies import Linear, scattered, values
from twinsim.models import analysis
from twinsim.models.pbpk import TISSUES, Substance, pbpk

STILL = Substance("drug", pathways=(), renal=(), absorption=None)
SLOW = ("adipose", "brain", "liver", "lung", "muscle")


def at_balance(structure, p):
    """States per mg in the body where nothing leaves it: what the slopes leave alone."""
    matrix = Linear(structure, p).matrix
    _, singular, rows = np.linalg.svd(matrix)
    assert singular[-1] < 1e-10 < singular[-2]
    return dict(zip(structure.state_names, rows[-1] / rows[-1].sum(), strict=True))


@pytest.mark.parametrize("slow", [(), SLOW])
def test_volume_of_distribution_at_steady_state(slow):
    """Blood over bp, and every tissue's volume times kp; with a membrane, its blood counts as blood."""
    structure, rng = pbpk("test/still", (STILL,), permeability_limited=slow), np.random.default_rng(2)
    for _ in range(5):
        p = scattered(structure, rng)
        x = at_balance(structure, p)
        volume = p["bp"] * (p["v_arterial"] + p["v_venous"])
        for tissue in TISSUES:
            blood = p[f"vascular_{tissue}"] if tissue in slow else 0.0
            volume += p[f"v_{tissue}"] * ((1 - blood) * p[f"kp_{tissue}"] + blood * p["bp"])
        plasma = structure.observe(0.0, x, p, {})["concentration"]
        assert 1 / plasma == pytest.approx(volume, rel=1e-9)


def test_concentrations_in_tissues_are_kp_times_plasma_at_balance():
    structure = pbpk("test/still", (STILL,))
    p = values(structure, **{f"kp_{tissue}": 0.3 + i for i, tissue in enumerate(TISSUES)}, bp=0.7)
    seen = structure.observe(0.0, at_balance(structure, p), p, {})
    for i, tissue in enumerate(TISSUES):
        assert seen[f"concentration_{tissue}"] / seen["concentration"] == pytest.approx(0.3 + i, rel=1e-9)


def test_a_membrane_that_lets_everything_pass_is_none():
    free = pbpk("test/free")
    slow = pbpk("test/slow", permeability_limited=SLOW)
    times, errors = (0.05, 0.5, 4.0, 24.0), []
    for ps in (1e4, 1e5, 1e6):
        p = values(slow, **{f"ps_{tissue}": ps for tissue in SLOW}, bp=0.8, kp_muscle=3.0)
        other = {name: p[name] for name in free.parameter_names}
        for tissue in SLOW:
            blood = p[f"vascular_{tissue}"]
            other[f"kp_{tissue}"] = (1 - blood) * p[f"kp_{tissue}"] + blood * p["bp"]
        # the liver takes unbound drug, whose concentration there goes with kp
        other["clint_metabolism"] = p["clint_metabolism"]
        curves = []
        for structure, known in ((slow, p), (free, other)):
            body = Linear(structure, known)
            dose = np.array([100.0 * (name == "venous") for name in body.names])
            curves.append([body.seen(dict(zip(body.names, expm(body.matrix * t) @ dose, strict=True))) for t in times])
        errors.append(np.abs(np.array(curves[0]) / curves[1] - 1).max())
    assert errors[2] < 2e-4 and np.all(np.array(errors[:2]) / errors[1:] > 8.0)


@pytest.mark.parametrize("name", ["whole_body", "whole_body_transit", "parent_metabolite"])
def test_linear_bodies_are_found_to_be_linear(name):
    assert analysis.is_linear(twinsim.structure(f"pbpk/{name}"))


@pytest.mark.parametrize(
    "options",
    [{"liver": "parallel_tube"}, {"permeability_limited": TISSUES}, {"tissues": ("kidney", "liver", "lung")}],
    ids=str,
)
def test_so_are_those_of_other_choices(options):
    assert analysis.is_linear(pbpk("test/linear", **options))


def test_what_drugs_do_to_enzymes_is_not_linear():
    assert not analysis.is_affine(twinsim.structure("pbpk/two_drugs"))
