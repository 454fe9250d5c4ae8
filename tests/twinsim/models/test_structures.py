"""What must hold for every structure that is shipped."""

import inspect
import re
from importlib import import_module
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import pytest

from twinsim.models import registry
from twinsim.models.dimensions import check_dimensions
from twinsim.models.structure import POSITIVE

# without those that other tests, in this process, have registered
NAMES = tuple(name for name in registry.structures() if find_spec(f"twinsim.models.{name.replace('/', '.')}"))
ELIMINATION = {"cl", "vmax", "clm"}
PK = [name for name in NAMES if name.startswith("pk/")]
LINEAR = [name for name in PK if not name.endswith(("_mm", "_parallel"))]


def mixed(structure):
    """States that are all different, so that no two terms cancel by chance."""
    return {name: 10.0 + 7.0 * i**1.5 for i, name in enumerate(structure.state_names)}


def needs(structure):
    return {port.name: 1.5 for port in structure.needs}


def mentions(text, name):
    """By itself, or as one of a family: kp_<tissue>_<substance>, where tissue and substance are words of the text."""
    if re.search(rf"\b{name}\b", text):
        return True
    families = {re.sub(r"<\w+>", r"(\\w+)", family) for family in re.findall(r"\w*(?:<\w+>\w*)+", text)}
    found = [match for family in families if (match := re.fullmatch(family, name))]
    return any(all(word.isdigit() or re.search(rf"\b{word}\b", text) for word in match.groups()) for match in found)


@pytest.mark.parametrize("name", NAMES)
def test_name_docstring_and_declarations_agree(name):
    structure = registry.structure(name)
    text = inspect.getdoc(import_module(f"twinsim.models.{name.replace('/', '.')}"))
    assert structure.name == name
    items = [*structure.parameters, *structure.states, *structure.needs, *structure.gives]
    if name.startswith("organs/"):  # of dozens of numbers: what each is stands where it is declared
        assert all(item.meaning for item in items)
        items = []
    missing = [item.name for item in items if not mentions(text, item.name)]
    assert not missing
    assert "Source:" in text and structure.source
    assert all(mentions(text, route.name) for route in structure.routes)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_meaning_a_source_and_a_sensible_default(name):
    for parameter in registry.structure(name).parameters:
        assert parameter.meaning and parameter.source
        low, high = parameter.bounds
        assert low <= parameter.default <= high
        if re.fullmatch(r"v\d?|vm|km|ec50|ic50|sc50|duration", parameter.name):
            assert low == POSITIVE[0]


@pytest.mark.parametrize("name", NAMES)
def test_dimensions_are_right_and_all_operations_are_known(name):
    assert check_dimensions(registry.structure(name)).unknown == ()


@pytest.mark.parametrize("name", PK)
def test_without_elimination_nothing_is_lost(name, values):
    structure = registry.structure(name)
    p = values(structure, **dict.fromkeys(ELIMINATION & set(structure.parameter_names), 0.0))
    change = structure.derivative(0.0, mixed(structure), p, {})
    assert sum(map(abs, change.values())) > 0 or len(change) == 1
    assert sum(change.values()) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", PK)
def test_what_leaves_is_what_elimination_takes(name, values):
    structure = registry.structure(name)
    p = values(structure)
    if "vmax" in p:
        p["vmax"] = 3.0
    x = mixed(structure)
    seen = structure.observe(0.0, x, p, {})
    c = seen["concentration"]
    expected = p.get("cl", 0.0) * c + (p["vmax"] * c / (p["km"] + c) if "vmax" in p else 0.0)
    if name == "pk/parent_metabolite":
        expected = p["cl"] * c * (1 - p["fm"] * p["weight_ratio"]) + p["clm"] * seen["metabolite_concentration"]
    assert sum(structure.derivative(0.0, x, p, {}).values()) == pytest.approx(-expected, rel=1e-12)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_kinetics_do_not_depend_on_the_dose(name, values):
    structure = registry.structure(name)
    p, x = values(structure), mixed(structure)
    once = structure.derivative(0.0, x, p, {})
    thrice = structure.derivative(0.0, {key: 3 * value for key, value in x.items()}, p, {})
    for state in structure.state_names:
        assert thrice[state] == pytest.approx(3 * once[state], rel=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_many_patients_at_once_equal_one_by_one_and_jit_equals_eager(name, values):
    structure = registry.structure(name)
    factors = jnp.array([0.7, 1.0, 1.9])
    p = {key: value * factors for key, value in values(structure).items()}
    x = {key: value * factors for key, value in mixed(structure).items()}
    u = {key: value * factors for key, value in needs(structure).items()}

    def everything(x, p, u):
        return (
            structure.derivative(0.0, x, p, u),
            structure.observe(0.0, x, p, u),
            {key: value + 0.0 * factors.sum() for key, value in structure.initial(p, u).items()},
        )

    together = jax.jit(everything)(x, p, u)
    for i in range(3):
        alone = everything(*[{key: value[i] for key, value in group.items()} for group in (x, p, u)])
        for many, one in zip(together, alone, strict=True):
            for key in one:
                value = many[key] if jnp.ndim(many[key]) == 0 else many[key][i]
                assert float(value) == pytest.approx(
                    float(one[key]), rel=1e-13, abs=1e-300, nan_ok=name == "organs/kidney"
                )


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_with_an_empty_body(name, values):
    structure = registry.structure(name)

    def total(p, x, u):
        return sum(
            [*structure.derivative(0.0, x, p, u).values(), *structure.observe(0.0, x, p, u).values()],
            start=jnp.zeros(()),
        )

    p = {key: jnp.asarray(value) for key, value in values(structure).items()}
    x = {key: jnp.zeros(()) for key in structure.state_names}
    u = {key: jnp.zeros(()) for key in structure.need_names}
    if name.startswith("organs/"):  # these are never empty: as they begin
        u = {port.name: jnp.asarray(0.0 if port.default is None else port.default) for port in structure.needs}
        x = {key: jnp.asarray(value, float) for key, value in structure.initial(p, u).items()}
    for leaf in jax.tree.leaves(jax.grad(total, argnums=(0, 1, 2))(p, x, u)):
        assert jnp.isfinite(leaf)
