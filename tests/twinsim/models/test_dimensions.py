"""The dimension check: what it finds, what it lets pass, and what it says."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

from twinsim.errors import ModelError, UnitError
from twinsim.models.dimensions import check_dimensions
from twinsim.models.structure import Parameter, Port, Route, State, Structure

UNITS = {
    "cl": "L/h", "v": "L", "ka": "1/h", "gamma": "1", "c50": "mg/L", "share": "%", "flow": "mL/min", "limit": "mg",
    "length": "m", "noon": "h", "map": "mmHg",
}  # fmt: skip


def model(rate=None, output=None, unit="mg/L", start=None, **changes):
    """One state `a` in mg and one output, with the equations given."""
    made = Structure(
        name="trial",
        parameters=tuple(Parameter(name, text, 1.0, name, "assumed") for name, text in UNITS.items()),
        states=(State("a", "mg", "amount"),),
        needs=(Port("c", "mg/L", "concentration", "concentration"),),
        gives=(Port("y", unit, "effect", "output"),),
        rates=lambda t, x, p, u: {"a": -p.cl / p.v * x.a if rate is None else rate(t, x, p, u)},
        outputs=lambda t, x, p, u: {"y": x.a / p.v if output is None else output(t, x, p, u)},
        start=None if start is None else lambda p, u: {"a": start(p, u)},
        source="none",
    )
    return replace(made, **changes)


RIGHT = {
    "a Hill term": ("1", lambda t, x, p, u: (u.c / p.c50) ** p.gamma),
    "a root": ("mg", lambda t, x, p, u: jnp.sqrt(x.a * p.limit)),
    "a square over": ("mg", lambda t, x, p, u: x.a**2 / p.limit),
    "a fixed power": ("mg^0.75", lambda t, x, p, u: x.a**0.75),
    "powers that end where they began": ("mg", lambda t, x, p, u: (x.a**0.75) * p.limit**0.25),
    "a cube root": ("m", lambda t, x, p, u: jnp.cbrt(p.length**3)),
    "an exponential": ("1", lambda t, x, p, u: jnp.exp(-p.ka * t)),
    "a choice": ("mg", lambda t, x, p, u: jnp.where(x.a > p.limit, p.limit, x.a)),
    "zero beside a unit": ("mg", lambda t, x, p, u: jnp.where(x.a > 0.0, x.a, 0.0)),
    "a floor of zero": ("mg", lambda t, x, p, u: jnp.maximum(x.a, 0.0)),
    "infinity beside a unit": ("mg", lambda t, x, p, u: jnp.minimum(x.a, jnp.inf)),
    "one plus a ratio": ("1", lambda t, x, p, u: 1.0 + 2.0 * u.c / p.c50),
    "a clip": ("1", lambda t, x, p, u: jnp.clip(u.c / p.c50, 0.0, 3.0)),
    "a smooth step": ("1", lambda t, x, p, u: jax.nn.sigmoid((t - p.noon) * p.ka) + jax.nn.softplus(p.gamma)),
    "a time of day": ("1", lambda t, x, p, u: jnp.cos(2.0 * jnp.pi * (t - p.noon) * p.ka)),
    "a number that converts": ("mg/h", lambda t, x, p, u: (p.cl + 0.06 * p.flow) * u.c),
    "a number that converts the result": ("ug/L", lambda t, x, p, u: 1000.0 * x.a / p.v),
    "two numbers, one of which converts": ("ug/L", lambda t, x, p, u: 0.5 * x.a / p.v * 1000.0),
    "a number that does not convert": ("mg/L", lambda t, x, p, u: 1000.0 * x.a / p.v),
    "a percentage of a unit": ("%", lambda t, x, p, u: p.share * (1.0 - u.c / (p.c50 + u.c))),
    "a percentage made a share": ("1", lambda t, x, p, u: jnp.exp(p.share / 100.0)),
    "a jitted helper": ("mg", lambda t, x, p, u: jax.jit(lambda a, b: a + b)(x.a, p.limit)),
    "a constant": ("mmHg", lambda t, x, p, u: 0.0),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_right_equations_pass(case):
    unit, equation = RIGHT[case]
    assert check_dimensions(model(output=equation, unit=unit)).unknown == ()


WRONG = {
    "amount and concentration": (lambda t, x, p, u: x.a + u.c * p.gamma, "cannot add mg and mg/L"),
    "a difference": (lambda t, x, p, u: x.a - p.cl, "cannot subtract mg and L/h"),
    "another size": (lambda t, x, p, u: (p.cl + p.flow) * u.c, "cannot add L/h and mL/min"),
    "a number without unit": (lambda t, x, p, u: jnp.maximum(x.a, 1e-6), "larger of mg and a pure number"),
    "a comparison": (lambda t, x, p, u: jnp.where(t > 24.0, x.a, 0.0), "cannot compare h and a pure number"),
    "a choice": (lambda t, x, p, u: jnp.where(t > p.noon, x.a, u.c), "cannot choose between mg and mg/L"),
    "exp of a unit": (lambda t, x, p, u: jnp.exp(-t), "cannot take exp of h"),
    "log of a unit": (lambda t, x, p, u: jnp.log(u.c), "cannot take log of mg/L"),
    "tanh of a percentage": (lambda t, x, p, u: jnp.tanh(p.share), "cannot take tanh of %"),
    "a power of a unit": (lambda t, x, p, u: u.c**p.gamma, "cannot raise mg/L to a power"),
    "an exponent with a unit": (lambda t, x, p, u: p.gamma**t, "cannot use h as an exponent"),
    "inside a helper": (lambda t, x, p, u: jax.jit(lambda a, b: a + b)(x.a, p.v), "cannot add mg and L"),
    "inside a softplus": (lambda t, x, p, u: jax.nn.softplus(x.a), "mg"),
    "a unit nobody declared": (lambda t, x, p, u: x.a + p.cl * u.c * p.v, "cannot add mg and L mg/h"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_operations_are_refused_with_both_units(case):
    equation, says = WRONG[case]
    with pytest.raises(UnitError) as refused:
        check_dimensions(model(output=equation, unit="mg"))
    text = str(refused.value)
    assert says in text
    assert "output y" in text and "test_dimensions.py line" in text


def test_the_line_of_code_is_shown():
    def rate(t, x, p, u):
        lost = p.cl * x.a  # forgets the volume
        return p.ka * x.a - lost

    with pytest.raises(UnitError) as refused:
        check_dimensions(model(rate=rate))
    assert "cannot subtract mg/h and L mg/h" in str(refused.value)
    assert "d a/dt, test_dimensions.py line" in str(refused.value) and "return p.ka * x.a - lost" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate": lambda t, x, p, u: -p.cl * x.a}, "d a/dt comes out in L mg/h, not in mg/h"),
        ({"rate": lambda t, x, p, u: x.a}, "d a/dt comes out in mg, not in mg/h"),
        ({"time": "min"}, "not in mg/min"),
        ({"unit": "mg/mL"}, "output y comes out in mg/L, not in mg/mL"),
        ({"unit": "mmol/L"}, "output y comes out in mg/L, not in mmol/L"),
        ({"start": lambda p, u: p.c50}, "start of a comes out in mg/L, not in mg"),
        ({"start": lambda p, u: 5.0}, "start of a comes out in a pure number, not in mg"),
        ({"routes": (Route("oral", to="a", lag="cl"),)}, "lag of a dose must be in h, cl is in L/h"),
        ({"routes": (Route("oral", to="a", f="share"),)}, "f of a dose must be in 1, share is in %"),
        ({"routes": (Route("oral", to="a", rate="limit"),)}, "rate of a dose must be in mg/h, limit is in mg"),
        ({"routes": (Route("oral", to="a", duration="flow"),)}, "duration of a dose must be in h"),
    ],
)
def test_results_and_routes_must_be_in_the_declared_units(changes, says):
    with pytest.raises(UnitError) as refused:
        check_dimensions(model(**changes))
    assert says in str(refused.value) and "trial" in str(refused.value)


def test_an_unknown_unit_says_whose_it_is():
    with pytest.raises(UnitError) as refused:
        check_dimensions(model(states=(State("a", "milligrams", "amount"),)))
    assert "trial, a" in str(refused.value)


def test_an_operation_without_a_rule_fits_and_is_reported():
    report = check_dimensions(model(output=lambda t, x, p, u: jax.lax.bessel_i0e(x.a) * p.v))
    assert report.unknown == ("bessel_i0e",)


def test_branches_of_a_cond_must_agree():
    def right(t, x, p, u):
        return jax.lax.cond(x.a > p.limit, lambda a, b: a, lambda a, b: b, x.a, p.limit)

    check_dimensions(model(output=right, unit="mg"))
    with pytest.raises(UnitError, match="choose between"):
        check_dimensions(
            model(output=lambda t, x, p, u: jax.lax.cond(x.a > p.limit, lambda a, b: a, lambda a, b: b, x.a, p.v))
        )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"output": lambda t, x, p, u: x.a / p.v if x.a > 0 else 0.0}, "jnp.where"),
        ({"output": lambda t, x, p, u: jnp.stack([x.a, x.a]) / p.v}, "shape (2,)"),
        ({"outputs": lambda t, x, p, u: {}}, "outputs gives nothing for y"),
        ({"outputs": lambda t, x, p, u: {"z": x.a}}, "z, which is not declared"),
        ({"rates": lambda t, x, p, u: {}}, "rates gives nothing for a"),
        ({"output": lambda t, x, p, u: x.a / p.volume}, "'volume'"),
    ],
)
def test_equations_that_are_not_plain_scalars_are_refused(changes, says):
    with pytest.raises(ModelError) as refused:
        check_dimensions(model(**changes))
    assert says in str(refused.value)


def test_a_state_in_other_units_and_another_clock():
    cells = Structure(
        name="cells",
        parameters=(Parameter("k", "1/d", 1.0, "turnover", "assumed"), Parameter("base", "10^9/L", 5.0, "", "assumed")),
        states=(State("n", "10^9 cells/L", "count"),),
        gives=(Port("n", "10^3/uL", "concentration", "count"),),
        rates=lambda t, x, p, u: {"n": p.k * (p.base - x.n)},
        outputs=lambda t, x, p, u: {"n": x.n},
        start=lambda p, u: {"n": p.base},
        source="none",
        time="d",
    )
    assert check_dimensions(cells).unknown == ()
    with pytest.raises(UnitError):
        check_dimensions(replace(cells, time="h"))
