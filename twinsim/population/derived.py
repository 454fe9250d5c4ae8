"""Covariates computed from others by published formulas, each under one name.

Functions are element-wise on any shape. Units are those of `COVARIATES`: sex 0 male, 1 female; age [y]; height [cm];
weight [kg]; creatinine [mg/dL] by an assay traceable to isotope dilution mass spectrometry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from twinsim.errors import UsageError, nearest


@dataclass(frozen=True)
class Derived:
    """A covariate with a formula.

    Attributes:
        name: its name.
        unit: its unit.
        meaning: what it is, in a few words.
        needs: the covariates it is computed from, in the order of the function's arguments.
        function: the formula.
        source: author, year, journal.
    """

    name: str
    unit: str
    meaning: str
    needs: tuple[str, ...]
    function: Callable[..., Array]
    source: str


def _by_sex(sex: Array, male: float, female: float) -> Array:
    return jnp.where(jnp.asarray(sex) > 0.5, female, male)


def body_mass_index(height: Array, weight: Array) -> Array:
    """bmi = weight / (height / 100)^2  [kg/m2]"""
    return weight / (height / 100.0) ** 2


def surface_area_du_bois(height: Array, weight: Array) -> Array:
    """bsa = 0.007184 height^0.725 weight^0.425  [m2]"""
    return 0.007184 * height**0.725 * weight**0.425


def surface_area_mosteller(height: Array, weight: Array) -> Array:
    """bsa = sqrt(height weight / 3600)  [m2]"""
    return jnp.sqrt(height * weight / 3600.0)


def fat_free_mass_janmahasatian(sex: Array, height: Array, weight: Array) -> Array:
    """lean_mass = 9270 weight / (a + b bmi)  [kg];  a, b = 6680, 216 (men), 8780, 244 (women)"""
    bmi = body_mass_index(height, weight)
    return 9270.0 * weight / (_by_sex(sex, 6680.0, 8780.0) + _by_sex(sex, 216.0, 244.0) * bmi)


def lean_mass_james(sex: Array, height: Array, weight: Array) -> Array:
    """lean_mass = a weight - b (weight / height)^2  [kg];  a, b = 1.10, 128 (men), 1.07, 148 (women)

    Falls again, and to nonsense, in the very obese: above a bmi of 43 (men) or 36 (women).
    """
    return _by_sex(sex, 1.10, 1.07) * weight - _by_sex(sex, 128.0, 148.0) * (weight / height) ** 2


def ideal_weight_devine(sex: Array, height: Array) -> Array:
    """ideal_weight = a + 2.3 (height / 2.54 - 60)  [kg];  a = 50 (men), 45.5 (women)

    Below 5 feet the line is followed downwards, as is usual; Devine gave it for 5 feet and above.
    """
    return _by_sex(sex, 50.0, 45.5) + 2.3 * (height / 2.54 - 60.0)


def adjusted_weight(ideal_weight: Array, weight: Array) -> Array:
    """adjusted_weight = ideal_weight + 0.4 (weight - ideal_weight)  [kg], weight itself where it is below the ideal"""
    return jnp.where(weight > ideal_weight, ideal_weight + 0.4 * (weight - ideal_weight), weight)


def gfr_ckd_epi_2021(sex: Array, age: Array, creatinine: Array) -> Array:
    """egfr = 142 min(c/k, 1)^a max(c/k, 1)^-1.200 0.9938^age (1.012 if female)  [mL/min/1.73m2]

    k, a = 0.9, -0.302 (men), 0.7, -0.241 (women); c is creatinine.
    """
    ratio = creatinine / _by_sex(sex, 0.9, 0.7)
    low = jnp.minimum(ratio, 1.0) ** _by_sex(sex, -0.302, -0.241)
    high = jnp.maximum(ratio, 1.0) ** -1.200
    return 142.0 * low * high * 0.9938**age * _by_sex(sex, 1.0, 1.012)


def clearance_cockcroft_gault(sex: Array, age: Array, weight: Array, creatinine: Array) -> Array:
    """crcl = (140 - age) weight / (72 creatinine) (0.85 if female)  [mL/min]

    The weight is whichever the caller gives: crcl uses the actual, crcl_ideal the ideal, crcl_adjusted the adjusted.
    """
    return (140.0 - age) * weight / (72.0 * creatinine) * _by_sex(sex, 1.0, 0.85)


def gfr_absolute(egfr: Array, bsa: Array) -> Array:
    """gfr = egfr bsa / 1.73  [mL/min]"""
    return egfr * bsa / 1.73


_DU_BOIS = "Du Bois and Du Bois 1916, Arch Intern Med 17:863, doi:10.1001/archinte.1916.00080130010002"
_DEVINE = "Devine 1974, Drug Intell Clin Pharm 8:650"
_COCKCROFT = "Cockcroft and Gault 1976, Nephron 16:31, doi:10.1159/000180580"
_INKER = "Inker et al. 2021, N Engl J Med 385:1737, CKD-EPI creatinine 2021, doi:10.1056/NEJMoa2102953"
_WINTER = "Winter, Guhr and Berg 2012, Pharmacotherapy 32:604 (factor 0.4)"

_FORMULAS = (
    Derived(
        "bmi",
        "kg/m2",
        "body mass index",
        ("height", "weight"),
        body_mass_index,
        "Keys et al. 1972, J Chronic Dis 25:329, doi:10.1016/0021-9681(72)90027-6",
    ),
    Derived("bsa", "m2", "body surface area, Du Bois", ("height", "weight"), surface_area_du_bois, _DU_BOIS),
    Derived(
        "bsa_mosteller",
        "m2",
        "body surface area, Mosteller",
        ("height", "weight"),
        surface_area_mosteller,
        "Mosteller 1987, N Engl J Med 317:1098, doi:10.1056/NEJM198710223171717",
    ),
    Derived(
        "lean_mass",
        "kg",
        "fat-free mass, Janmahasatian",
        ("sex", "height", "weight"),
        fat_free_mass_janmahasatian,
        "Janmahasatian et al. 2005, Clin Pharmacokinet 44:1051, doi:10.2165/00003088-200544100-00004",
    ),
    Derived(
        "lean_mass_james",
        "kg",
        "lean body mass, James",
        ("sex", "height", "weight"),
        lean_mass_james,
        "James 1976, Research on obesity, Her Majesty's Stationery Office, London",
    ),
    Derived("ideal_weight", "kg", "ideal body weight, Devine", ("sex", "height"), ideal_weight_devine, _DEVINE),
    Derived("adjusted_weight", "kg", "adjusted body weight", ("ideal_weight", "weight"), adjusted_weight, _WINTER),
    Derived(
        "egfr",
        "mL/min/1.73m2",
        "estimated glomerular filtration rate, CKD-EPI 2021",
        ("sex", "age", "creatinine"),
        gfr_ckd_epi_2021,
        _INKER,
    ),
    Derived(
        "gfr",
        "mL/min",
        "estimated glomerular filtration rate of the whole person",
        ("egfr", "bsa"),
        gfr_absolute,
        f"{_INKER}; {_DU_BOIS}",
    ),
    *(
        Derived(
            name,
            "mL/min",
            f"creatinine clearance, Cockcroft-Gault with {words} weight",
            ("sex", "age", weight, "creatinine"),
            clearance_cockcroft_gault,
            source,
        )
        for name, words, weight, source in (
            ("crcl", "actual", "weight", _COCKCROFT),
            ("crcl_ideal", "ideal", "ideal_weight", f"{_COCKCROFT}; {_DEVINE}"),
            ("crcl_adjusted", "adjusted", "adjusted_weight", f"{_COCKCROFT}; {_WINTER}"),
        )
    ),
)

# name -> formula, in an order in which every formula follows those it needs
DERIVED: dict[str, Derived] = {formula.name: formula for formula in _FORMULAS}


def derive(covariates: Mapping[str, Any], names: Iterable[str] | None = None) -> dict[str, Any]:
    """The covariates and those that follow from them; what is supplied is never overwritten.

    >>> out = derive({"height": 180.0, "weight": 80.0})
    >>> sorted(out), round(float(out["bmi"]), 1)
    (['bmi', 'bsa', 'bsa_mosteller', 'height', 'weight'], 24.7)

    Args:
        covariates: name -> values in the units of `COVARIATES`, any shape.
        names: derived covariates wanted; None adds every one whose needs are present.

    Returns:
        A new mapping: what was given first, then what was derived.

    Raises:
        UsageError: a name that is neither given nor known, or one whose needs are missing.
    """
    result = dict(covariates)
    wanted = set(DERIVED) if names is None else _with_needs(set(names), result)
    for name, formula in DERIVED.items():
        if name in wanted and name not in result and all(need in result for need in formula.needs):
            result[name] = formula.function(*(_as_float(result[need]) for need in formula.needs))
    if names is not None:
        for name in names:
            if name not in result:
                _refuse(name, result)
    return result


def _as_float(values: Any) -> Array:
    array = jnp.asarray(values)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(jnp.float64)


def _with_needs(wanted: set[str], given: Mapping[str, Any]) -> set[str]:
    """The wanted names and what they need that is not given."""
    for formula in reversed(_FORMULAS):
        if formula.name in wanted and formula.name not in given:
            wanted = wanted | set(formula.needs)
    return wanted


def _refuse(name: str, given: Mapping[str, Any]) -> None:
    if name not in DERIVED:
        raise UsageError(f"{name} is not a covariate twinsim can derive", do=nearest(name, [*DERIVED, *given]))
    absent = [need for need in DERIVED[name].needs if need not in given]
    raise UsageError(
        f"{name} cannot be derived", why=f"it needs {', '.join(absent)}", do=f"supply {' and '.join(absent)}, or {name}"
    )
