"""Indirect response: the drug speeds up what removes the response.

    stimulated    = smax concentration / (sc50 + concentration)
    d response/dt = kin - kout (1 + stimulated) response
    response at the beginning = kin/kout

Needs: concentration.

Source: Dayneka, Garg and Jusko, J Pharmacokinet Biopharm 1993, 21:457-478, model IV, doi:10.1007/BF01061691.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure


def start(p, u):
    return {"response": p.kin / p.kout}


def rates(t, x, p, u):
    stimulated = p.smax * u.concentration / (p.sc50 + u.concentration)
    return {"response": p.kin - p.kout * (1.0 + stimulated) * x.response}


def outputs(t, x, p, u):
    return {"response": x.response}


structure = Structure(
    name="pd/stimulation_of_loss",
    parameters=(
        Parameter("kin", "1/h", 10.0, "rate at which the response is built", "assumed"),
        Parameter("kout", "1/h", 0.1, "rate constant of its loss", "assumed", POSITIVE),
        Parameter("smax", "1", 1.0, "largest stimulation", "assumed"),
        Parameter("sc50", "mg/L", 1.0, "concentration at half the largest stimulation", "assumed", POSITIVE),
    ),
    states=(State("response", "1", "the response"),),
    needs=(Port("concentration", "mg/L", "concentration", "concentration where the drug acts", default=0.0),),
    gives=(Port("response", "1", "effect", "the response"),),
    rates=rates,
    outputs=outputs,
    start=start,
    source="Dayneka, Garg and Jusko 1993, J Pharmacokinet Biopharm 21:457-478, model IV",
)
