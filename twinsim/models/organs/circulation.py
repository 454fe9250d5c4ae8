"""Heart and circulation, averaged over the beat, with the reflexes that hold arterial pressure.

    d arteries/dt            = CO - (Pa - Pv) / R             Pa  = (arteries - V0) / C, of all vessels alike;
    d pulmonary_arteries/dt  = COr - (Ppa - Ppv) / Rp         those in the chest and the heart add Pth
    d pulmonary_veins/dt     = (Ppa - Ppv) / Rp - Qm
    d left_ventricle/dt      = Qm - CO                        Qm, Qt: what mitral and tricuspid valve let through
    d right_ventricle/dt     = Qt - COr                       CO = SV / T and the others: organs/_beat.py
    veins = blood_volume + blood_given - blood_lost - all of these

    s_a = 18 mmHg atan((Pa - set point) / 18 mmHg),  s_c with 5 mmHg of transmural central venous pressure
    d sympathetic/dt = (s_a - sympathetic) / 7 s,  vagal alike with 0.76 s
    T = 60 / resting_heart_rate + gs sympathetic + gv vagal;  end-systolic compliances (1 + g sympathetic) / elastance
    d tone/dt = (-g s_a - gc s_c - tone) / 12 s,       R = systemic_resistance (1 + tone) / (1 + e)
    d reservoir/dt = (k s_a + kc s_c - reservoir) / 19 s,   the veins' unstressed volume changes by it

Each delay is the mean of the triangular response that Heldt gives, as one exponential. Exercise is oxygen consumption
above rest: it dilates arterioles and veins of muscle alike (e), pumps blood out of them and moves the set point
(central command). Hypoxaemia below 60 mmHg quickens the heart, carbon dioxide widens vessels of the brain; both are
felt with a delay, so that a lung may be coupled.

Systolic and diastolic pressure are those of a windkessel that takes the stroke evenly while the heart ejects. Central
venous pressure is behind the large veins' resistance. Elastances are linear, so that overfilling is not resisted.

Routes: transfusion and bleeding [mL].

Needs: blood_volume; oxygen_consumption, arterial_oxygen_pressure, arterial_carbon_dioxide_pressure if somebody knows.

Source: vessels, heart and reflexes of CVSim (Davis 1991, Heldt 2002 and 2004); the average over the beat is our own.
"""

import jax.numpy as jnp

from twinsim.models.organs._beat import stroke, systole
from twinsim.models.organs._reflexes import REFLEXES, exercise, heart_period, signals
from twinsim.models.organs._vessels import SHARED, ventricles, vessels
from twinsim.models.structure import Port, Range, Route, State, Structure

_LAB = "Van Leeuwen and Bladh 2015"
_BLOOD = "blood"
_VOLUMES = ("arteries", "pulmonary_arteries", "pulmonary_veins", "left_ventricle", "right_ventricle")


def start(p, u):
    """Near rest: pressures that the default parameters have there, in proportion to the set point."""
    return {
        "felt_oxygen": p.normal_oxygen_pressure,
        "felt_carbon_dioxide": p.normal_carbon_dioxide_pressure,
        "arteries": p.arterial_unstressed_volume + p.arterial_compliance * p.set_point,
        "pulmonary_arteries": p.pulmonary_arterial_unstressed_volume
        + p.pulmonary_arterial_compliance * p.set_point / 5,
        "pulmonary_veins": p.pulmonary_venous_unstressed_volume + p.pulmonary_venous_compliance * p.set_point / 7,
        "left_ventricle": p.lv_unstressed_volume + p.lv_diastolic_compliance * p.set_point / 10,
        "right_ventricle": p.rv_unstressed_volume + p.rv_diastolic_compliance * p.set_point / 25,
    }


def _now(x, p, u):
    """Pressures [mmHg], flows [mL/s] and what else a moment of the circulation has."""
    period = heart_period(x, p)
    peak = systole(p, period)
    tone, dilation = 1.0 + x.tone, 1.0 + p.exercise_dilation * exercise(p, u)
    arteries, veins, pulmonary_arteries, pulmonary_veins = vessels(p, tone, dilation)
    pa = (x.arteries - p.arterial_unstressed_volume) / arteries.compliance
    volume = 1000.0 * u.blood_volume + x.blood_given - x.blood_lost - sum(getattr(x, name) for name in _VOLUMES)
    shift = x.reservoir - p.muscle_pump * exercise(p, u)
    pv = (volume - p.venous_unstressed_volume - shift) / veins.compliance
    # above the pressure in the chest
    ppa = (x.pulmonary_arteries - p.pulmonary_arterial_unstressed_volume) / pulmonary_arteries.compliance
    ppv = (x.pulmonary_veins - p.pulmonary_venous_unstressed_volume) / pulmonary_veins.compliance
    left, right = ventricles(p, x.sympathetic)
    lv, rv = x.left_ventricle - p.lv_unstressed_volume, x.right_ventricle - p.rv_unstressed_volume
    chest = p.thoracic_pressure
    ls = stroke(left, lv, (pulmonary_veins, ppv), (arteries, pa - chest), period, peak)
    rs = stroke(right, rv, (veins, pv - chest), (pulmonary_arteries, ppa), period, peak)
    cvp = pv - veins.resistance * rs.taken / period
    return {
        "period": period, "peak": peak, "shift": shift, "tone": tone,
        "dilation": dilation, "arteries": arteries, "pa": pa,
        "pv": pv, "ppa": ppa + chest, "ppv": ppv + chest, "cvp": cvp, "volume": volume, "left": left, "right": right,
        "ls": ls, "rs": rs, "systemic": (pa - pv) / arteries.resistance,
        "pulmonary_arteries": pulmonary_arteries, "pulmonary": (ppa - ppv) / pulmonary_arteries.resistance,
    }  # fmt: skip


def rates(t, x, p, u):
    now = _now(x, p, u)
    ls, rs, period = now["ls"], now["rs"], now["period"]
    high, low = signals(now["pa"], now["cvp"] - p.thoracic_pressure, p, u)
    tone = -p.baroreflex_resistance_gain * high - p.cardiopulmonary_resistance_gain * low
    reservoir = p.baroreflex_venous_gain * high + p.cardiopulmonary_venous_gain * low
    return {
        "arteries": ls.out / period - now["systemic"],
        "pulmonary_arteries": rs.out / period - now["pulmonary"],
        "pulmonary_veins": now["pulmonary"] - ls.taken / period,
        "left_ventricle": (ls.taken - ls.out) / period,
        "right_ventricle": (rs.taken - rs.out) / period,
        "sympathetic": (high - x.sympathetic) / p.sympathetic_delay,
        "vagal": (high - x.vagal) / p.vagal_delay,
        "tone": (tone - x.tone) / p.resistance_delay,
        "reservoir": (reservoir - x.reservoir) / p.venous_delay,
        "blood_given": jnp.zeros_like(x.blood_given),
        "blood_lost": jnp.zeros_like(x.blood_lost),
        "felt_oxygen": (u.arterial_oxygen_pressure - x.felt_oxygen) / p.oxygen_delay,
        "felt_carbon_dioxide": (u.arterial_carbon_dioxide_pressure - x.felt_carbon_dioxide) / p.carbon_dioxide_delay,
    }


def outflows(t, x, p, u):
    now = _now(x, p, u)  # systemic veins hold the rest of the given blood volume
    return {_BLOOD: now["systemic"] - now["rs"].taken / now["period"]}


def _pulse(mean, base, rise, vessel, ejection, period):
    """Pressures at the end of ejection and just before it."""
    high = mean + rise
    return high, base + (high - base) * jnp.exp(-(period - ejection) / (vessel.compliance * vessel.resistance))


def outputs(t, x, p, u):
    now = _now(x, p, u)
    ls, rs, period, peak = now["ls"], now["rs"], now["period"], now["peak"]
    systolic, diastolic = _pulse(now["pa"], now["pv"], ls.rise, now["arteries"], now["left"].ejects * peak, period)
    pulmonary = _pulse(now["ppa"], now["ppv"], rs.rise, now["pulmonary_arteries"], now["right"].ejects * peak, period)
    flow = ls.out / period
    end_diastolic = x.left_ventricle + (1.0 - ls.share) * ls.out
    perfusion = now["pa"] - p.intracranial_pressure
    reach = jnp.clip(perfusion / p.cerebral_autoregulation_limit, 0.0, 1.0)
    dioxide = 1.0 + p.cerebral_reactivity * (x.felt_carbon_dioxide - p.normal_carbon_dioxide_pressure)
    return {
        "arterial_pressure": now["pa"],
        "systolic_pressure": systolic,
        "diastolic_pressure": diastolic,
        "pulse_pressure": systolic - diastolic,
        "heart_rate": 60.0 / period,
        "stroke_volume": ls.out,
        "cardiac_output": 0.06 * flow,
        "ejection_fraction": ls.out / end_diastolic,
        "lv_end_diastolic_volume": end_diastolic,
        "rv_end_diastolic_volume": x.right_ventricle + (1.0 - rs.share) * rs.out,
        "central_venous_pressure": now["cvp"],
        "pulmonary_arterial_pressure": now["ppa"],
        "pulmonary_systolic_pressure": pulmonary[0],
        "pulmonary_diastolic_pressure": pulmonary[1],
        "pulmonary_wedge_pressure": now["ppv"],
        "systemic_vascular_resistance": (now["pa"] - now["cvp"]) / flow,
        "pulmonary_vascular_resistance": (now["ppa"] - now["ppv"]) / flow,
        "cerebral_perfusion_pressure": perfusion,
        "cerebral_blood_flow": p.resting_cerebral_blood_flow * reach * jnp.maximum(dioxide, 0.0),
        "venous_volume": now["volume"] / 1000.0,
        "pulmonary_arterial_volume": x.pulmonary_arteries,
        "sympathetic_signal": x.sympathetic,
        "vasomotor_tone": now["tone"],
        "venous_shift": now["shift"],
        "muscle_dilation": now["dilation"],
    }


def _pressure(name, meaning, normal=None):
    return Port(name, "mmHg", "pressure", meaning, normal=normal)


structure = Structure(
    name="organs/circulation",
    parameters=(*SHARED, *REFLEXES),
    states=(
        *(State(name, "mL", f"blood in the {name.replace('_', ' ')}, mean of a beat", _BLOOD) for name in _VOLUMES),
        State("sympathetic", "mmHg", "what sympathetic nerves of the heart report of arterial pressure"),
        State("vagal", "mmHg", "what the vagus reports of arterial pressure"),
        State("tone", "1", "systemic resistance that nerves add, relative"),
        State("reservoir", "mL", "unstressed volume that nerves give to systemic veins"),
        State("blood_given", "mL", "blood and what stays in it, given since the beginning"),
        State("blood_lost", "mL", "blood lost since the beginning"),
        State("felt_oxygen", "mmHg", "arterial oxygen pressure as heart and brain feel it"),
        State("felt_carbon_dioxide", "mmHg", "arterial carbon dioxide pressure as the brain feels it"),
    ),
    routes=(Route("transfusion", to="blood_given"), Route("bleeding", to="blood_lost")),
    needs=(
        Port(
            "blood_volume",
            "L",
            "amount",
            "blood volume, before what is given and lost",
            default=5.15,
            valid=Range(3.1, 5.7, "docs/organs.md: haemorrhage to 40 %"),
        ),
        Port(
            "oxygen_consumption",
            "mL/min",
            "flow",
            "oxygen that the body consumes, STPD",
            default=250.0,
            valid=Range(200.0, 2000.0, "docs/organs.md: exercise"),
        ),
        Port("arterial_oxygen_pressure", "mmHg", "pressure", "oxygen pressure in arterial blood", default=95.0),
        Port(
            "arterial_carbon_dioxide_pressure",
            "mmHg",
            "pressure",
            "carbon dioxide pressure in arterial blood",
            default=40.0,
        ),
    ),
    gives=(
        _pressure("arterial_pressure", "mean arterial pressure", Range(70.0, 105.0, _LAB)),
        _pressure("systolic_pressure", "systolic arterial pressure", Range(100.0, 140.0, _LAB)),
        _pressure("diastolic_pressure", "diastolic arterial pressure", Range(60.0, 90.0, _LAB)),
        _pressure("pulse_pressure", "systolic less diastolic arterial pressure"),
        Port("heart_rate", "1/min", "effect", "heart rate", normal=Range(60.0, 100.0, "Guyton")),
        Port(
            "stroke_volume",
            "mL",
            "amount",
            "stroke volume of the left ventricle",
            normal=Range(55.3, 93.1, "Brandfonbrener et al. 1955"),
        ),
        Port("cardiac_output", "L/min", "flow", "cardiac output", normal=Range(4.0, 8.0, "Edwards 2009")),
        Port(
            "ejection_fraction",
            "1",
            "fraction",
            "ejection fraction of the left ventricle",
            normal=Range(0.5, 0.7, "Edwards 2009"),
        ),
        Port(
            "lv_end_diastolic_volume",
            "mL",
            "amount",
            "end-diastolic volume, left ventricle",
            normal=Range(100.0, 160.0, "Edwards 2009"),
        ),
        Port(
            "rv_end_diastolic_volume",
            "mL",
            "amount",
            "end-diastolic volume, right ventricle",
            normal=Range(100.0, 160.0, "Edwards 2009"),
        ),
        _pressure("central_venous_pressure", "central venous pressure", Range(2.0, 6.0, _LAB)),
        _pressure("pulmonary_arterial_pressure", "mean pulmonary arterial pressure", Range(9.0, 18.0, "Edwards 2009")),
        _pressure("pulmonary_systolic_pressure", "systolic pulmonary arterial pressure", Range(15.0, 30.0, _LAB)),
        _pressure("pulmonary_diastolic_pressure", "diastolic pulmonary arterial pressure", Range(4.0, 12.0, _LAB)),
        _pressure("pulmonary_wedge_pressure", "pulmonary wedge pressure", Range(4.0, 12.0, _LAB)),
        Port("systemic_vascular_resistance", "mmHg s/mL", "effect", "systemic vascular resistance"),
        Port("pulmonary_vascular_resistance", "mmHg s/mL", "effect", "pulmonary vascular resistance"),
        _pressure("cerebral_perfusion_pressure", "cerebral perfusion pressure", Range(60.0, 98.0, "BioGears")),
        Port("cerebral_blood_flow", "mL/min", "flow", "blood through the brain", normal=Range(725.0, 942.5, "Guyton")),
        Port("venous_volume", "L", "amount", "blood in systemic veins"),
        Port("pulmonary_arterial_volume", "mL", "amount", "blood in pulmonary arteries"),
        _pressure("sympathetic_signal", "what changes contractility, for organs/circulation_pulsatile"),
        Port("vasomotor_tone", "1", "effect", "systemic resistance over the parameter, likewise"),
        Port("venous_shift", "mL", "amount", "unstressed volume of veins over the parameter, likewise"),
        Port("muscle_dilation", "1", "effect", "what exercise divides systemic and venous resistance by, likewise"),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    start=start,
    time="s",
    source="Davis 1991; Heldt 2002, 2004 (CVSim)",
)
