"""What the patient does and breathes: work, air, oxygen, bleeding; without events it is a day in bed at sea.

    d oxygen_of_work/dt = (exercise - oxygen_of_work)/oxygen_delay
    oxygen_consumption        = resting_oxygen_consumption + oxygen_of_work
    carbon_dioxide_production = respiratory_quotient resting_oxygen_consumption + quotient_of_work oxygen_of_work
    barometric_pressure       = sea_level_pressure (1 - lapse altitude/temperature)^exponent

States that nothing but an event changes: exercise [mL/min of oxygen beyond rest], altitude [m],
inspired_oxygen_fraction, inspired_carbon_dioxide_fraction, bleeding [mL/min].

Source: consumption and production Guyton, as in BioGears; quotient Gropper 2013, as in BioGears; delay Whipp and
Wasserman 1972 (30 to 40 s), from memory; air International Standard Atmosphere, ISO 2533: 0.0065 K/m, 288.15 K, 5.2559.
"""

import jax.numpy as jnp

from twinsim.models.ranges import Range
from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure

_ISO = "International Standard Atmosphere, ISO 2533"
_VCO2 = Range(160.0, 250.0, "Guyton")
_SET = ("exercise", "altitude", "inspired_oxygen_fraction", "inspired_carbon_dioxide_fraction", "bleeding")


def start(p, u):
    return {
        "inspired_oxygen_fraction": p.oxygen_of_air,
        "inspired_carbon_dioxide_fraction": p.carbon_dioxide_of_air,
    }


def rates(t, x, p, u):
    still = {name: jnp.zeros_like(getattr(x, name)) for name in _SET}
    return {**still, "oxygen_of_work": (x.exercise - x.oxygen_of_work) / p.oxygen_delay}


def outputs(t, x, p, u):
    air = jnp.maximum(1.0 - p.lapse * x.altitude / p.air_temperature, 0.1)
    return {
        "oxygen_consumption": p.resting_oxygen_consumption + x.oxygen_of_work,
        "carbon_dioxide_production": p.respiratory_quotient * p.resting_oxygen_consumption
        + p.quotient_of_work * x.oxygen_of_work,
        "resting_oxygen_consumption": p.resting_oxygen_consumption,
        "resting_carbon_dioxide_production": p.respiratory_quotient * p.resting_oxygen_consumption,
        "barometric_pressure": p.sea_level_pressure * air**p.lapse_exponent,
        "inspired_oxygen_fraction": x.inspired_oxygen_fraction,
        "inspired_carbon_dioxide_fraction": x.inspired_carbon_dioxide_fraction,
        "bleeding": x.bleeding,
    }


structure = Structure(
    name="organs/circumstances",
    time="min",
    parameters=(
        Parameter("resting_oxygen_consumption", "mL/min", 250.0, "at rest, STPD", "Guyton, as in BioGears", POSITIVE),
        Parameter("respiratory_quotient", "1", 0.8, "at rest", "Guyton: 200 mL/min of carbon dioxide", (0.5, 1.3)),
        Parameter("quotient_of_work", "1", 0.95, "of work", "Wasserman: below the threshold, from memory", (0.5, 1.3)),
        Parameter("oxygen_delay", "min", 0.6, "until muscles take all they need", "Whipp and Wasserman 1972", POSITIVE),
        Parameter("oxygen_of_air", "1", 0.2093, "oxygen in dry air", "standard atmosphere", (0.0, 1.0)),
        Parameter("carbon_dioxide_of_air", "1", 0.0004, "likewise", "400 umol/mol, NOAA 2015, from memory", (0.0, 1.0)),
        Parameter("sea_level_pressure", "mmHg", 760.0, "of the air at altitude 0", _ISO, POSITIVE),
        Parameter("lapse", "K/m", 0.0065, "fall of temperature with altitude", _ISO),
        Parameter("air_temperature", "K", 288.15, "at sea level", _ISO, POSITIVE),
        Parameter("lapse_exponent", "1", 5.2559, "of the fall of pressure", _ISO),
    ),
    states=(
        State("exercise", "mL/min", "oxygen that work asks for, beyond rest"),
        State("oxygen_of_work", "mL/min", "oxygen that work takes"),
        State("altitude", "m", "above the sea"),
        State("inspired_oxygen_fraction", "1", "oxygen in dry inspired gas"),
        State("inspired_carbon_dioxide_fraction", "1", "carbon dioxide in dry inspired gas"),
        State("bleeding", "mL/min", "blood that is lost"),
    ),
    gives=(
        Port("oxygen_consumption", "mL/min", "flow", "oxygen that the body consumes, STPD"),
        Port("carbon_dioxide_production", "mL/min", "flow", "carbon dioxide that the body makes, STPD",
             normal=Range(160.0, 250.0, "Guyton")),
        Port("resting_oxygen_consumption", "mL/min", "flow", "oxygen consumed without work, STPD"),
        Port("resting_carbon_dioxide_production", "mL/min", "flow", "carbon dioxide made without work, STPD"),
        Port("barometric_pressure", "mmHg", "pressure", "pressure of the air"),
        Port("inspired_oxygen_fraction", "1", "fraction", "oxygen in dry inspired gas"),
        Port("inspired_carbon_dioxide_fraction", "1", "fraction", "carbon dioxide in dry inspired gas"),
        Port("bleeding", "mL/min", "flow", "blood that is lost"),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    source="Guyton, as in BioGears; ISO 2533",
)  # fmt: skip
