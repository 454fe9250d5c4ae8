"""Red cells in the plasma that body fluids leave: organs/red_cells, with the blood volume that both make.

    red_cell_volume = haemoglobin of blood/mchc,    blood_volume = plasma_volume + red_cell_volume
    blood_volume_share = blood_volume/volume0, in which hearts and vessels of any size were held against people

Needs: plasma_volume, bleeding. Route: iv, erythropoietin into plasma. Everything else is that of organs/red_cells;
volume0 is the blood volume at rest.

Source: organs/red_cells, with its own.
"""

from dataclasses import replace

from twinsim.models.organs import red_cells
from twinsim.models.ranges import Range
from twinsim.models.structure import Port
from twinsim.models.values import Values

_BLED = Range(0.6, 1.11, "organs/circulation, 3.1 to 5.7 of 5.15 L: haemorrhage to 40 %")


def _cells(x, p):
    """Volume of red cells [L]."""
    return red_cells.carried(x) / (10.0 * p.mchc)  # 10 dL/L


def _blood(x, p, u):
    return Values({"blood_volume": u.plasma_volume + _cells(x, p), "bleeding": u.bleeding}, "needs of organs/red_cells")


def rates(t, x, p, u):
    return red_cells.rates(t, x, p, _blood(x, p, u))


def outputs(t, x, p, u):
    blood = _blood(x, p, u)
    return {
        **red_cells.outputs(t, x, p, blood),
        "red_cell_volume": _cells(x, p),
        "blood_volume": blood.blood_volume,
        "blood_volume_share": blood.blood_volume / p.volume0,
    }


def outflows(t, x, p, u):
    return red_cells.outflows(t, x, p, _blood(x, p, u))


structure = replace(
    red_cells.structure,
    name="organs/blood_cells",
    needs=(
        Port("plasma_volume", "L", "amount", "plasma", default=2.748),
        Port("bleeding", "L/h", "flow", "blood that is lost", default=0.0),
    ),
    gives=(
        *red_cells.structure.gives,
        Port("red_cell_volume", "L", "amount", "red cells in blood"),
        Port("blood_volume", "L", "amount", "plasma and red cells"),
        Port("blood_volume_share", "1", "fraction", "blood volume over that at rest", valid=_BLED),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
)
