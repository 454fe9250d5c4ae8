"""Organ masses that add up to the weight.

    typical_i = reference_i (height / height_ref)^0.75          organs of httk-pop
                reference_i                                     brain
                reference_i bsa / bsa_ref                       skin, blood
                0.047 weight                                    rest: contents of the gut, and what is listed nowhere
    muscle    : times ffm(weight, height) / ffm(weight_ref', height)
    ageing    : muscle 1 - 0.001 (age^2 - 400) / 29.1 from 20 years on, brain exp(-(age - 20) / 629);
                liver exp(-0.0014 (age - 35)), kidney 1 - 0.00038 (age - 35) / 0.317 (women 0.261) from 35 years on;
                skeleton 1 - 0.0058 (women 0.0172) (age - 50) / reference from 50 years on
    adipose   = weight - all others

ffm is Janmahasatian's fat-free mass and weight_ref' the reference person's body mass index at the patient's height. A
child's muscle follows the same ratio (assumed). bsa is Mosteller's.

Two rules keep fat from being negative, whatever height and weight are:

1. What is typical leaves twice the least fat. In people too thin for that all organs but brain and rest are smaller by
   one factor, `lean_factor`.
2. Organs deviate from what is typical by a lognormal factor exp(s z) each, s^2 = ln(1 + cv^2). Where the sum of all
   deviations D is above zero, all of them shrink by one factor k = (1 + (D / g)^4)^(-1/4), g being the fat between
   typical and least: hardly at all while D is well below g, and never to less than the least fat.

The least fat is 3 % of a male's and 8 % of a female's weight (assumed).

Differs: httk-pop draws muscle without regard to weight, draws fat once more about the remainder, lets weight change,
and rejects people whose organs weigh too much; here everybody keeps the weight. Its ageing of muscle and bone counts
from birth; here from 20 and 50 years, so that nothing jumps. It takes the same kilograms of muscle from women as from
men, 26 % of a woman's by 70 years; but both lose alike (Janssen et al. 2000, abstract; 15 and 14 % by 70 years, as a
public program reads its figures), and 0.001 kg/y2 are 15 % of the reference man's: here women lose the man's share. It
has Bosgra's blood and skin in m2; here ICRP's, in proportion to the surface, which hold for children and the obese too.

Source: httk-pop: Ring et al. 2017, Environ Int 106:105, doi:10.1016/j.envint.2017.06.004, after McNally et al. 2014;
Janmahasatian et al. 2005, doi:10.2165/00003088-200544100-00004; muscle of the old: Janssen et al. 2000, brain: Bosgra
et al. 2012, bone mineral of the old: Looker et al. 2009 (mineral is 0.65 of dry bone, and that half of the skeleton),
all as in httk-pop; liver and kidney of the old: Han et al. 2025, Pharmaceutics 17:214, table S6.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population.anatomy.organs import (
    ARTERIAL,
    REST_SHARE,
    Reference,
    by_sex,
    table,
)
from twinsim.population.derived import body_mass_index, fat_free_mass_janmahasatian, surface_area_mosteller

LEAST_FAT = (0.03, 0.08)
# Not made smaller in thin people.
_SPARED = ("brain", "rest")
_LEAN = tuple(name for name in table().organs if name != "adipose")
_MANS_MUSCLE = float(table().masses[0, table().organs.index("muscle"), -1])


def typical_masses(
    sex: Array, age: Array, height: Array, weight: Array, reference: Reference, given: Mapping[str, Array]
) -> dict[str, Array]:
    """What organs weigh in people of this size, before thin people's are made smaller.

    Args:
        sex: 0 male, 1 female (patient,).
        age: [y] (patient,).
        height: [cm] (patient,).
        weight: [kg] (patient,).
        reference: of the same patients.
        given: organ -> mass [kg] (patient,) that is known.

    Returns:
        organ -> [kg] (patient,), without adipose, with blood as one.
    """
    surface = surface_area_mosteller(height, weight) / surface_area_mosteller(reference.height, reference.weight)
    tall = height / reference.height
    mass = {name: reference.masses[name] * tall**0.75 for name in _LEAN}
    mass |= {name: reference.masses[name] * surface for name in ("skin", "blood")}
    mass["brain"] = reference.masses["brain"] * jnp.exp(-_years_above(age, 20.0) / 629.0)
    lost = 0.001 / _MANS_MUSCLE * (jnp.maximum(age, 20.0) ** 2 - 400.0)
    mass["muscle"] *= _leanness(sex, height, weight, reference) * (1.0 - lost)
    lost = jnp.where(sex > 0.5, 0.0056, 0.0019) / (0.65 * 0.5) * _years_above(age, 50.0)
    mass["bone"] *= 1.0 - lost / reference.masses["bone"]
    mass["liver"] *= jnp.exp(-0.0014 * _years_above(age, 35.0))
    # The source's line for men starts at 0.33 kg and for women at 0.274 kg at birth: relative to 35 years.
    mass["kidney"] *= 1.0 - 0.00038 / jnp.where(sex > 0.5, 0.2607, 0.3167) * _years_above(age, 35.0)
    mass["rest"] = REST_SHARE * weight
    return mass | {name: value for name, value in given.items() if name in mass}


def _years_above(age: Array, start: float) -> Array:
    return jnp.maximum(age - start, 0.0)


def _leanness(sex: Array, height: Array, weight: Array, reference: Reference) -> Array:
    """Fat-free mass relative to that of the reference's body mass index at the same height."""
    usual = body_mass_index(reference.height, reference.weight) * (height / 100.0) ** 2
    own = fat_free_mass_janmahasatian(sex, height, weight)
    return own / fat_free_mass_janmahasatian(sex, height, usual)


def organ_masses(
    sex: Array, weight: Array, typical: Mapping[str, Array], z: Mapping[str, Array], given: Mapping[str, Array]
) -> dict[str, Array]:
    """Organ masses of people, which add up to their weight.

    Args:
        sex: 0 male, 1 female (patient,).
        weight: [kg] (patient,).
        typical: from `typical_masses`.
        z: normal scores by organ, (patient,) each.
        given: organ -> mass [kg] (patient,) that is known: neither drawn nor made smaller. Where adipose is given, the
            organs that are not fill the rest of the weight by one factor.

    Returns:
        organ -> [kg] (patient,), the two bloods apart; and lean_factor. NaN where what is given leaves no room.
    """
    least = jnp.where(sex > 0.5, LEAST_FAT[1], LEAST_FAT[0]) * weight
    fixed = {name for name in typical if name in given or name in _SPARED}
    kept = sum(typical[name] for name in sorted(fixed))
    free = sum(typical[name] for name in typical if name not in fixed)
    room = weight - 2.0 * least - kept
    factor = jnp.where(room > 0.0, jnp.minimum(1.0, room / free), jnp.nan)
    expected = {name: value if name in fixed else value * factor for name, value in typical.items()}
    drawn = {name: value * _spread(sex, name, z) for name, value in expected.items() if name in z and name not in given}
    above = sum((drawn[name] - expected[name] for name in drawn), start=jnp.zeros_like(weight))
    gap = weight - least - sum(expected.values())
    shrink = (1.0 + (jnp.maximum(above, 0.0) / gap) ** 4) ** -0.25
    mass = {name: value + shrink * (drawn.get(name, value) - value) for name, value in expected.items()}
    if "adipose" in given:
        mass, factor = _filled(weight, mass, given)
    mass["adipose"] = weight - sum(mass.values())
    blood = mass.pop("blood")
    return {**mass, "arterial_blood": ARTERIAL * blood, "venous_blood": blood - ARTERIAL * blood, "lean_factor": factor}


def _spread(sex: Array, name: str, z: Mapping[str, Array]) -> Array:
    cv = by_sex(sex, name, table().cv)
    return jnp.exp(jnp.sqrt(jnp.log1p(cv * cv)) * z[name])


def _filled(weight: Array, mass: dict[str, Array], given: Mapping[str, Array]) -> tuple[dict[str, Array], Array]:
    """Organs that are not given, larger or smaller by one factor so that the given fat is what remains."""
    kept = sum((mass[name] for name in mass if name in given or name == "rest"), start=jnp.zeros_like(weight))
    free = sum(mass[name] for name in mass if name not in given and name != "rest")
    room = weight - given["adipose"] - kept
    factor = jnp.where(room > 0.0, room / free, jnp.nan)
    return {name: v if name in given or name == "rest" else v * factor for name, v in mass.items()}, factor


DRAWN = tuple(name for name in _LEAN if not np.isnan(table().cv[0, table().organs.index(name)]))
