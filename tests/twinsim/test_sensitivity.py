"""Derivatives backward, from forward tangents and by recorded steps; what differentiating leaves as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dosed import DOSES, block, dose, modelled

import twinsim
from kernels import status as codes
from kernels.between import Watch
from twinsim.compiled_once import compiled_once
from twinsim.errors import UsageError
from twinsim.sensitivity import reversible, tangents, trajectories_and_tangents

ORAL = modelled(twinsim.structure("pk/one_compartment_oral"))
KINDS = {**{name: DOSES[name] for name in ("bolus with lag and F", "modelled duration", "reset and dose")}}
PATIENTS = len(KINDS)


def values_of(structure, patients, **changed):
    """Parameters (1, patient), of each patient a little more."""
    own = {item.name: changed.get(item.name, item.default) for item in structure.parameters}
    return {name: value * jnp.linspace(1.0, 1.1, patients)[None, :] for name, value in own.items()}


@pytest.mark.parametrize("tier", ["closed", "explicit", "stiff"])
def test_trajectories_are_the_same_to_the_bit_with_their_derivatives(tier):
    """And asking twice gives the same bits."""
    solve, values = block(ORAL, tier, KINDS, rtol=1e-6), values_of(ORAL, PATIENTS)
    alone = jax.jit(solve)(values)[0]["concentration"]
    both = jax.jit(lambda p: trajectories_and_tangents(solve, p, ("ka", "lag2", "duration2")))
    outputs, slopes, _ = both(values)
    assert np.array_equal(np.asarray(outputs["concentration"]), np.asarray(alone))
    again = both(values)[1]["concentration"]
    assert slopes["concentration"].shape == (3, *alone.shape)
    assert np.array_equal(np.asarray(slopes["concentration"]), np.asarray(again))


def gradients(solve, values, backward):
    """d sum(w c^2) / d parameters, forward or backward."""

    def total(p):
        c = solve(p)[0]["concentration"]
        return jnp.sum(jnp.linspace(1.0, 2.0, c.shape[0])[:, None] * c**2, axis=0)

    if backward:
        return compiled_once(jax.grad(lambda p: jnp.sum(total(p))))(values)
    slopes = compiled_once(lambda p: tangents(total, p, tuple(values))[1])(values)
    return dict(zip(values, slopes[:, None, :], strict=True))


def same(found, expected, within):
    for name, value in expected.items():
        scale = max(float(jnp.abs(value).max()), 1e-9)
        assert float(jnp.abs(found[name] - value).max()) <= within * scale, name


def test_reverse_mode_by_forward_tangents():
    """Of tier closed, whose loops over events cannot be run backward."""
    values = values_of(ORAL, PATIENTS)
    solve = block(ORAL, "closed", KINDS)
    expected = gradients(solve, values, backward=False)
    same(gradients(reversible(solve), values, backward=True), expected, 1e-13)


@pytest.mark.parametrize("tier", ["explicit", "stiff"])
def test_reverse_mode_by_recorded_steps(tier):
    """The gradient of the numbers computed: through lags, F, modelled durations and resets."""
    values = values_of(ORAL, PATIENTS)
    expected = gradients(block(ORAL, tier, KINDS, rtol=1e-6), values, backward=False)
    same(gradients(block(ORAL, tier, KINDS, rtol=1e-6, room=400), values, backward=True), expected, 1e-11)


def test_reverse_mode_through_a_steady_state():
    structure = modelled(twinsim.structure("pk/one_compartment_mm"))
    doses = {
        "boluses with lag and F": [dose(CMT=1, SS=1, II=6.0)],
        "on top": [dose(CMT=1), dose(2.5, CMT=1, SS=2, II=6.0)],
    }
    values = values_of(structure, 2, vmax=60.0, km=3.0)
    expected = gradients(block(structure, "explicit", doses, rtol=1e-6), values, backward=False)
    found = gradients(block(structure, "explicit", doses, rtol=1e-6, room=400), values, backward=True)
    same(found, expected, 1e-11)


def test_second_derivatives_by_recorded_steps():
    """Forward over reverse, against differences of the gradient: with steps that differ, so to the tolerance."""
    values = values_of(ORAL, PATIENTS)
    solve = block(ORAL, "explicit", KINDS, rtol=1e-9, room=1500)
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(solve(p)[0]["concentration"] ** 2)))
    unit = {name: jnp.full_like(value, float(name in ("ka", "lag"))) for name, value in values.items()}
    found = compiled_once(lambda p: jax.jvp(gradient, (p,), (unit,))[1])(values)
    up, down = ({name: values[name] + h * unit[name] for name in values} for h in (1e-4, -1e-4))
    expected = {name: (value - gradient(down)[name]) / 2e-4 for name, value in gradient(up).items()}
    same(found, expected, 1e-5)


def test_a_patient_that_fails_has_no_gradient_and_its_neighbours_have_theirs():
    values = values_of(ORAL, PATIENTS)
    values["ka"] = values["ka"].at[0, 1].set(jnp.nan)
    solve = block(ORAL, "explicit", KINDS, rtol=1e-6, room=400)
    found = gradients(solve, values, backward=True)["cl"][0]
    expected = gradients(block(ORAL, "explicit", KINDS, rtol=1e-6), values, backward=False)["cl"][0]
    assert np.isnan(found[1]) and np.allclose(found[jnp.array([0, 2])], expected[jnp.array([0, 2])], rtol=1e-10)
    short = block(ORAL, "explicit", KINDS, rtol=1e-6, room=10)
    outputs, _, status, _ = compiled_once(short)(values_of(ORAL, PATIENTS))
    assert status.tolist() == [codes.MAX_STEPS] * PATIENTS and np.isnan(outputs["concentration"]).all()


def test_refusals():
    values = values_of(ORAL, PATIENTS)
    with pytest.raises(UsageError, match="did you mean.*lag2|lag2"):
        trajectories_and_tangents(block(ORAL, "closed", KINDS), values, ["lag3"])
    with pytest.raises(UsageError, match="records? no|no steps"):
        block(ORAL, "closed", KINDS, room=100)(values)
    with pytest.raises(UsageError, match="not watched"):
        block(ORAL, "explicit", KINDS, room=100, watch=Watch(area=True))(values)
