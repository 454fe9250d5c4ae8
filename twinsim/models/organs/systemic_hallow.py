"""Arterial pressure from blood volume: the circulation that the kidney's source has of its own.

    resistance   = (map_setpoint / co_setpoint - r_venous) max(0.1, 1 + kp (delayed - co_setpoint) + ki co_error)
    filling      = filling_setpoint + (blood_volume - volume_setpoint) / venous_compliance
    co           = filling / ((8 r_venous + resistance) / 31)
    arterial     = co (resistance + r_venous)
    d delayed/dt = rate_delay (co - delayed),  d co_error/dt = rate_error (co - co_setpoint)

Whole-body autoregulation: resistance rises until cardiac output is what tissues ask for. It is for the kidney alone; a
whole patient takes arterial_pressure from a circulation and leaves this out, or resistance would be controlled twice.

Needs: blood_volume.

Source: Hallow and Gebremichael 2017, code of the authors (modelfile.R); resistance to venous return after Guyton.
Bound angiotensin II does not act on resistance: its slope is 0 in the source.
"""

import jax.numpy as jnp

from twinsim.models.organs._renal_source import HUMAN, PAPER
from twinsim.models.ranges import Range
from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure


def _circulation(x, p, u):
    asked = 1.0 + p.kp * (x.delayed_output - p.co_setpoint) + p.ki * x.output_error
    resistance = p.resistance * jnp.maximum(asked, 0.1)
    filling = p.filling_setpoint + (u.blood_volume - p.volume_setpoint) / p.venous_compliance
    output = filling * 31.0 / (8.0 * p.r_venous + resistance)
    return output, output * (resistance + p.r_venous)


def start(p, u):
    return {"delayed_output": p.co_setpoint}


def rates(t, x, p, u):
    output, _ = _circulation(x, p, u)
    return {
        "delayed_output": p.rate_delay * (output - x.delayed_output),
        "output_error": p.rate_error * (output - p.co_setpoint),
    }


def outputs(t, x, p, u):
    output, pressure = _circulation(x, p, u)
    return {"arterial_pressure": pressure, "cardiac_output": output}


structure = Structure(
    name="organs/systemic_hallow",
    time="min",
    parameters=(
        Parameter("resistance", "mmHg min/L", 15.2, "arterial resistance, 93 / 5 - 3.4", HUMAN, POSITIVE),
        Parameter("r_venous", "mmHg min/L", 3.4, "venous resistance", HUMAN, POSITIVE),
        Parameter("co_setpoint", "L/min", 5.0, "cardiac output that tissues ask for", HUMAN, POSITIVE),
        Parameter("filling_setpoint", "mmHg", 7.0, "mean filling pressure", HUMAN),
        Parameter("volume_setpoint", "L", 5.0, "blood volume at that pressure", HUMAN, POSITIVE),
        Parameter("venous_compliance", "L/mmHg", 0.13, "compliance of veins", HUMAN, POSITIVE),
        Parameter("kp", "min/L", 1.5, "autoregulation, proportional", HUMAN),
        Parameter("ki", "min/L", 30.0, "autoregulation, integral", HUMAN),
        Parameter("rate_delay", "1/min", 0.001, "rate at which autoregulation sees cardiac output", HUMAN),
        Parameter("rate_error", "1/min", 1e-5, "rate at which the error adds up", HUMAN),
    ),
    states=(
        State("delayed_output", "L/min", "cardiac output as autoregulation sees it"),
        State("output_error", "L/min", "summed error of cardiac output"),
    ),
    needs=(Port("blood_volume", "L", "amount", "blood volume", default=5.0),),
    gives=(
        Port("arterial_pressure", "mmHg", "pressure", "mean arterial pressure",
             normal=Range(70.0, 105.0, "BioGears' validation tables")),
        Port("cardiac_output", "L/min", "flow", "cardiac output"),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    source=PAPER,
)  # fmt: skip
