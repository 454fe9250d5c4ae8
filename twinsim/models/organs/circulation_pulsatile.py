"""Heart and circulation beat by beat: the six compartments of CVSim, for windows of seconds.

    elastance(t) = 1/cd + (1/cs - 1/cd) activation        cd, cs: compliance in diastole, at the end of systole
    Plv = Pth + elastance (left_ventricle - V0)           the right one alike
    Pa  = (arteries - V0) / C                             veins alike; pulmonary vessels add Pth
    valves pass max(pressure difference, 0) / resistance, vessels pressure difference / resistance
    d phase/dt = heart_rate; a beat begins where it passes a whole number

`pressure_sum` and `ejected` grow by arterial pressure and the left ventricle's outflow, so that means over a window are
exact. Parameters are those of organs/circulation, which gives what nerves and muscle do: heart_rate,
sympathetic_signal, vasomotor_tone, muscle_dilation and venous_shift; here they are needs, and held.
`twinsim.pulsatile_window` takes patients from there to here.

Differs: CVSim moves the beat's onset by the PR interval, which changes nothing in a steady rhythm; its reflexes are
those of organs/circulation.

Source: Davis 1991; Heldt et al. 2002, J Appl Physiol 92:1239; MIT-LCP/cvsim, equation.c of the version with six
compartments.
"""

import jax.numpy as jnp

from twinsim.models.organs._beat import activation, systole
from twinsim.models.organs._vessels import SHARED, ventricles, vessels
from twinsim.models.structure import Parameter, Port, State, Structure

_BLOOD = "blood"
_VOLUMES = ("left_ventricle", "arteries", "veins", "right_ventricle", "pulmonary_arteries", "pulmonary_veins")


def start(p, u):
    """The onset of a beat at `start_*` pressures; systemic veins hold the rest of the blood."""
    filling = p.start_filling_pressure - p.thoracic_pressure
    others = {
        "left_ventricle": p.lv_unstressed_volume + p.lv_diastolic_compliance * filling,
        "arteries": p.arterial_unstressed_volume + p.arterial_compliance * p.start_arterial_pressure,
        "right_ventricle": p.rv_unstressed_volume + 0.5 * p.rv_diastolic_compliance * filling,
        "pulmonary_arteries": p.pulmonary_arterial_unstressed_volume + 1.5 * p.pulmonary_arterial_compliance * filling,
        "pulmonary_veins": p.pulmonary_venous_unstressed_volume + p.pulmonary_venous_compliance * filling,
    }
    return {**others, "veins": 1000.0 * u.blood_volume - sum(others.values())}


def _pressures(x, p, u):
    """Pressures [mmHg] in the order of the volumes."""
    period = 60.0 / u.heart_rate
    active = activation(x.phase - jnp.floor(x.phase), period, systole(p, period))
    left, right = ventricles(p, u.sympathetic_signal)
    chest = p.thoracic_pressure

    def chamber(heart, volume):
        relaxed = 1.0 / heart.diastolic
        return chest + (relaxed + (1.0 / heart.systolic - relaxed) * active) * volume

    return (
        chamber(left, x.left_ventricle - p.lv_unstressed_volume),
        (x.arteries - p.arterial_unstressed_volume) / p.arterial_compliance,
        (x.veins - p.venous_unstressed_volume - u.venous_shift) / p.venous_compliance,
        chamber(right, x.right_ventricle - p.rv_unstressed_volume),
        chest + (x.pulmonary_arteries - p.pulmonary_arterial_unstressed_volume) / p.pulmonary_arterial_compliance,
        chest + (x.pulmonary_veins - p.pulmonary_venous_unstressed_volume) / p.pulmonary_venous_compliance,
    )


def _flows(x, p, u):
    """Aortic valve, systemic, tricuspid, pulmonary valve, pulmonary, mitral [mL/s]."""
    lv, pa, pv, rv, ppa, ppv = _pressures(x, p, u)
    arteries, veins, pulmonary, pulmonary_veins = vessels(p, u.vasomotor_tone, u.muscle_dilation)
    return (
        jnp.maximum(lv - pa, 0.0) / p.aortic_valve_resistance,
        (pa - pv) / arteries.resistance,
        jnp.maximum(pv - rv, 0.0) / veins.resistance,
        jnp.maximum(rv - ppa, 0.0) / p.pulmonary_valve_resistance,
        (ppa - ppv) / pulmonary.resistance,
        jnp.maximum(ppv - lv, 0.0) / pulmonary_veins.resistance,
    )


def rates(t, x, p, u):
    aortic, systemic, tricuspid, pulmonic, pulmonary, mitral = _flows(x, p, u)
    return {
        "left_ventricle": mitral - aortic,
        "arteries": aortic - systemic,
        "veins": systemic - tricuspid,
        "right_ventricle": tricuspid - pulmonic,
        "pulmonary_arteries": pulmonic - pulmonary,
        "pulmonary_veins": pulmonary - mitral,
        "phase": u.heart_rate / 60.0,
        "pressure_sum": _pressures(x, p, u)[1],
        "ejected": aortic,
    }


def outputs(t, x, p, u):
    lv, pa, pv, rv, ppa, ppv = _pressures(x, p, u)
    aortic, _, _, _, _, mitral = _flows(x, p, u)
    return {
        "lv_pressure": lv,
        "aortic_pressure": pa,
        "venous_pressure": pv,
        "rv_pressure": rv,
        "pulmonary_artery_pressure": ppa,
        "pulmonary_vein_pressure": ppv,
        "lv_volume": x.left_ventricle,
        "rv_volume": x.right_ventricle,
        "aortic_flow": aortic,
        "mitral_flow": mitral,
    }


def _pressure(name, meaning):
    return Port(name, "mmHg", "pressure", meaning)


structure = Structure(
    name="organs/circulation_pulsatile",
    parameters=(
        *SHARED,
        Parameter("start_arterial_pressure", "mmHg", 90.0, "arterial pressure at the beginning", "assumed: it settles"),
        Parameter("start_filling_pressure", "mmHg", 9.0, "of the left ventricle, likewise", "assumed: it settles"),
    ),
    states=(
        *(State(name, "mL", f"blood in the {name.replace('_', ' ')}", _BLOOD) for name in _VOLUMES),
        State("phase", "1", "beats since the beginning"),
        State("pressure_sum", "mmHg s", "arterial pressure, summed over time"),
        State("ejected", "mL", "what the left ventricle has given out"),
    ),
    needs=(
        Port("blood_volume", "L", "amount", "all blood, at the beginning", default=5.15),
        Port("heart_rate", "1/min", "effect", "heart rate", default=70.0),
        Port("sympathetic_signal", "mmHg", "pressure", "what changes contractility", default=0.0),
        Port("vasomotor_tone", "1", "effect", "systemic resistance over the parameter", default=1.0),
        Port("muscle_dilation", "1", "effect", "what divides systemic and venous resistance", default=1.0),
        Port("venous_shift", "mL", "amount", "unstressed volume of veins over the parameter", default=0.0),
    ),
    gives=(
        _pressure("lv_pressure", "pressure in the left ventricle"),
        _pressure("aortic_pressure", "pressure in systemic arteries"),
        _pressure("venous_pressure", "pressure in systemic veins"),
        _pressure("rv_pressure", "pressure in the right ventricle"),
        _pressure("pulmonary_artery_pressure", "pressure in pulmonary arteries"),
        _pressure("pulmonary_vein_pressure", "pressure in pulmonary veins"),
        Port("lv_volume", "mL", "amount", "volume of the left ventricle"),
        Port("rv_volume", "mL", "amount", "volume of the right ventricle"),
        Port("aortic_flow", "mL/s", "flow", "flow through the aortic valve"),
        Port("mitral_flow", "mL/s", "flow", "flow through the mitral valve"),
    ),
    rates=rates,
    outputs=outputs,
    start=start,
    time="s",
    source="Davis 1991; Heldt et al. 2002 (CVSim, six compartments)",
)
