"""The brain under propofol and remifentanil: effect sites, bispectral index, tolerance of laryngoscopy.

    d site_propofol/dt     = ke0_propofol (propofol - site_propofol)
    d site_remifentanil/dt = ke0_remifentanil (remifentanil - site_remifentanil)
    up = site_propofol/c50_propofol,   ur = site_remifentanil/c50_remifentanil,   phi = up/(up + ur)
    total      = (up + ur)/(1 - beta (phi - phi^2))
    bis        = e0 - emax total^g/(1 + total^g),    g = gamma, times gamma_low where total is below 1
    stimulus   = laryngoscopy/(1 + a),               a = (site_remifentanil/(c50_opioid laryngoscopy))^gamma_opioid
    tolerance  = b/(1 + b),                          b = (site_propofol/(c50_tolerance stimulus))^gamma_tolerance

The site of propofol that counts for tolerance is the one for bis. tolerance is the probability that a person tolerates
laryngoscopy. effect_site_propofol and effect_site_remifentanil are the sites' concentrations. Effects count none below
a billionth of c50, so that derivatives stay finite without drug.

Needs: propofol, remifentanil in plasma; 0 alone. An effect site belongs to the pharmacokinetic model that its ke0 came
with: the library's propofol_schnider_remifentanil_minto and propofol_eleveld_remifentanil_minto set both. Alone, ke0 of
propofol is Schnider's, that of remifentanil Minto's at 40 years.

With propofol alone and c50_propofol 3.08 mg/L, e0 and emax 93, gamma 1.47 and gamma_low 1.29, bis is that of Eleveld
2018 at 35 years.

Source: Bouillon et al. 2004, Anesthesiology 100:1353, doi:10.1097/00000542-200406000-00006, for bis (additive, beta 0)
and tolerance; Schnider et al. 1999, Anesthesiology 90:1502; Minto et al. 1997, Anesthesiology 86:10; Eleveld et al.
2018, Br J Anaesth 120:942. Numbers as python_anesthesia_simulator 1.0.0 has them, not held against the papers.
"""

import jax.numpy as jnp

from twinsim.models.structure import POSITIVE, Parameter, Port, Range, State, Structure

LEAST = 1e-9
_MINTO = "Minto 1997, Anesthesiology 86:10, at 40 years, as python_anesthesia_simulator 1.0.0 has it"
_SCHNIDER = "Schnider 1999, Anesthesiology 90:1502, as python_anesthesia_simulator 1.0.0 has it"
_BOUILLON = "Bouillon 2004, Anesthesiology 100:1353, as python_anesthesia_simulator 1.0.0 has it"


def rates(t, x, p, u):
    return {
        "site_propofol": p.ke0_propofol * (u.propofol - x.site_propofol),
        "site_remifentanil": p.ke0_remifentanil * (u.remifentanil - x.site_remifentanil),
    }


def share(relative):
    """Part of the largest effect at a relative concentration."""
    return relative / (1.0 + relative)


def outputs(t, x, p, u):
    # powers below 1 have no slope at 0
    propofol = jnp.maximum(x.site_propofol, LEAST * p.c50_propofol)
    remifentanil = jnp.maximum(x.site_remifentanil, LEAST * p.c50_remifentanil)
    up, ur = propofol / p.c50_propofol, remifentanil / p.c50_remifentanil
    phi = up / (up + ur)
    total = (up + ur) / (1.0 - p.beta * phi * (1.0 - phi))
    g = p.gamma * jnp.where(total < 1.0, p.gamma_low, 1.0)
    stimulus = p.laryngoscopy / (1.0 + (remifentanil / (p.c50_opioid * p.laryngoscopy)) ** p.gamma_opioid)
    return {
        "bis": p.e0 - p.emax * share(total**g),
        "tolerance": share((propofol / (p.c50_tolerance * stimulus)) ** p.gamma_tolerance),
        "effect_site_propofol": x.site_propofol,
        "effect_site_remifentanil": x.site_remifentanil,
    }


structure = Structure(
    name="organs/anaesthesia",
    time="min",
    parameters=(
        Parameter("ke0_propofol", "1/min", 0.456, "equilibration of propofol", _SCHNIDER),
        Parameter("ke0_remifentanil", "1/min", 0.595, "equilibration of remifentanil", _MINTO),
        Parameter("c50_propofol", "mg/L", 4.47, "propofol of half the effect on bis", _BOUILLON, POSITIVE),
        Parameter("c50_remifentanil", "ug/L", 19.3, "remifentanil of half the effect on bis", _BOUILLON, POSITIVE),
        Parameter("gamma", "1", 1.43, "steepness of bis", _BOUILLON),
        Parameter("gamma_low", "1", 1.0, "fold of gamma below half the effect", f"{_BOUILLON}: one gamma", POSITIVE),
        Parameter("beta", "1", 0.0, "synergy on bis, 0 is additive", _BOUILLON, (0.0, 3.99)),
        Parameter("e0", "1", 97.4, "bis awake", _BOUILLON, (0.0, 100.0)),
        Parameter("emax", "1", 97.4, "largest fall of bis", _BOUILLON, (0.0, 100.0)),
        Parameter("c50_tolerance", "mg/L", 8.04, "propofol of half the tolerance of stimulus 1", _BOUILLON, POSITIVE),
        Parameter("gamma_tolerance", "1", 5.1, "steepness of tolerance with propofol", _BOUILLON),
        Parameter("c50_opioid", "ug/L", 1.07, "remifentanil that halves a stimulus of 1", _BOUILLON, POSITIVE),
        Parameter("gamma_opioid", "1", 0.97, "steepness of that", _BOUILLON),
        Parameter("laryngoscopy", "1", 1.05, "intensity of the stimulus", _BOUILLON, POSITIVE),
    ),
    states=(
        State("site_propofol", "mg/L", "propofol at the site of effect"),
        State("site_remifentanil", "ug/L", "remifentanil at the site of effect"),
    ),
    needs=(
        Port("propofol", "mg/L", "concentration", "propofol in plasma", default=0.0),
        Port("remifentanil", "ug/L", "concentration", "remifentanil in plasma", default=0.0),
    ),
    gives=(
        Port("bis", "1", "effect", "bispectral index",
             normal=Range(90.0, 100.0, "awake, in wide use, from memory; 40 to 60 is general anaesthesia")),
        Port("tolerance", "1", "fraction", "probability that laryngoscopy is tolerated"),
        Port("effect_site_propofol", "mg/L", "concentration", "propofol at the site of effect"),
        Port("effect_site_remifentanil", "ug/L", "concentration", "remifentanil at the site of effect"),
    ),
    rates=rates,
    outputs=outputs,
    source="Bouillon et al. 2004, Anesthesiology 100:1353",
)  # fmt: skip
