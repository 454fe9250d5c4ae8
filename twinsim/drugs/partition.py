"""Tissue partition coefficients from a molecule's properties and the composition of tissues.

    kpu = concentration in tissue / unbound concentration in plasma  [1]
    kp = concentration in tissue / concentration in plasma = kpu fu  [1]

Everything is element-wise on numbers or (patient,), so that haematocrit and binding may be each patient's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from twinsim.drugs.composition import Composition, Part, composition
from twinsim.drugs.ionisation import anions, cations
from twinsim.errors import UsageError

# Rodgers, Leahy and Rowland 2005: from here on bases go to acidic phospholipids
STRONG_BASE = 7.0


def log_oil_water(log_p: Any) -> Any:
    """log_vow = 1.115 log_p - 1.35

    Source: Leo, Hansch and Elkins 1971, Chem Rev 71:525, as used by Poulin and Theil 2002, J Pharm Sci 91:129.
    """
    return 1.115 * log_p - 1.35


def red_cell_affinity(blood_to_plasma: Any, fu: Any, haematocrit: Any) -> Any:
    """kpu of red cells = (blood_to_plasma - 1 + haematocrit) / (haematocrit fu)

    Args:
        blood_to_plasma: ratio of concentrations [1].
        fu: unbound fraction in plasma [1].
        haematocrit: of that blood, a fraction [1].
    """
    return (blood_to_plasma - 1.0 + haematocrit) / (haematocrit * fu)


def blood_to_plasma(red_cells: Any, fu: Any, haematocrit: Any) -> Any:
    """blood_to_plasma = 1 + haematocrit (fu kpu of red cells - 1)

    The affinity of red cells stays as it is while haematocrit and binding in plasma differ between patients.

    >>> affinity = red_cell_affinity(0.74, 0.13, 0.45)
    >>> round(blood_to_plasma(affinity, 0.13, 0.45), 6), round(blood_to_plasma(affinity, 0.13, 0.30), 6)
    (0.74, 0.826667)
    """
    return 1.0 + haematocrit * (fu * red_cells - 1.0)


def _lipids(part: Part, p: Any) -> Any:
    """Of uncharged drug: neutral lipids like octanol (or oil), phospholipids 0.3 octanol and 0.7 water."""
    return p * part.neutral_lipids + (0.3 * p + 0.7) * part.neutral_phospholipids


def red_cells_without_binding(
    log_p: Any, *, acid_pka: Sequence[Any] = (), base_pka: Sequence[Any] = (), table: Composition | None = None
) -> Any:
    """kpu of red cells of a drug that is bound to nothing in them: its water and neutral lipids.

    kpu = (z iw_rbc + p nl_rbc + (0.3 p + 0.7) np_rbc) / y, in the letters of `rodgers_rowland`.
    """
    table = composition() if table is None else table
    cells = _red_cells(table)
    charged = 1.0 + anions(table.ph_red_cell, acid_pka) + cations(table.ph_red_cell, base_pka)
    plasma = 1.0 + anions(table.ph_plasma, acid_pka) + cations(table.ph_plasma, base_pka)
    return (charged * cells.cell_water + _lipids(cells, 10.0**log_p)) / plasma


def rodgers_rowland(
    log_p: Any,
    fu: Any,
    *,
    acid_pka: Sequence[Any] = (),
    base_pka: Sequence[Any] = (),
    log_vow: Any = None,
    red_cells: Any = None,
    bounded: bool = True,
    table: Composition | None = None,
) -> dict[str, Array]:
    """Tissue to unbound plasma, kpu, of every tissue.

    kpu = ew + (x iw + p nl + (0.3 p + 0.7) np) / y + bound

    x, y = 1 + charged per uncharged molecules in cells (pH 7.0) and in plasma (pH 7.4); p = 10^log_p, in adipose tissue
    10^log_vow. What is bound:

    - a base with a pKa of 7 or more, to acidic phospholipids: ka ap cations_cell / y, with ka from red cells (pH 7.22),
      ka = (red_cells y - z iw_rbc - p nl_rbc - (0.3 p + 0.7) np_rbc) / (ap_rbc cations_rbc)
    - an acid or a weaker base to albumin, a neutral drug to lipoproteins: the ratio of the protein in tissue and plasma
      times (1/fu - 1 - (p nl_p + (0.3 p + 0.7) np_p) / y).

    Args:
        log_p: octanol:water [1], a number or (patient,).
        fu: unbound fraction in plasma [1], a number or (patient,).
        acid_pka: of acidic groups, lowest first.
        base_pka: of basic groups, highest first.
        log_vow: vegetable oil:water [1]; None: by `log_oil_water`.
        red_cells: kpu of red cells [1]; needed for a base with a pKa of 7 or more.
        bounded: binding is never below zero. The method as published (False) lets it fall below where plasma or red
            cells hold less drug than their lipids would take up: phencyclidine's red cells, a lipophilic drug of fu 1.
        table: None for that of people.

    Returns:
        tissue -> kpu, of the shape of the arguments together.

    Raises:
        UsageError: a strong base without red_cells, or a table without red cells.

    Source: Rodgers, Leahy and Rowland 2005, J Pharm Sci 94:1259, doi:10.1002/jps.20322; Rodgers and Rowland 2006, J
    Pharm Sci 95:1238, doi:10.1002/jps.20502.
    Differs: bounded; of a zwitterion only cations go to acidic phospholipids, as in compphysiol.
    """
    table = composition() if table is None else table
    p = 10.0 ** jnp.asarray(log_p)
    oil = 10.0 ** jnp.asarray(log_oil_water(log_p) if log_vow is None else log_vow)
    positive = cations(table.ph_cell, base_pka)
    x = 1.0 + anions(table.ph_cell, acid_pka) + positive
    y = 1.0 + anions(table.ph_plasma, acid_pka) + cations(table.ph_plasma, base_pka)
    least = 0.0 if bounded else -jnp.inf
    to_protein = jnp.maximum(1.0 / fu - table.plasma.water - _lipids(table.plasma, p) / y, least)
    to_phospholipid: Any = 0.0
    if base_pka:
        is_strong = jnp.asarray(base_pka[0]) >= STRONG_BASE
        affinity = jnp.maximum(_phospholipid_affinity(p, y, acid_pka, base_pka, red_cells, table), least)
        to_protein = jnp.where(is_strong, 0.0, to_protein)
        to_phospholipid = jnp.where(is_strong, affinity * positive / y, 0.0)
    is_neutral = not acid_pka and not base_pka
    result = {}
    for name, part in table.tissues.items():
        solvents = _lipids(part, oil if part.oily else p)
        protein = part.lipoprotein if is_neutral else part.albumin
        bound = to_protein * protein + to_phospholipid * part.acidic_phospholipids
        result[name] = part.extracellular_water + (x * part.cell_water + solvents) / y + bound
    return result


def _phospholipid_affinity(
    p: Any, y: Any, acid_pka: Sequence[Any], base_pka: Sequence[Any], red_cells: Any, table: Composition
) -> Any:
    """ka per [mg/g] acidic phospholipids."""
    if red_cells is None:
        strongest = base_pka[0]
        if isinstance(strongest, Tracer) or np.any(np.asarray(strongest) >= STRONG_BASE):
            why = f"bases with a pKa of {STRONG_BASE:g} or more are placed by their affinity to red cells"
            raise UsageError("red_cells is missing", why=why, do="give the drug's blood to plasma ratio")
        return 0.0
    cells = _red_cells(table)
    positive = cations(table.ph_red_cell, base_pka)
    z = 1.0 + anions(table.ph_red_cell, acid_pka) + positive
    rest = red_cells * y - z * cells.cell_water - _lipids(cells, p)
    return rest / (cells.acidic_phospholipids * positive)


def _red_cells(table: Composition) -> Part:
    if table.red_cells is None:
        raise UsageError(f"the table {table.name} has no red cells", do="use rodgers_rowland")
    return table.red_cells


def poulin_theil(
    log_p: Any,
    fu: Any,
    *,
    acid_pka: Sequence[Any] = (),
    base_pka: Sequence[Any] = (),
    log_vow: Any = None,
    table: Composition | None = None,
) -> dict[str, Array]:
    """Tissue to plasma, kp, of every tissue.

    kp = (p (nl + 0.3 ph) + w + 0.7 ph) / (p (nl_p + 0.3 ph_p) + w_p + 0.7 ph_p) fu / fut
    fut = 1 / (1 + 0.5 (1 - fu) / fu)

    In adipose tissue fut = 1 and p = 10^log_vow / (1 + charged per uncharged molecules at pH 7.4).

    Args: as `rodgers_rowland`.

    Returns:
        tissue -> kp, of the shape of the arguments together.

    Source: Poulin and Theil 2002, J Pharm Sci 91:129, doi:10.1002/jps.10005.
    """
    table = composition("poulin_theil") if table is None else table
    charged = anions(table.ph_plasma, acid_pka) + cations(table.ph_plasma, base_pka)
    p = 10.0 ** jnp.asarray(log_p)
    oil = 10.0 ** jnp.asarray(log_oil_water(log_p) if log_vow is None else log_vow) / (1.0 + charged)
    tissue_fu = 1.0 / (1.0 + 0.5 * (1.0 - fu) / fu)
    result = {}
    for name, part in table.tissues.items():
        solvent, bound = (oil, fu) if part.oily else (p, fu / tissue_fu)
        plasma = table.plasma.water + _lipids(table.plasma, solvent)
        result[name] = (part.water + _lipids(part, solvent)) / plasma * bound
    return result
