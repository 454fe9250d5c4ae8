"""Blood flows that add up to cardiac output.

    cardiac output = reference bsa / bsa_ref a(age) exp(s z),   s^2 = ln(1 + 0.14^2)
    a              = 1 up to 15 years, (1 - 0.005 (age - 25)) / 0.95 from 25 on, a straight line between (assumed)
    raw_i          = perfusion_i mass_i exp(s z_i),   perfusion_i = share_i output_adult / mass_adult_i
    brain, kidney  = raw, times the ageing of cardiac output;  together at most 60 % of the output (assumed)
    all others     = raw by one factor, so that the sum is the output

Each tissue's flow is what arteries bring it: the lung's is bronchial, the liver's arterial; the portal vein brings the
liver what stomach, intestines, pancreas and spleen have received. The brain's perfusion changes with age; the kidney's
does not, and growth shows in its mass (Abraham et al. 2005). cv of flows 0.05, lognormal.

People of one size and age differ in cardiac output with a cv of 0.14: the cardiac index of 144 healthy people by
magnetic resonance, 3.3, 3.3, 3.1, 3.0 and 3.0 with SD 0.4, 0.5, 0.5, 0.4 and 0.4 L/min/m2 from 20 years on by
decades. That holds the error of the measurement too; children take the adults' (assumed). What is more or less goes to
or from all tissues but brain and kidney, which keep their flow per mass (assumed): these others have a cv of some 0.2.
The 60 % bind in 4 % of children below 5 years, whose brain takes most, and in 0.1 % of adults.

Differs: httk-pop's cardiac output does not vary. From 25 years on it falls by 0.5 % a year, the cardiac index named
above by 0.25 %, and is 3.3 L/min/m2 at 20 to 30 years, where ICRP's makes 3.6 in men and 3.8 in women.

Source: shares ICRP 89 (2002) table 2.40; reference outputs in `organs`; brain 50, 59, 71, 68, 57 mL/min/100g at birth,
1, 5, 10 and 15 years: Chiron et al. 1992, method of the others Abraham et al. 2005, Arch Toxicol 79:63, as carried by
compphysiol; ageing and cv of flows: httk-pop, Ring et al. 2017; cv of cardiac output: Carlsson et al. 2012, J
Cardiovasc Magn Reson 14:51, doi:10.1186/1532-429X-14-51, abstract.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population.anatomy.organs import OUTPUTS, REST_SHARE, TISSUES, WEIGHTS, Reference, by_sex, table
from twinsim.population.derived import surface_area_mosteller
from twinsim.population.lines import between

FLOW_CV = 0.05
# of cardiac output between people of one size and age: mean over the decades of Carlsson et al. 2012, 0.12 to 0.16
OUTPUT_CV = 0.14
# age [y]; from 25 on 0.5 % of the value at 25 is lost each year, and at 35 it is 1
_AGEING = np.array([15.0, 25.0, 35.0, 125.0]), np.array([1.0, 1.0, 0.95, 0.5]) / np.array([1.0, 0.95, 0.95, 0.95])
# age [y], perfusion of the brain [L/h/kg]: mL/min/100g times 0.6; adults by their share of cardiac output
_BRAIN_AGES = np.array([0.0, 1.0, 5.0, 10.0, 15.0, 20.0])
_BRAIN = np.array([50.0, 59.0, 71.0, 68.0, 57.0]) * 0.6
KEPT_AT_MOST = 0.6


def cardiac_output(age: Array, height: Array, weight: Array, reference: Reference, z: Array) -> Array:
    """Cardiac output [L/h] (patient,).

    Args:
        age: [y] (patient,).
        height: [cm] (patient,).
        weight: [kg] (patient,).
        reference: of the same patients.
        z: normal score (patient,).
    """
    surface = surface_area_mosteller(height, weight) / surface_area_mosteller(reference.height, reference.weight)
    return reference.output * surface * _ageing(age) * jnp.exp(_log_sd(OUTPUT_CV) * z)


def _log_sd(cv: float) -> float:
    return float(np.sqrt(np.log1p(cv**2)))


def _ageing(age: Array) -> Array:
    return between(age, _AGEING[0], _AGEING[1])


def tissue_flows(
    sex: Array, age: Array, output: Array, mass: Mapping[str, Array], z: Mapping[str, Array]
) -> dict[str, Array]:
    """Arterial flow of every tissue [L/h] (patient,); their sum is cardiac output.

    Args:
        sex: 0 male, 1 female (patient,).
        age: [y] (patient,).
        output: cardiac output [L/h] (patient,).
        mass: organ -> [kg] (patient,).
        z: normal scores by tissue (patient,).
    """
    spread = _log_sd(FLOW_CV)
    raw = {name: _perfusion(sex, age, name) * mass[name] * jnp.exp(spread * z[name]) for name in TISSUES}
    kept = {name: raw[name] * _ageing(age) for name in ("brain", "kidney")}
    limit = jnp.minimum(1.0, KEPT_AT_MOST * output / sum(kept.values()))
    kept = {name: value * limit for name, value in kept.items()}
    others = [name for name in TISSUES if name not in kept]
    factor = (output - sum(kept.values())) / sum(raw[name] for name in others)
    return {name: kept[name] if name in kept else raw[name] * factor for name in TISSUES}


def _perfusion(sex: Array, age: Array, name: str) -> Array:
    """Flow per mass of tissue [L/h/kg] (patient,)."""
    found = table()
    if name == "rest":
        male, female = ((1.0 - found.flow[i].sum()) * OUTPUTS[i, -1] / (REST_SHARE * WEIGHTS[i, -1]) for i in range(2))
        return jnp.where(sex > 0.5, female, male)
    adult = by_sex(sex, name, found.flow * OUTPUTS[:, -1:] / found.masses[..., -1])
    if name != "brain":
        return adult
    i = found.organs.index(name)
    grown = [found.flow[s, i] * OUTPUTS[s, -1] / found.masses[s, i, -1] for s in range(2)]
    male, female = between(age, _BRAIN_AGES, np.array([np.append(_BRAIN, value) for value in grown]))
    return jnp.where(sex > 0.5, female, male)
