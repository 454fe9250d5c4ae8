"""Needs fed by constants and by recorded traces, against closed forms and SciPy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import twinsim
from twinsim.errors import DataError, UnitError, UsageError
from twinsim.models.couple import bind
from twinsim.models.structure import Port
from twinsim.traces import Trace

EXACT = {"precision": "float64", "endpoints": ()}
SITE, PD = twinsim.structure("pd/effect_compartment"), twinsim.structure("pd/inhibition_of_loss")
TIMES = np.array([0.5, 1.0, 2.0, 3.7, 5.0, 8.0])
POINTS, VALUES = np.array([0.0, 1.0, 2.5, 6.0]), np.array([0.0, 4.0, 1.0, 3.0])
KE0 = 0.8


def run(inputs, model=SITE, parameters=None, cohort=None, **options):
    return twinsim.simulate(
        model, cohort, None, parameters or {"ke0": KE0}, TIMES, inputs=inputs, rtol=1e-10, **EXACT, **options
    )


def lagging(points, values):
    """d e/dt = ke0 (c - e), c held between points: exact from point to point."""
    found = []
    for t in TIMES:
        e = 0.0
        for i, (begin, c) in enumerate(zip(points, values, strict=True)):
            end = points[i + 1] if i + 1 < len(points) else np.inf
            if t > begin:
                e = c + (e - c) * np.exp(-KE0 * (min(t, end) - begin))
        found.append(e)
    return found


@pytest.mark.parametrize("solver", ["linear", "explicit", "stiff"])
def test_a_trace_that_is_held(solver):
    given = run({"concentration": (POINTS, VALUES)}, solver=solver)
    assert given["effect_site_concentration"][:, 0] == pytest.approx(lagging(POINTS, VALUES), rel=1e-8)


def test_a_trace_along_straight_lines():
    given = run({"concentration": (POINTS, VALUES, "linear")}, PD, {"kin": 10.0})

    def slope(t, y):
        c = np.interp(t, POINTS, VALUES)
        return [10.0 - 0.1 * (1.0 - c / (1.0 + c)) * y[0]]

    state, expected, begin = [100.0], [], 0.0
    for stop in sorted({*TIMES, *POINTS[1:]}):
        state = solve_ivp(slope, (begin, stop), state, "DOP853", rtol=1e-11, atol=1e-11).y[:, -1]
        begin = stop
        expected += [state[0]] if stop in TIMES else []
    assert given["response"][:, 0] == pytest.approx(expected, rel=1e-8)


def test_each_patient_has_a_trace_of_its_own():
    cohort = twinsim.Cohort([4, 9], {}, {})
    times, values = [POINTS, [0.0, 3.0]], [VALUES, [2000.0 / 1000.0, 0.5]]
    own = run({"concentration": (times, values)}, cohort=cohort)
    for i in range(2):
        assert own["effect_site_concentration"][:, i] == pytest.approx(lagging(times[i], values[i]), rel=1e-8)
    shared = run({"concentration": Trace(POINTS, 1000.0 * VALUES, unit="ug/L")}, cohort=cohort)
    for i in range(2):
        assert shared["effect_site_concentration"][:, i] == pytest.approx(lagging(POINTS, VALUES), rel=1e-8)


def test_a_constant_is_a_bound_need():
    given = run({"concentration": 3.0})
    bound = run(None, bind(SITE, {"concentration": 3.0}))
    assert np.array_equal(given["effect_site_concentration"], bound["effect_site_concentration"])
    assert given["parameters/concentration"].tolist() == [3.0]


def test_a_population_model_and_a_steady_state_before_the_trace():
    """Everyone begins where the trace's first value keeps it: kin / (kout (1 - c/(1 + c))) = kin (1 + c) / kout."""
    model = {
        "name": "turnover", "title": "t", "source": "assumed", "structure": "pd/inhibition_of_loss",
        "parameters": {"kin": {"value": "10 1/h"}},
        "between_patients": [{"parameter": "kin", "sd": 0.3}],
    }  # fmt: skip
    trace = {"concentration": ([0.0, 2.0], [1.0, 0.0])}
    given = run(trace, model, {"kout": 0.1}, 5, start="equilibrium", seed=3)
    kin = given["parameters/kin"]
    assert len(set(kin.tolist())) == 5
    assert given["response"][:3] == pytest.approx(np.tile(20.0 * kin, (3, 1)), rel=1e-8)
    after = (10.0 + 10.0 * np.exp(-0.1 * (TIMES[3:] - 2.0)))[:, None] * kin
    assert given["response"][3:] == pytest.approx(after, rel=1e-8)
    plain = run(None, model, {"kout": 0.1}, 5, seed=3)
    assert np.array_equal(plain["parameters/kin"], kin)


def test_doses_and_a_trace_together():
    """What no part gives is recorded: clearance follows a cytokine, as dose and trace each have their own times."""
    iv = twinsim.structure("pk/one_compartment_iv")
    slowed = replace(
        iv,
        name="slowed",
        needs=(Port("cytokine", "1", "fraction", "share of clearance that is lost"),),
        rates=lambda t, x, p, u: {"central": -p.cl / p.v * (1.0 - u.cytokine) * x.central},
    )
    whole = twinsim.couple("both", {"pk": slowed, "pd": PD})
    assert whole.need_names == ("cytokine",)
    events = twinsim.regimen(100, route="iv", interval=3.0, count=2)
    p = {"v": 20.0, "cl": 2.0}
    given = twinsim.simulate(
        whole, None, events, p, TIMES, inputs={"cytokine": ([0.0, 1.0, 2.0], [0.0, 0.5, 0.2])}, rtol=1e-10, **EXACT
    )
    walked = 0.1 * TIMES.clip(0, 1) + 0.05 * (TIMES - 1).clip(0, 1) + 0.08 * (TIMES - 2).clip(0)
    expected = 5.0 * np.exp(-walked) + np.where(TIMES >= 3.0, 5.0 * np.exp(-0.08 * (TIMES - 3.0)), 0.0)
    assert given["concentration"][:, 0] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("error", "says", "inputs"),
    [
        (UsageError, "did you mean concentration", {"concentratoin": 1.0}),
        (UsageError, "is no input", {"concentration": "3 mg/L"}),
        (UsageError, "did you mean linear", {"concentration": (POINTS, VALUES, "linaer")}),
        (UsageError, "traces of 3 patients, and 1 patients", {"concentration": ([POINTS] * 3, [VALUES] * 3)}),
        (UnitError, "inputs, concentration", {"concentration": Trace(POINTS, VALUES, unit="mmHg")}),
        (DataError, "4 times and 3 values", {"concentration": (POINTS, VALUES[1:])}),
        (DataError, "times that fall", {"concentration": (POINTS[::-1], VALUES)}),
    ],
)
def test_inputs_that_cannot_be(error, says, inputs):
    with pytest.raises(error) as refused:
        run(inputs)
    assert says in str(refused.value)
