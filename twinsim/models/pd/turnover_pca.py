"""Prothrombin complex activity under a coumarin: the drug holds back the synthesis of clotting factors.

    inhibited = imax concentration / (ic50 + concentration)
    d pca/dt  = kout (e0 (1 - inhibited) - pca)
    pca at the beginning = e0

Needs: concentration.

Source: Nagashima, O'Reilly and Levy, Clin Pharmacol Ther 1969, 10:22-35; written as model I of Dayneka, Garg and
Jusko 1993 with kin = kout e0. Typical values: O'Reilly's warfarin data as fitted for posologyr (test_multi_outputs.R).
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure

_FIT = "posologyr, test_multi_outputs.R: warfarin data of O'Reilly 1963 and 1968"


def start(p, u):
    return {"pca": p.e0}


def rates(t, x, p, u):
    inhibited = p.imax * u.concentration / (p.ic50 + u.concentration)
    return {"pca": p.kout * (p.e0 * (1.0 - inhibited) - x.pca)}


def outputs(t, x, p, u):
    return {"pca": x.pca}


structure = Structure(
    name="pd/turnover_pca",
    parameters=(
        Parameter("e0", "%", 96.5, "prothrombin complex activity without drug", _FIT),
        Parameter("kout", "1/h", 0.0550, "rate constant of its loss", _FIT),
        Parameter("imax", "1", 0.968, "largest inhibition of synthesis", _FIT, (0.0, 1.0)),
        Parameter("ic50", "mg/L", 1.01, "concentration at half the largest inhibition", _FIT, POSITIVE),
    ),
    states=(State("pca", "%", "prothrombin complex activity"),),
    needs=(Port("concentration", "mg/L", "concentration", "concentration of the drug in plasma", default=0.0),),
    gives=(Port("pca", "%", "effect", "prothrombin complex activity"),),
    rates=rates,
    outputs=outputs,
    start=start,
    source="Nagashima, O'Reilly and Levy 1969; Dayneka, Garg and Jusko 1993, model I",
)
