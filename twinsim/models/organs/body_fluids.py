"""Water and sodium of blood and tissue, and vasopressin, which watches over sodium.

    d blood_volume/dt  = water_intake - urine_flow + q_water (blood - tissue),      blood = blood_sodium / blood_volume
    d tissue_volume/dt = q_water (tissue - blood),                                  tissue likewise
    d blood_sodium/dt  = sodium_intake - sodium_excretion + q_sodium (tissue - blood)
    d tissue_sodium/dt = q_sodium (blood - tissue)
    d sodium_error/dt  = adh_integration (blood - sodium_setpoint)
    vasopressin        = adh_nominal (1 + adh_gain (adh_proportional (blood - setpoint) + adh_integral sodium_error))

Needs: water_intake, sodium_intake, urine_flow, sodium_excretion. Blood lost and fluids given are doses into
blood_volume and blood_sodium. Without a kidney that answers, what is eaten beyond what is excreted stays for ever.

Source: Hallow and Gebremichael 2017, CPT Pharmacometrics Syst Pharmacol 6:383-392, after the code of the authors
(hallowkm/RenalModel, modelfile.R). As there, sodium's concentration is that of whole blood; extracellular fluid is what
blood exchanges with and does not contain it.
"""

from twinsim.models.organs._renal_source import HUMAN, PAPER
from twinsim.models.ranges import Range
from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure


def _sodium(x):
    return x.blood_sodium / x.blood_volume, x.tissue_sodium / x.tissue_volume


def start(p, u):
    return {
        "blood_volume": p.blood_volume_start,
        "tissue_volume": p.tissue_volume_start,
        "blood_sodium": p.blood_volume_start * p.sodium_setpoint,
        "tissue_sodium": p.tissue_volume_start * p.sodium_setpoint,
    }


def rates(t, x, p, u):
    blood, tissue = _sodium(x)
    water, salt = p.q_water * (blood - tissue), p.q_sodium * (tissue - blood)
    return {
        "blood_volume": (u.water_intake - u.urine_flow) / 1000.0 + water,  # 1000 mL/L
        "tissue_volume": -water,
        "blood_sodium": u.sodium_intake - u.sodium_excretion + salt,
        "tissue_sodium": -salt,
        "sodium_error": p.adh_integration * (blood - p.sodium_setpoint),
    }


def outputs(t, x, p, u):
    blood, _ = _sodium(x)
    error = p.adh_proportional * (blood - p.sodium_setpoint) + p.adh_integral * x.sodium_error
    return {
        "blood_volume": x.blood_volume,
        "plasma_volume": x.blood_volume - p.red_cell_volume,
        "extracellular_volume": x.tissue_volume,
        "plasma_sodium": blood,
        "vasopressin": p.adh_nominal * (1.0 + p.adh_gain * error),
    }


def outflows(t, x, p, u):
    return {"water": u.urine_flow / 1000.0, "sodium": u.sodium_excretion}


structure = Structure(
    name="organs/body_fluids",
    time="min",
    parameters=(
        Parameter("sodium_setpoint", "mmol/L", 140.0, "sodium that vasopressin keeps", HUMAN, POSITIVE),
        Parameter("q_water", "L2/(min mmol)", 1.0, "water that follows sodium between blood and tissue", HUMAN),
        Parameter("q_sodium", "L/min", 1.0, "exchange of sodium between blood and tissue", HUMAN),
        Parameter("adh_nominal", "ng/L", 4.0, "plasma vasopressin; its unit is assumed", HUMAN),
        Parameter("adh_gain", "1", 2.0, "gain of vasopressin's control", HUMAN),
        Parameter("adh_proportional", "L/mmol", 0.05, "its proportional part", HUMAN),
        Parameter("adh_integral", "L/mmol", 2e-5, "its integral part", HUMAN),
        Parameter("adh_integration", "1/min", 1.0 / 6.0, "rate at which the error of sodium adds up", HUMAN),
        Parameter("blood_volume_start", "L", 5.0, "blood volume at the beginning", HUMAN, POSITIVE),
        Parameter("tissue_volume_start", "L", 15.0, "extracellular fluid at the beginning", HUMAN, POSITIVE),
        Parameter("red_cell_volume", "L", 2.25, "volume of red cells, 45 % of blood", "assumed: haematocrit of 0.45"),
    ),
    states=(
        State("blood_volume", "L", "blood", quantity="water"),
        State("tissue_volume", "L", "extracellular fluid that blood exchanges with", quantity="water"),
        State("blood_sodium", "mmol", "sodium in blood", quantity="sodium"),
        State("tissue_sodium", "mmol", "sodium in extracellular fluid", quantity="sodium"),
        State("sodium_error", "mmol/L", "summed error of plasma sodium"),
    ),
    needs=(
        Port("water_intake", "mL/min", "flow", "water drunk or infused, 2.1 L/d", 2100.0 / 1440.0, quantity="water"),
        Port("sodium_intake", "mmol/min", "flow", "sodium eaten, 100 mmol/d", 100.0 / 1440.0, quantity="sodium"),
        Port("urine_flow", "mL/min", "flow", "urine", 2100.0 / 1440.0),
        Port("sodium_excretion", "mmol/min", "flow", "sodium in urine", 100.0 / 1440.0),
    ),
    gives=(
        Port("blood_volume", "L", "amount", "blood volume"),
        Port("plasma_volume", "L", "amount", "plasma volume"),
        Port("extracellular_volume", "L", "amount", "extracellular fluid outside the vessels"),
        Port(
            "plasma_sodium", "mmol/L", "concentration", "sodium in plasma",
            normal=Range(135.0, 145.0, "usual laboratory range, from memory"),
        ),
        Port("vasopressin", "ng/L", "concentration", "plasma vasopressin"),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source=PAPER,
)  # fmt: skip
