"""Both kidneys: autoregulated flow and filtration, the tubule, renin, angiotensin and aldosterone, creatinine.

    d follower/dt   = rate (target - follower)     tgf, myogenic, bowman_pressure, oncotic_pressure, macula_densa_flow
    d creatinine/dt = production - gfr (1 + secretion) creatinine / total_body_water
    blood flow and filtration in _renal_vessels, the tubule in _renal_tubule, hormones in _raas

Needs: arterial_pressure, plasma_sodium, vasopressin; by default those of the published model at rest, where sodium and
water that leave are those eaten, 100 mmol/d and 2.1 L/d. organs/body_fluids gives the last two from what leaves here.

Drugs: ace_inhibition, at1_blockade (0: none), dri_renin, thiazide_distal, thiazide_renin, loop_diuretic,
mra_aldosterone, ccb_preafferent, ccb_afferent, ccb_efferent (1: none). Nephrons lost: nephron_fraction.

Source: Hallow and Gebremichael 2017, CPT Pharmacometrics Syst Pharmacol 6:383-392, after the code of the authors
(hallowkm/RenalModel). Of its 22 states 11 are here, 5 in organs/body_fluids, 2 in organs/systemic_hallow. Left out are
aldosterone's follower of 1000/min, taken at its target, and three on which nothing depends at the published parameters:
thirst's delay, the reset of tubuloglomerular feedback, and the afferent myogenic signal (range 0). The copy in SBML
(Synthea's Hallow2017_Renal_Function.xml) cannot be run as it stands: bound angiotensin II has a rate and an assignment
rule, the autoregulation of resistance lacks its 1, the rates of angiotensin are not set; its pressure natriuresis has
range 1 where the authors' code has 3, which is used here.
Differs: creatinine is spread over total body water and also secreted; see the parts for what they change.
"""

from twinsim.models.organs import _raas, _renal_nominal, _renal_tubule, _renal_vessels
from twinsim.models.organs._renal_source import HUMAN, PAPER, curve
from twinsim.models.ranges import Range
from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure

_NUMERICAL = f"{HUMAN}; a follower's rate, fast beside all else"
_BIOGEARS = "BioGears' validation tables, after Valtin 1995 and ICRP 89"


def _kidney(x, p, u):
    """Operating point, vessels and tubule at a state."""
    at, at1 = _renal_nominal.nominal(p), curve((x.at1_bound - p.at1_nominal) / p.at1_slope)
    flow = _renal_vessels.vessels(u.arterial_pressure, x, p, at, at1)
    aldosterone, vasopressin = _raas.aldosterone(x, p), u.vasopressin / p.vasopressin_setpoint
    return at, flow, _renal_tubule.tubule(flow, u.plasma_sodium, aldosterone, vasopressin, p, at, at1)


def _cleared(x, p, flow):
    """Creatinine that leaves [mg/min]."""
    return flow.gfr * (1.0 + p.creatinine_secretion) * x.creatinine / p.total_body_water


def start(p, u):
    at = _renal_nominal.nominal(p)
    cleared = at.gfr * (1.0 + p.creatinine_secretion) / p.total_body_water
    return {
        **_raas.start(p),
        "tgf": 1.0,
        "myogenic": 1.0,
        "bowman_pressure": at.bowman_pressure,
        "oncotic_pressure": p.oncotic_setpoint,
        "macula_densa_flow": at.loop_outflow,
        "creatinine": p.creatinine_production / 1440.0 / cleared,  # 1440 min/d
    }


def rates(t, x, p, u):
    at, flow, tubule = _kidney(x, p, u)
    return {
        **_raas.rates(x, p, at.loop_outflow),
        "tgf": p.tgf_rate * (_renal_vessels.feedback(tubule.macula_densa_sodium, p) - x.tgf),
        "myogenic": p.myogenic_rate * (flow.myogenic - x.myogenic),
        "bowman_pressure": p.pressure_rate * (tubule.bowman_pressure - x.bowman_pressure),
        "oncotic_pressure": p.pressure_rate * (flow.oncotic - x.oncotic_pressure),
        # renin sees what each nephron carries, as if none were lost
        "macula_densa_flow": p.macula_densa_rate
        * (tubule.macula_densa_flow / p.nephron_fraction - x.macula_densa_flow),
        "creatinine": p.creatinine_production / 1440.0 - _cleared(x, p, flow),
    }


def outputs(t, x, p, u):
    _, flow, tubule = _kidney(x, p, u)
    return {
        "gfr": 1000.0 * flow.gfr,  # 1000 mL/L
        "renal_blood_flow": 1000.0 * flow.rbf,
        "urine_flow": 1000.0 * tubule.urine,
        "sodium_excretion": tubule.sodium,
        "renin": x.renin,
        "angiotensin_ii": x.angiotensin_ii,
        "aldosterone": p.aldosterone_nominal * _raas.aldosterone(x, p),
        "afferent_pressure": flow.afferent_pressure,
        "glomerular_pressure": flow.glomerular_pressure,
        "postglomerular_pressure": flow.postglomerular_pressure,
        "bowman_pressure": x.bowman_pressure,
        "oncotic_pressure": x.oncotic_pressure,
        "creatinine": 0.1 * x.creatinine / p.total_body_water,  # 0.1 L/dL
    }


def outflows(t, x, p, u):
    return {"creatinine": _cleared(x, p, _kidney(x, p, u)[1]) - p.creatinine_production / 1440.0}


structure = Structure(
    name="organs/kidney",
    time="min",
    parameters=(
        *_renal_nominal.PARAMETERS,
        *_renal_vessels.PARAMETERS,
        *_renal_tubule.PARAMETERS,
        *_raas.PARAMETERS,
        Parameter("vasopressin_setpoint", "ng/L", 4.0, "vasopressin at which adh_permeability holds", HUMAN, POSITIVE),
        Parameter("tgf_rate", "1/min", 1.0, "rate of the tubuloglomerular feedback", HUMAN),
        Parameter("myogenic_rate", "1/min", 500.0, "rate of the myogenic response", _NUMERICAL),
        Parameter("pressure_rate", "1/min", 1000.0, "rate at which Bowman's and oncotic pressure settle", _NUMERICAL),
        Parameter("macula_densa_rate", "1/min", 0.001, "rate at which renin comes to see the macula densa", HUMAN),
        Parameter(
            "creatinine_production", "mg/day", 1400.0, "creatinine made in muscle",
            "Cockcroft and Gault 1976: (28 - 0.2 age) mg/kg/d at 40 y and 70 kg, from memory", POSITIVE,
        ),
        Parameter("creatinine_secretion", "1", 0.1, "secreted creatinine over filtered", "assumed: 10-20 % in health"),
        Parameter("total_body_water", "L", 42.0, "volume creatinine is in", "assumed: 60 % of 70 kg", POSITIVE),
    ),
    states=(
        *_raas.STATES,
        State("tgf", "1", "tubuloglomerular feedback"),
        State("myogenic", "1", "myogenic signal of preafferent vessels"),
        State("bowman_pressure", "mmHg", "pressure in Bowman's space"),
        State("oncotic_pressure", "mmHg", "oncotic pressure in the glomerulus"),
        State("macula_densa_flow", "mmol/min", "sodium flow at the macula densa that renin sees"),
        State("creatinine", "mg", "creatinine in the body", quantity="creatinine"),
    ),
    needs=(
        Port(
            "arterial_pressure", "mmHg", "pressure", "mean arterial pressure", default=93.10507,
            valid=Range(70.0, 120.0, "GFR beside Pulse's curve of autoregulation"),
        ),
        Port("plasma_sodium", "mmol/L", "concentration", "sodium in plasma", default=140.0),
        Port("vasopressin", "ng/L", "concentration", "plasma vasopressin", default=4.0),
    ),
    gives=(
        Port(
            "gfr", "mL/min", "flow", "glomerular filtration rate",
            normal=Range(90.0, 130.0, "KDIGO 2012: 90 and more mL/min/1.73m2; upper end from memory"),
        ),
        Port(
            "renal_blood_flow", "mL/min", "flow", "blood through both kidneys",
            normal=Range(1064.0, 1200.0, _BIOGEARS),
        ),
        Port("urine_flow", "mL/min", "flow", "urine flow"),
        Port("sodium_excretion", "mmol/min", "flow", "sodium excreted in urine"),
        Port("renin", "ng/L", "concentration", "plasma renin"),
        Port("angiotensin_ii", "pmol/L", "concentration", "plasma angiotensin II"),
        Port("aldosterone", "ng/L", "concentration", "plasma aldosterone"),
        Port("afferent_pressure", "mmHg", "pressure", "pressure where afferent arterioles begin"),
        Port("glomerular_pressure", "mmHg", "pressure", "hydrostatic pressure in glomerular capillaries"),
        Port("postglomerular_pressure", "mmHg", "pressure", "pressure where peritubular capillaries begin"),
        Port("bowman_pressure", "mmHg", "pressure", "pressure in Bowman's space"),
        Port("oncotic_pressure", "mmHg", "pressure", "colloid osmotic pressure in glomerular capillaries"),
        Port(
            "creatinine", "mg/dL", "concentration", "creatinine in plasma",
            normal=Range(0.6, 1.3, "usual laboratory range of adults, from memory"),
        ),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source=PAPER,
)  # fmt: skip
