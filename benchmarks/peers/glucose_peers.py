"""Glucose by simglucose and libroadrunner, in an interpreter that has them; knows nothing of twinsim.

    PYTHON benchmarks/peers/glucose_peers.py simglucose IN.json OUT.npz

IN.json is the problem (`benchmarks.organs`). OUT.npz holds `glucose` (minute, patient), `seconds` of the run alone and
`version`; of simglucose also `table`, the path of its patients.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from importlib import metadata
from typing import Any

import numpy as np

# The meal model of Dalla Man 2007; max(x, 0) as (x + |x|)/2, since CVODE stops at every switch of a piecewise.
MEAL_MODEL = """
G_p = {gp!r}; G_t = {gt!r}; I_l = {il!r}; I_p = {ip!r}; I_1 = I_b; I_d = I_b; X = 0; I_po = S_b/gam; Y = 0;
Q_sto1 = D; Q_sto2 = 0; Q_gut = 0;
I := I_p/V_I; G := G_p/V_G; S := gam*I_po; HE := m_6 - m_5*S; m_3 := HE*m_1/(1 - HE);
full := (Q_sto1 + Q_sto2)/D; Ra := f*k_abs*Q_gut/BW;
k_empt := k_min + (k_max - k_min)/2*(tanh(2.5*(full - b)/(1 - b)) - tanh(2.5*(full - d)/d) + 2);
raw := k_p1 - k_p2*G_p - k_p3*I_d - k_p4*I_po; EGP := (raw + abs(raw))/2;
E := k_e1*((G_p - k_e2) + abs(G_p - k_e2))/2; U_id := (V_m0 + V_mX*X)*G_t/(K_m0 + G_t);
dG := (EGP + Ra - E - U_ii - k_1*G_p + k_2*G_t)/V_G; over := S_b + beta*(G - G_b);
G_p' = V_G*dG; G_t' = k_1*G_p - k_2*G_t - U_id;
I_l' = S + m_2*I_p - (m_1 + m_3)*I_l; I_p' = m_1*I_l - (m_2 + m_4)*I_p;
Q_sto1' = -k_gri*Q_sto1; Q_sto2' = k_gri*Q_sto1 - k_empt*Q_sto2; Q_gut' = k_empt*Q_sto2 - k_abs*Q_gut;
I_1' = k_i*(I - I_1); I_d' = k_i*(I_1 - I_d); X' = p_2U*(I - I_b - X);
I_po' = Y + S_b + K*(dG + abs(dG))/2 - S; Y' = alpha*((over + abs(over))/2 - S_b - Y);
"""


def simglucose(problem: dict[str, Any]) -> dict[str, Any]:
    """Patients stepped by the minute, as its own environment does."""
    from simglucose.patient import t1dpatient  # pyright: ignore[reportMissingImports]

    eaten = {int(t): g for t, g in problem["meals"]}
    bolus = {int(t): u for t, u in problem["boluses"]}
    curves, spent = [], 0.0
    for number in problem["patients"]:
        patient = t1dpatient.T1DPatient.withID(number + 1)
        own = patient._params
        basal, curve = own.u2ss * own.BW / 6000.0, []
        begin = time.perf_counter()
        for minute in range(problem["minutes"]):
            insulin = basal + bolus.get(minute, 0.0)
            patient.step(t1dpatient.Action(CHO=eaten.get(minute, 0.0), insulin=insulin))
            curve.append(patient.state[3])
        spent += time.perf_counter() - begin
        curves.append(np.array(curve) / own.Vg)
    return {"glucose": np.array(curves).T, "seconds": spent, "table": t1dpatient.PATIENT_PARA_FILE}


def roadrunner(problem: dict[str, Any]) -> dict[str, Any]:
    """One patient after a meal, again and again."""
    import antimony  # pyright: ignore[reportMissingImports]
    import roadrunner as rr  # pyright: ignore[reportMissingImports]

    values = "\n".join(f"{name} = {value!r};" for name, value in problem["parameters"].items())
    text = f"model meal\n{values}\n{MEAL_MODEL.format(**problem['start'])}\nend"
    if antimony.loadAntimonyString(text) < 0:
        raise RuntimeError(antimony.getLastError())
    model = rr.RoadRunner(antimony.getSBMLString("meal"))
    model.timeCourseSelections = ["time", "G"]
    spent, curves = [], []
    for tolerance, repeats in ((problem["tolerance"], problem["repeats"]), (1e-9, 1)):
        model.integrator.relative_tolerance, model.integrator.absolute_tolerance = tolerance, 1e-3 * tolerance
        begin = time.perf_counter()
        for _ in range(repeats):
            model.reset()
            curve = np.array(model.simulate(0, problem["minutes"], problem["minutes"] + 1))[1:, 1]
        spent.append((time.perf_counter() - begin) / repeats)
        curves.append(curve)
    return {"glucose": curves[1][:, None], "seconds": spent[0], "error": float(np.abs(curves[0] - curves[1]).max())}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    which, source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        found = {"simglucose": simglucose, "roadrunner": roadrunner}[which](json.load(file))
    package = {"simglucose": "simglucose", "roadrunner": "libroadrunner"}[which]
    np.savez(target, version=metadata.version(package), **found)
