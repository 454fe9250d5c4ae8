"""Red cells as the haemoglobin in them: erythropoietin, marrow, reticulocytes, and blood for four months.

    d epo/dt           = k (v epo0 exp(feedback (haemoglobin0 - haemoglobin)) - epo),     k = ln 2/epo_half_life
    d marrow1/dt       = made - 3/t_marrow marrow1
    d reticulocytes/dt = 3/t_marrow marrow3 - reticulocytes/t_reticulocyte - lost
    d cells1/dt        = reticulocytes/t_reticulocyte - 6/life cells1 - lost
    made               = production turnover (1 + r) e/(1 + r e),   e = epo/(v epo0),   r = 1/(most - 1)
    lost               = bleeding/blood_volume times what the compartment holds
    haemoglobin        = (reticulocytes + cells1 + ... + cells6)/blood_volume
    turnover           = haemoglobin0 volume0/(life + t_reticulocyte)

and so on along both chains (`_chain`), marrow2, cells2, cells3, cells4, cells5. haemoglobin_mass is what blood holds,
haematocrit = haemoglobin/mchc, red_cells = haemoglobin/mch, erythropoietin is
epo/v. With e = 1 as much is made as dies at rest; `most` is how many times as much a marrow can make that does not lack
iron. In a blood volume of volume0 everything is at rest at the beginning, if production is 1.

Needs: blood_volume, and bleeding, blood that is lost (red cells leave; what replaces the volume is the circulation's
matter). A bleed at one moment is an event that scales reticulocytes and cells1 to cells6 by what is left.
Routes: iv, erythropoietin into plasma. Drugs and conditions act on production, life, epo0 and feedback.

The feedback through erythropoietin has its slope from anaemic people, the marrow's largest output comes from other
people: no one fitted them together. Iron is left out, and so is the earlier release of reticulocytes in anaemia.

Source: Beguin et al. 1993, Blood 81:1067 (log10 epo = 3.42 - 0.056 haematocrit [%]); Hillman 1969, J Clin Invest 48:443
(the marrow's output); Yan et al. 2012, J Clin Pharmacol 52:1624, doi:10.1177/0091270011421911 (volume of
erythropoietin, as the course material cic-2017 prints it). The first two from memory.
"""

import jax.numpy as jnp

from twinsim.models.organs._chain import chain, numbered
from twinsim.models.structure import POSITIVE, Parameter, Port, Range, Route, State, Structure

_MARROW, _CELLS = numbered("marrow", 3), numbered("cells", 6)
_BLOOD = ("reticulocytes", *_CELLS)
_BEGUIN = "Beguin 1993, Blood 81:1067: 0.056 ln 10 per % of haematocrit, with mchc; from memory"
_TEXTBOOK = "textbook value of adults, from memory"


def carried(x):
    """Haemoglobin in blood [g]."""
    return sum(getattr(x, name) for name in _BLOOD)


def volume(p, u):
    """Blood volume [L], never 0: that would leave no concentration."""
    return jnp.maximum(u.blood_volume, 1e-3 * p.volume0)


def turnover(p):
    """Haemoglobin that is made and dies at rest [g/h]; 10 turns g/dL L into g."""
    return 10.0 * p.haemoglobin0 * p.volume0 / (p.life + p.t_reticulocyte)


def made(x, p):
    """Haemoglobin that the marrow begins to make [g/h]."""
    r, e = 1.0 / (p.most - 1.0), jnp.maximum(x.epo, 0.0) / (p.v * p.epo0)
    return p.production * turnover(p) * (1.0 + r) * e / (1.0 + r * e)


def start(p, u):
    return {
        "epo": p.epo0 * p.v,
        **dict.fromkeys(_MARROW, turnover(p) * p.t_marrow / len(_MARROW)),
        "reticulocytes": turnover(p) * p.t_reticulocyte,
        **dict.fromkeys(_CELLS, turnover(p) * p.life / len(_CELLS)),
    }


def rates(t, x, p, u):
    secreted = p.v * p.epo0 * jnp.exp(p.feedback * (p.haemoglobin0 - carried(x) / (10.0 * volume(p, u))))
    ripe, aged = x.reticulocytes / p.t_reticulocyte, len(_CELLS) / p.life
    released = len(_MARROW) / p.t_marrow
    slopes = {
        "epo": jnp.log(2.0) / p.epo_half_life * (secreted - x.epo),
        **chain(x, _MARROW, made(x, p), released),
        "reticulocytes": released * getattr(x, _MARROW[-1]) - ripe,
        **chain(x, _CELLS, ripe, aged),
    }
    for name in _BLOOD:
        slopes[name] = slopes[name] - u.bleeding / volume(p, u) * getattr(x, name)
    return slopes


def outputs(t, x, p, u):
    haemoglobin = carried(x) / (10.0 * volume(p, u))
    return {
        "haemoglobin": haemoglobin,
        "haematocrit": haemoglobin / p.mchc,
        "red_cells": 10.0 * haemoglobin / p.mch,
        "haemoglobin_mass": carried(x),
        "erythropoietin": x.epo / p.v,
    }


def outflows(t, x, p, u):
    died = len(_CELLS) / p.life * getattr(x, _CELLS[-1])
    return {"haemoglobin": died + u.bleeding / volume(p, u) * carried(x) - made(x, p)}


structure = Structure(
    name="organs/red_cells",
    parameters=(
        Parameter("haemoglobin0", "g/dL", 15.0, "haemoglobin at rest", f"{_TEXTBOOK}, man", POSITIVE),
        Parameter("volume0", "L", 5.0, "blood volume at rest", _TEXTBOOK, POSITIVE),
        Parameter("life", "h", 2880.0, "mean life after the reticulocyte", f"{_TEXTBOOK}: 120 d", POSITIVE),
        Parameter("t_marrow", "h", 120.0, "mean time in the marrow", f"{_TEXTBOOK}: 5 d", POSITIVE),
        Parameter("t_reticulocyte", "h", 24.0, "mean time as reticulocyte in blood", f"{_TEXTBOOK}: 1 d", POSITIVE),
        Parameter("epo0", "IU/L", 8.0, "erythropoietin at rest", "Beguin 1993 at a haematocrit of 45 %", POSITIVE),
        Parameter("epo_half_life", "h", 5.0, "half-life of erythropoietin", _TEXTBOOK, POSITIVE),
        Parameter("v", "L", 4.51, "volume of erythropoietin", "Yan 2012, as cic-2017 prints it", POSITIVE),
        Parameter("feedback", "dL/g", 0.387, "rise of ln erythropoietin with missing haemoglobin", _BEGUIN),
        Parameter("most", "1", 5.0, "largest production as fold of that at rest", "Hillman 1969, from memory",
                  (1.01, 20.0)),
        Parameter("production", "1", 1.0, "fold of what is made", "1 by definition: of the patient without drugs"),
        Parameter("mchc", "g/dL", 33.3, "haemoglobin in red cells", _TEXTBOOK, POSITIVE),
        Parameter("mch", "pg", 30.0, "haemoglobin of one red cell", _TEXTBOOK, POSITIVE),
    ),
    states=(
        State("epo", "IU", "erythropoietin in plasma"),
        *(State(name, "g", "haemoglobin of cells in the marrow", quantity="haemoglobin") for name in _MARROW),
        *(State(name, "g", "haemoglobin of cells in blood, youngest first", quantity="haemoglobin") for name in _BLOOD),
    ),
    routes=(Route("iv", to="epo"),),
    needs=(
        Port("blood_volume", "L", "amount", "blood volume", default=5.0),
        Port("bleeding", "L/h", "flow", "blood that is lost", default=0.0),
    ),
    gives=(
        Port("haemoglobin", "g/dL", "concentration", "haemoglobin in blood",
             normal=Range(12.0, 17.5, "women and men, reference range in wide use, from memory")),
        Port("haematocrit", "1", "fraction", "volume of blood that is red cells",
             normal=Range(0.36, 0.52, "women and men, reference range in wide use, from memory")),
        Port("red_cells", "10^12/L", "concentration", "red cells in blood",
             normal=Range(3.9, 5.9, "women and men, reference range in wide use, from memory")),
        Port("haemoglobin_mass", "g", "amount", "haemoglobin in all blood"),
        Port("erythropoietin", "IU/L", "concentration", "erythropoietin in plasma",
             normal=Range(4.0, 26.0, "of a common immunoassay, from memory")),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    start=start,
    source="Beguin et al. 1993, Blood 81:1067; Hillman 1969, J Clin Invest 48:443; put together here",
)  # fmt: skip
