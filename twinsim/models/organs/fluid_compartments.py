"""Water, sodium, potassium and protein of plasma, interstitium and cells, and vasopressin, which watches over sodium.

    d plasma/dt       = water_intake - insensible_loss - urine_flow - bled (1 - haematocrit) - filtered + lymph
    d interstitium/dt = filtered - lymph - into cells,         d cells/dt = into cells
    filtered   = filtration_coefficient ((pc - pi) - reflection (colloid(plasma) - colloid(interstitium)))
    pc         = cvp + capillary_share (arterial_pressure - cvp)
    pi         = interstitial_pressure_rest + (interstitium - its rest)/interstitial_compliance, and beyond 0 mmHg
                 oedema_compliance in its place
    lymph      = lymph_rest clip(1 + lymph_gain (pi - its rest), 0, lymph_most)
    colloid    = colloid_1 c + colloid_2 c^2 + colloid_3 c^3,  c protein [g/L]
    into cells = cell_permeability (solute of cells/cells - osmolality outside)
    d plasma_protein/dt       = made - lost - (1 - reflection) filtered c - PS (c - ci) + lymph ci - bled
    d interstitial_protein/dt = the same between the two
    d sodium/dt    = sodium_intake - sodium_excretion - bled,  one pool of plasma and interstitium
    d potassium/dt = potassium_intake - excretion - bled - exchange (k - k_rest cell_potassium/its rest)
    excretion      = k_intake_rest (k/k_rest)^potassium_steepness (aldosterone/aldosterone_rest)^aldosterone_steepness,
                     of healthy kidneys, falling below 30 mL/min with gfr
    d adh_memory/dt = adh_integration (plasma_sodium - sodium_setpoint)
    vasopressin     = adh_nominal max(1 + adh_gain (adh_proportional error + adh_integral (adh_memory - setpoint)), 0)

The memory begins at the setpoint and not at 0: where sodium stays what it was, a sum about 0 would be rounding alone,
of which no solver gets a digit right.

Osmolality outside counts what stays outside cells: twice the sodium, and glucose. capillary_share and the permeability
to protein (PS) follow from rest: there filtration is lymph, and protein that leaves plasma comes back.

Needs: arterial_pressure, central_venous_pressure, urine_flow, sodium_excretion, aldosterone, glucose, haematocrit,
bleeding; intakes. Routes: water, salt [mmol of sodium], potassium_chloride [mmol], protein [g], each into plasma: 1 L
of saline is 1 L of water and 154 mmol of sodium.

Source: capillaries, interstitium and lymph Guyton and Hall, Textbook of medical physiology, chapter 16 (17.3, -3, 28
and 8 mmHg, 2 mL/min, 6.67 mL/min/mmHg), and Guyton 1965 (interstitial compliance), from memory; colloid pressure Landis
and Pappenheimer 1963; volumes ICRP 89 as in BioGears (Guyton has 11 and 28 L, ICRP 8.8 and 25.3); vasopressin Hallow
and Gebremichael 2017, as in organs/body_fluids. Put together here; what nobody published says assumed.
"""

import jax.numpy as jnp

from twinsim.models.organs._fluid_parameters import PARAMETERS
from twinsim.models.ranges import Range
from twinsim.models.structure import Port, Route, State, Structure

_LAB = "usual laboratory range, from memory"
_VALTIN = "Valtin 1995, as in BioGears"


def colloid(c, p):
    """Colloid osmotic pressure [mmHg] of protein [g/L]."""
    return p.colloid_1 * c + p.colloid_2 * c**2 + p.colloid_3 * c**3


def _resting(p):
    """Share of arterial pressure that capillaries have, and permeability to protein [L/min]: what rest implies."""
    pull = colloid(p.plasma_protein_rest, p) - colloid(p.interstitial_protein_rest, p)
    capillary = p.lymph_rest / p.filtration_coefficient + p.interstitial_pressure_rest + p.reflection * pull
    share = (capillary - p.cvp_rest) / (p.map_rest - p.cvp_rest)
    sieved = (1.0 - p.reflection) * p.plasma_protein_rest
    permeability = p.lymph_rest * (p.interstitial_protein_rest - sieved)
    return share, permeability / (p.plasma_protein_rest - p.interstitial_protein_rest)


def start(p, u):
    outside = p.plasma_volume_rest + p.interstitial_volume_rest
    return {
        "plasma_volume": p.plasma_volume_rest,
        "interstitial_volume": p.interstitial_volume_rest,
        "intracellular_volume": p.intracellular_volume_rest,
        "plasma_protein": p.plasma_protein_rest * p.plasma_volume_rest,
        "interstitial_protein": p.interstitial_protein_rest * p.interstitial_volume_rest,
        "sodium": p.sodium_setpoint * outside,
        "potassium": p.potassium_rest * outside,
        "cell_potassium": p.cell_potassium_rest * p.intracellular_volume_rest,
        "adh_memory": p.sodium_setpoint,
    }


def _now(x, p):
    """Concentrations and what follows from them."""
    outside = x.plasma_volume + x.interstitial_volume
    return x.sodium / outside, x.potassium / outside


def _pressure(x, p):
    """Of the interstitium [mmHg]: stiff until it has been filled up to that of the air, then loose."""
    volume = x.interstitial_volume - p.interstitial_volume_rest
    room = -p.interstitial_pressure_rest * p.interstitial_compliance
    stiff = p.interstitial_pressure_rest + jnp.minimum(volume, room) / p.interstitial_compliance
    return stiff + jnp.maximum(volume - room, 0.0) / p.oedema_compliance


def _exchange(x, p, u):
    """Through capillaries, by lymph and into cells [L/min]; protein that goes out [g/min]."""
    share, permeability = _resting(p)
    plasma, tissue = x.plasma_protein / x.plasma_volume, x.interstitial_protein / x.interstitial_volume
    capillary = u.central_venous_pressure + share * (u.arterial_pressure - u.central_venous_pressure)
    pressure = _pressure(x, p)
    pull = p.reflection * (colloid(plasma, p) - colloid(tissue, p))
    filtered = p.filtration_coefficient * (capillary - pressure - pull)
    lymph = p.lymph_rest * jnp.clip(1.0 + p.lymph_gain * (pressure - p.interstitial_pressure_rest), 0.0, p.lymph_most)
    carried = jnp.where(filtered > 0.0, plasma, tissue)
    protein = (1.0 - p.reflection) * filtered * carried + permeability * (plasma - tissue) - lymph * tissue
    sodium, _ = _now(x, p)
    inside = (2.0 * p.sodium_setpoint + p.glucose_rest / p.glucose_molarity) * p.intracellular_volume_rest
    into_cells = p.cell_permeability * (inside / x.intracellular_volume - 2.0 * sodium - u.glucose / p.glucose_molarity)
    return filtered, lymph, into_cells, protein


def _potassium_excretion(x, p, u):
    """[mmol/min]"""
    _, potassium = _now(x, p)
    level = jnp.maximum(potassium / p.potassium_rest, 0.0)
    aldosterone = jnp.maximum(u.aldosterone / p.aldosterone_rest, 0.0)
    able = jnp.minimum(u.gfr / p.gfr_for_potassium, 1.0)
    return p.potassium_intake_rest * able * level**p.potassium_steepness * aldosterone**p.aldosterone_steepness


def _bled(x, u):
    """Plasma that is lost [L/min]."""
    return u.bleeding * (1.0 - u.haematocrit)


def rates(t, x, p, u):
    filtered, lymph, into_cells, protein = _exchange(x, p, u)
    sodium, potassium = _now(x, p)
    bled = _bled(x, u)
    cells = p.potassium_exchange * (
        potassium - p.potassium_rest * x.cell_potassium / (p.cell_potassium_rest * p.intracellular_volume_rest)
    )
    made = p.protein_turnover * (p.plasma_protein_rest * p.plasma_volume_rest - x.plasma_protein)
    return {
        "plasma_volume": (u.water_intake - u.insensible_loss - u.urine_flow) / 1000.0 - bled - filtered + lymph,
        "interstitial_volume": filtered - lymph - into_cells,
        "intracellular_volume": into_cells,
        "plasma_protein": made - protein - bled * x.plasma_protein / x.plasma_volume,
        "interstitial_protein": protein,
        "sodium": u.sodium_intake - u.sodium_excretion - bled * sodium,
        "potassium": u.potassium_intake - _potassium_excretion(x, p, u) - bled * potassium - cells,
        "cell_potassium": cells,
        "adh_memory": p.adh_integration * (sodium - p.sodium_setpoint),
    }


def outputs(t, x, p, u):
    sodium, potassium = _now(x, p)
    error = p.adh_proportional * (sodium - p.sodium_setpoint) + p.adh_integral * (x.adh_memory - p.sodium_setpoint)
    protein = 0.1 * x.plasma_protein / x.plasma_volume  # 0.1 L/dL
    return {
        "plasma_volume": x.plasma_volume,
        "interstitial_volume": x.interstitial_volume,
        "intracellular_volume": x.intracellular_volume,
        "extracellular_volume": x.plasma_volume + x.interstitial_volume,
        "total_body_water": x.plasma_volume + x.interstitial_volume + x.intracellular_volume,
        "plasma_sodium": sodium,
        "plasma_potassium": potassium,
        "cell_potassium_concentration": x.cell_potassium / x.intracellular_volume,
        "total_protein": protein,
        "albumin": p.albumin_share * protein,
        "colloid_osmotic_pressure": colloid(x.plasma_protein / x.plasma_volume, p),
        "interstitial_pressure": _pressure(x, p),
        "vasopressin": p.adh_nominal * jnp.maximum(1.0 + p.adh_gain * error, 0.0),
    }


def outflows(t, x, p, u):
    sodium, potassium = _now(x, p)
    bled = _bled(x, u)
    made = p.protein_turnover * (p.plasma_protein_rest * p.plasma_volume_rest - x.plasma_protein)
    return {
        "water": u.urine_flow / 1000.0 + u.insensible_loss / 1000.0 + bled,
        "sodium": u.sodium_excretion + bled * sodium,
        "potassium": _potassium_excretion(x, p, u) + bled * potassium,
        "protein": bled * x.plasma_protein / x.plasma_volume - made,
    }


structure = Structure(
    name="organs/fluid_compartments",
    time="min",
    parameters=PARAMETERS,
    states=(
        State("plasma_volume", "L", "plasma", quantity="water"),
        State("interstitial_volume", "L", "fluid between cells", quantity="water"),
        State("intracellular_volume", "L", "fluid of cells", quantity="water"),
        State("plasma_protein", "g", "protein in plasma", quantity="protein"),
        State("interstitial_protein", "g", "protein between cells", quantity="protein"),
        State("sodium", "mmol", "sodium outside cells", quantity="sodium"),
        State("potassium", "mmol", "potassium outside cells", quantity="potassium"),
        State("cell_potassium", "mmol", "potassium in cells", quantity="potassium"),
        State("adh_memory", "mmol/L", "setpoint and the summed error of plasma sodium"),
    ),
    routes=(
        Route("water", to="plasma_volume"),
        Route("salt", to="sodium"),
        Route("potassium_chloride", to="potassium"),
        Route("protein", to="plasma_protein"),
    ),
    needs=(
        Port("arterial_pressure", "mmHg", "pressure", "mean, systemic", default=93.10507),
        Port("central_venous_pressure", "mmHg", "pressure", "before the right heart", default=4.0),
        Port("water_intake", "mL/min", "flow", "drunk, eaten and made, 2.1 L/d", 2100.0 / 1440.0, quantity="water"),
        Port("insensible_loss", "mL/min", "flow", "by skin, breath and gut", 0.0),
        Port("sodium_intake", "mmol/min", "flow", "sodium eaten, 100 mmol/d", 100.0 / 1440.0, quantity="sodium"),
        Port("potassium_intake", "mmol/min", "flow", "eaten, 70 mmol/d", 70.0 / 1440.0, quantity="potassium"),
        Port("urine_flow", "mL/min", "flow", "urine", 2100.0 / 1440.0),
        Port("sodium_excretion", "mmol/min", "flow", "sodium in urine", 100.0 / 1440.0),
        Port("aldosterone", "ng/L", "concentration", "plasma aldosterone", default=85.0),
        Port("gfr", "mL/min", "flow", "glomerular filtration", default=100.0),
        Port("glucose", "mg/dL", "concentration", "in plasma", default=90.0),
        Port("haematocrit", "1", "fraction", "of blood", default=0.45),
        Port("bleeding", "L/min", "flow", "blood that is lost", default=0.0),
    ),
    gives=(
        Port("plasma_volume", "L", "amount", "plasma volume", normal=Range(2.5, 3.5, "Guyton: 3, from memory")),
        Port("interstitial_volume", "L", "amount", "fluid between cells"),
        Port("intracellular_volume", "L", "amount", "fluid of cells"),
        Port("extracellular_volume", "L", "amount", "plasma and interstitium"),
        Port("total_body_water", "L", "amount", "total body water"),
        Port("plasma_sodium", "mmol/L", "concentration", "sodium in plasma", normal=Range(135.0, 145.0, _LAB)),
        Port("plasma_potassium", "mmol/L", "concentration", "potassium in plasma", normal=Range(3.5, 5.0, _LAB)),
        Port("cell_potassium_concentration", "mmol/L", "concentration", "potassium in cells"),
        Port("total_protein", "g/dL", "concentration", "protein in plasma", normal=Range(6.0, 8.0, _VALTIN)),
        Port("albumin", "g/dL", "concentration", "albumin in plasma", normal=Range(3.5, 5.0, _LAB)),
        Port("colloid_osmotic_pressure", "mmHg", "pressure", "colloid osmotic pressure of plasma",
             normal=Range(22.0, 30.0, "Guyton")),
        Port("interstitial_pressure", "mmHg", "pressure", "pressure of the fluid between cells"),
        Port("vasopressin", "ng/L", "concentration", "plasma vasopressin"),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source="Guyton and Hall, chapter 16; Landis and Pappenheimer 1963; Hallow and Gebremichael 2017; put together here",
)  # fmt: skip
