"""An effect compartment: the concentration where the drug acts lags behind the one in plasma.

    d effect_site/dt          = ke0 (concentration - effect_site)
    effect_site_concentration = effect_site

Needs: concentration.

Source: Sheiner et al., Clin Pharmacol Ther 1979, 25:358-371, doi:10.1002/cpt1979253358.
"""

from twinsim.models.structure import Parameter, Port, State, Structure


def rates(t, x, p, u):
    return {"effect_site": p.ke0 * (u.concentration - x.effect_site)}


def outputs(t, x, p, u):
    return {"effect_site_concentration": x.effect_site}


structure = Structure(
    name="pd/effect_compartment",
    parameters=(Parameter("ke0", "1/h", 1.0, "equilibration rate constant", "assumed"),),
    states=(State("effect_site", "mg/L", "concentration at the site of effect"),),
    needs=(Port("concentration", "mg/L", "concentration", "concentration in plasma", default=0.0),),
    gives=(Port("effect_site_concentration", "mg/L", "concentration", "concentration at the site of effect"),),
    rates=rates,
    outputs=outputs,
    source="Sheiner et al. 1979, Clin Pharmacol Ther 25:358-371",
)
