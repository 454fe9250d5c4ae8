"""NONMEM's dosing semantics against superposition, without outside files: one patient per rule, all in one table.

Compartments: 1 depot, 2 central, 3 peripheral. Depot and central have a lag, a bioavailability, a modelled rate and a
modelled duration each; the peripheral has none.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from superposition import Given, amounts, gone, repeated, steady

import twinsim
from twinsim.models.structure import Parameter, Route
from twinsim.prediction import predict_structure

CL, V, Q, V2, KA = 6.0, 20.0, 4.0, 15.0, 1.1
MATRIX = np.array([[-KA, 0, 0], [KA, -(CL + Q) / V, Q / V2], [0, Q / V, -Q / V2]])
DEPOT, CENTRAL, PERIPHERAL = range(3)
GRID = np.array([0.0, 0.4, 1.3, 2.0, 3.3, 5.0, 6.0, 7.7, 9.0, 12.0, 14.5, 18.0, 21.0, 26.0])
LOOK = {"EVID": 0}
OWN = {"lag1": 0.0, "f1": 1.0, "r1": 20.0, "d1": 2.0, "lag2": 0.0, "f2": 1.0, "r2": 20.0, "d2": 2.0}


def dose(time=0.0, amount=100.0, cmt=2, **items):
    return {"TIME": time, "EVID": 1, "AMT": amount, "CMT": cmt, **items}


def look(time):
    return {"TIME": time, **LOOK}


def reset(time):
    return {"TIME": time, "EVID": 3}


def into(state, amount=100.0, time=0.0, duration=0.0):
    return Given(time, state, amount, duration)


# name -> records, the patient's own parameters, and what reaches which state in truth
RULES = {
    # bolus
    "bolus, default compartment": ([dose(cmt=0)], {}, [into(DEPOT)]),
    "bolus into central": ([dose()], {}, [into(CENTRAL)]),
    "bolus into peripheral": ([dose(cmt=3)], {}, [into(PERIPHERAL)]),
    "bolus with bioavailability": ([dose(cmt=1)], {"f1": 0.6, "f2": 3.0}, [into(DEPOT, 60.0)]),
    "bolus with lag": ([dose(cmt=1)], {"lag1": 1.7}, [into(DEPOT, time=1.7)]),
    "lag that ends at an observation": ([dose(cmt=1)], {"lag1": 2.0}, [into(DEPOT, time=2.0)]),
    "additional doses": ([dose(cmt=1, ADDL=3, II=6)], {}, repeated(into(DEPOT), 6.0, 4)),
    "additional doses, lag and F": (
        [dose(cmt=1, ADDL=2, II=6)],
        {"lag1": 1.7, "f1": 0.6},
        repeated(into(DEPOT, 60.0, 1.7), 6.0, 3),
    ),
    # infusions
    "infusion by rate": ([dose(RATE=40)], {}, [into(CENTRAL, duration=2.5)]),
    "infusion by rate: F shortens it": ([dose(RATE=40)], {"f2": 0.5}, [into(CENTRAL, 50.0, duration=1.25)]),
    "infusion by duration": ([dose(DUR=2.5)], {}, [into(CENTRAL, duration=2.5)]),
    "infusion by duration: F slows it": ([dose(DUR=2.5)], {"f2": 0.5}, [into(CENTRAL, 50.0, duration=2.5)]),
    "infusion into depot": ([dose(cmt=1, RATE=10)], {}, [into(DEPOT, duration=10.0)]),
    "infusion into peripheral": ([dose(cmt=3, RATE=40)], {}, [into(PERIPHERAL, duration=2.5)]),
    "infusion with lag": ([dose(RATE=40)], {"lag2": 1.7}, [into(CENTRAL, time=1.7, duration=2.5)]),
    "infusions that overlap": ([dose(RATE=10, ADDL=2, II=6)], {}, repeated(into(CENTRAL, duration=10.0), 6.0, 3)),
    "modelled rate": ([dose(RATE=-1)], {"r2": 30.0, "f2": 0.6}, [into(CENTRAL, 60.0, duration=2.0)]),
    "modelled rate of the depot": ([dose(cmt=1, RATE=-1)], {"r1": 50.0}, [into(DEPOT, duration=2.0)]),
    "modelled duration": ([dose(RATE=-2)], {"d2": 3.0, "f2": 0.6}, [into(CENTRAL, 60.0, duration=3.0)]),
    "modelled duration of the depot, lag and additional doses": (
        [dose(cmt=1, RATE=-2, ADDL=2, II=6)],
        {"d1": 2.3, "lag1": 0.9},
        repeated(into(DEPOT, time=0.9, duration=2.3), 6.0, 3),
    ),
    # steady state
    "SS=1 replaces what was there": (
        [dose(amount=700.0), dose(5.0, cmt=1, SS=1, II=6)],
        {},
        [*gone([into(CENTRAL, 700.0)], 5.0), *steady(into(DEPOT, time=5.0), 6.0, 5.0)],
    ),
    "SS=1 goes on with additional doses": (
        [dose(cmt=1, SS=1, II=6, ADDL=2)],
        {},
        [*steady(into(DEPOT), 6.0, 0.0), *repeated(into(DEPOT, time=6.0), 6.0, 2)],
    ),
    "SS=1 with lag and F": (
        [dose(cmt=1, SS=1, II=6)],
        {"lag1": 1.7, "f1": 0.6},
        steady(into(DEPOT, 60.0, 1.7), 6.0, 0.0),
    ),
    "SS=1 ends a running infusion and additional doses": (
        [dose(RATE=10, II=4, ADDL=5), dose(5.0, SS=1, II=6)],
        {},
        [*gone(repeated(into(CENTRAL, duration=10.0), 4.0, 6), 5.0), *steady(into(CENTRAL, time=5.0), 6.0, 5.0)],
    ),
    "SS=2 adds to what is there": (
        [dose(amount=300.0, cmt=3), dose(3.3, cmt=1, SS=2, II=6)],
        {},
        [into(PERIPHERAL, 300.0), *steady(into(DEPOT, time=3.3), 6.0, 3.3)],
    ),
    "SS=2 leaves infusions and additional doses alone": (
        [dose(RATE=10, II=8, ADDL=1), dose(3.3, SS=2, II=6)],
        {},
        [*repeated(into(CENTRAL, duration=10.0), 8.0, 2), *steady(into(CENTRAL, time=3.3), 6.0, 3.3)],
    ),
    "SS infusion by rate": ([dose(RATE=40, SS=1, II=6)], {}, steady(into(CENTRAL, duration=2.5), 6.0, 0.0)),
    "SS infusion by duration, F": (
        [dose(DUR=2.5, SS=1, II=6)],
        {"f2": 0.6},
        steady(into(CENTRAL, 60.0, duration=2.5), 6.0, 0.0),
    ),
    "SS infusion into the depot": ([dose(cmt=1, RATE=40, SS=1, II=6)], {}, steady(into(DEPOT, duration=2.5), 6.0, 0.0)),
    "SS infusion longer than its interval": (
        [dose(RATE=10, SS=1, II=4)],
        {},
        steady(into(CENTRAL, duration=10.0), 4.0, 0.0),
    ),
    "SS infusion longer than its interval, additional doses": (
        [dose(RATE=10, SS=1, II=4, ADDL=2)],
        {},
        [*steady(into(CENTRAL, duration=10.0), 4.0, 0.0), *repeated(into(CENTRAL, time=4.0, duration=10.0), 4.0, 2)],
    ),
    "SS infusion as long as its interval": (
        [dose(RATE=10, SS=1, II=10)],
        {},
        steady(into(CENTRAL, duration=10.0), 10.0, 0.0),
    ),
    "SS infusion that lag carries over the record": (
        [dose(RATE=40, SS=1, II=4)],
        {"lag2": 3.1},
        steady(into(CENTRAL, time=3.1, duration=2.5), 4.0, 0.0),
    ),
    "SS infusion with modelled rate": (
        [dose(RATE=-1, SS=1, II=6)],
        {"r2": 25.0},
        steady(into(CENTRAL, duration=4.0), 6.0, 0.0),
    ),
    "SS infusion with modelled duration, longer than its interval": (
        [dose(RATE=-2, SS=1, II=4)],
        {"d2": 6.3, "f2": 0.6},
        steady(into(CENTRAL, 60.0, duration=6.3), 4.0, 0.0),
    ),
    "constant infusion since ever, which ends": (
        [dose(amount=0.0, RATE=20, SS=1)],
        {"f2": 0.6},
        [into(CENTRAL, 8000.0, -400.0, 400.0)],
    ),
    "constant infusion into the depot": (
        [dose(amount=0.0, cmt=1, RATE=20, SS=1)],
        {},
        [into(DEPOT, 8000.0, -400.0, 400.0)],
    ),
    "constant infusion at the modelled rate": (
        [dose(amount=0.0, RATE=-1, SS=1)],
        {"r2": 12.0},
        [into(CENTRAL, 4800.0, -400.0, 400.0)],
    ),
    # a bolus whose lag is an interval or more: NONMEM 7.6 starts at the steady state's peak
    "SS=1 whose lag is longer than its interval": (
        [dose(cmt=1, SS=1, II=6)],
        {"lag1": 8.0},
        [*steady(into(DEPOT), 6.0, 0.0), into(DEPOT, time=8.0)],
    ),
    # other events
    "EVID 2 changes nothing": ([dose(), {"TIME": 2.0, "EVID": 2, "CMT": 1}], {}, [into(CENTRAL)]),
    "reset ends everything": (
        [dose(RATE=10, II=4, ADDL=5), reset(9.0)],
        {},
        gone(repeated(into(CENTRAL, duration=10.0), 4.0, 6), 9.0),
    ),
    "reset cancels a dose under way": ([dose(cmt=1), dose(), reset(2.0)], {"lag1": 3.0}, gone([into(CENTRAL)], 2.0)),
    "reset and dose": (
        [dose(RATE=10, ADDL=3, II=4), dose(5.0, 80.0, cmt=1, EVID=4, ADDL=1, II=6)],
        {},
        [*gone(repeated(into(CENTRAL, duration=10.0), 4.0, 4), 5.0), *repeated(into(DEPOT, 80.0, 5.0), 6.0, 2)],
    ),
    "reset and steady state": (
        [dose(), dose(5.0, cmt=1, EVID=4, SS=1, II=6)],
        {},
        [*gone([into(CENTRAL)], 5.0), *steady(into(DEPOT, time=5.0), 6.0, 5.0)],
    ),
    # equal times: records in the order of the file
    "dose between two observations": ([dose(), look(4.0), dose(4.0)], {}, [into(CENTRAL), into(CENTRAL, time=4.0)]),
    "two doses at once": ([dose(), dose(cmt=1, amount=50.0)], {}, [into(CENTRAL), into(DEPOT, 50.0)]),
    "two infusions at once": (
        [dose(RATE=40), dose(RATE=10)],
        {},
        [into(CENTRAL, duration=2.5), into(CENTRAL, duration=10.0)],
    ),
    "reset, then dose": ([dose(), reset(5.0), dose(5.0)], {}, [*gone([into(CENTRAL)], 5.0), into(CENTRAL, time=5.0)]),
    "dose, then reset": ([dose(), dose(5.0), reset(5.0)], {}, gone([into(CENTRAL), into(CENTRAL, time=5.0)], 5.0)),
    "dose, then SS=1": (
        [dose(5.0), dose(5.0, cmt=1, SS=1, II=6)],
        {},
        steady(into(DEPOT, time=5.0), 6.0, 5.0),
    ),
    "SS=1, then dose": (
        [dose(5.0, cmt=1, SS=1, II=6), dose(5.0)],
        {},
        [*steady(into(DEPOT, time=5.0), 6.0, 5.0), into(CENTRAL, time=5.0)],
    ),
    "bolus, then infusion of another route": (
        [dose(cmt=1), dose(2.0, RATE=40)],
        {"lag1": 0.5, "f2": 0.7},
        [into(DEPOT, time=0.5), into(CENTRAL, 70.0, 2.0, 1.75)],
    ),
}


def table():
    """One patient per rule; observations come after the other records of their time, save those a rule asks for."""
    rows, before = [], []
    for number, (records, _, _) in enumerate(RULES.values(), 1):
        own = [(row["TIME"], i, row) for i, row in enumerate(records)]
        seen = [(time, len(own) + i, look(time)) for i, time in enumerate(GRID)]
        for _, i, row in sorted([*own, *seen], key=lambda entry: entry[:2]):
            rows.append({"ID": number, "AMT": 0.0, "CMT": 0, "RATE": 0, "DUR": 0, "II": 0, "ADDL": 0, "SS": 0, **row})
            before.append(row.get("EVID") == 0 and i < len(own))
    return pd.DataFrame(rows), np.asarray(before)


def model():
    """Two compartments and a depot; every route parameter there is."""
    base = twinsim.structure("pk/two_compartment_oral")
    units = {"lag": "h", "f": "1", "r": "mg/h", "d": "h"}
    own = [Parameter(f"{kind}{i}", unit, 1.0, kind, "assumed") for i in (1, 2) for kind, unit in units.items()]
    kept = [item for item in base.parameters if item.name not in ("lag", "f")]
    routes = (
        Route("oral", "depot", lag="lag1", f="f1", rate="r1", duration="d1"),
        Route("iv", "central", lag="lag2", f="f2", rate="r2", duration="d2"),
    )
    return replace(base, name="rules", parameters=(*kept, *own), routes=routes)


@pytest.fixture(scope="module", params=["closed", "linear", "explicit", "stiff"])
def predicted(request):
    """Records, concentrations and status of every rule through one tier."""
    structure = model()
    rows, before = table()
    records = twinsim.read_records(rows, units={"AMT": "mg"}, structure=structure)
    own = {name: np.array([{**OWN, **p}[name] for _, p, _ in RULES.values()]) for name in OWN}
    parameters = {"cl": CL, "v1": V, "q": Q, "v2": V2, "ka": KA, **own}
    concentration, status = predict_structure(structure, records, parameters, solver=request.param)
    return records, before, concentration, status


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule, predicted):
    records, before, concentration, status = predicted
    number = list(RULES).index(rule)
    mine = records.patient == number
    expected = amounts(MATRIX, RULES[rule][2], records.time[mine], before[mine])[:, CENTRAL] / V
    seen = records.evid[mine] == 0
    assert status[number] == 0 and expected[seen].max() > 0.1
    error = np.abs(concentration[mine] - expected)[seen].max()
    assert error <= 1e-6 * expected[seen].max()
