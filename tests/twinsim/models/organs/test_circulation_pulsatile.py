"""The pulsatile circulation against the C code of CVSim, and the averaged one against it."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from tests.twinsim.models.organs.marching import begun, given, march, seen

PULSATILE = twinsim.structure("organs/circulation_pulsatile")
AVERAGED = twinsim.structure("organs/circulation")
STEPS, BEATS = 1500, 60  # of a beat; beats until it is steady

# elastance_ptr and eqns_ptr of MIT-LCP/cvsim (commit 7a86b84, C/6-comp-backend/sim/equation.c) compiled with gcc, the
# parameters of initial.c, and 80 beats of 20,000 classical Runge-Kutta steps. In front: heart rate, blood volume [L],
# systemic resistance, left end-systolic elastance, arterial compliance; then MAP [mmHg], stroke volume [mL], mean
# pulmonary venous pressure [mmHg] and systolic and diastolic pressure.
CVSIM = np.array([
    [70, 5.15, 1.0, 1 / 0.40, 2.0, 106.0519, 84.7189, 11.0470, 121.7730, 88.5991],
    [100, 5.15, 1.0, 1 / 0.40, 2.0, 113.3508, 63.4488, 9.1247, 124.6976, 100.2752],
    [70, 4.60, 1.0, 1 / 0.40, 2.0, 71.1249, 57.8318, 6.2715, 81.8566, 59.2110],
    [70, 5.15, 1.6, 1 / 0.40, 2.0, 148.0312, 75.9603, 11.7275, 162.5776, 131.8522],
    [70, 5.15, 1.0, 1 / 0.80, 2.0, 96.5966, 77.1398, 14.4784, 111.5451, 80.7627],
    [60, 5.15, 1.0, 1 / 0.40, 1.6, 103.4381, 96.1243, 12.3937, 126.1670, 79.3314],
]).T  # fmt: skip


def last_beat(x, p, u, every=25):
    """Means, extremes and stroke volume of the beat after `BEATS`, by name (patient)."""
    period = 60.0 / u["heart_rate"]
    x = march(PULSATILE, x, p, u, period / STEPS, BEATS * STEPS)
    first, samples = x, []
    for _ in range(STEPS // every):
        x = march(PULSATILE, x, p, u, period / STEPS, every)
        samples.append(seen(PULSATILE, x, p, u))
    sampled = {name: np.stack([each[name] for each in samples]) for name in PULSATILE.output_names}
    return {
        "pressure": (x["pressure_sum"] - first["pressure_sum"]) / period,
        "stroke": x["ejected"] - first["ejected"],
        "wedge": sampled["pulmonary_vein_pressure"].mean(axis=0),
        "systolic": sampled["aortic_pressure"].max(axis=0),
        "diastolic": sampled["aortic_pressure"].min(axis=0),
        "end_diastolic": sampled["lv_volume"].max(axis=0),
    }


def test_the_c_code_of_cvsim():
    """Six steady rhythms to 0.1 %; extremes, sampled 60 times a beat, to 0.5 %."""
    rate, volume, resistance, elastance, compliance, *expected = CVSIM
    changed = {"systemic_resistance": resistance, "lv_elastance": elastance, "arterial_compliance": compliance}
    p, u = given(PULSATILE, rate.size, changed, {"heart_rate": rate, "blood_volume": volume})
    found = last_beat(begun(PULSATILE, p, u), p, u)
    names = ("pressure", "stroke", "wedge", "systolic", "diastolic")
    for name, value, error in zip(names, expected, (1e-3, 1e-3, 2e-3, 5e-3, 5e-3), strict=True):
        assert np.asarray(found[name]) == pytest.approx(value, rel=error), name


def people(count, seed):
    """Parameters that scatter by 15 to 20 %, more than CVSim says of healthy people, and 4.4 to 5.6 L of blood."""
    draw = np.random.default_rng(seed)
    spread = {
        name: 0.2
        for name in ("arterial_compliance", "venous_compliance", "pulmonary_venous_compliance", "systemic_resistance")
        + ("pulmonary_resistance", "lv_elastance", "rv_elastance", "lv_diastolic_compliance", "venous_resistance")
    } | {"rv_diastolic_compliance": 0.15, "resting_heart_rate": 0.15, "pulmonary_arterial_compliance": 0.2}
    drawn = {
        name: AVERAGED.parameter(name).default * np.exp(sd * draw.standard_normal(count)) for name, sd in spread.items()
    }
    return drawn, draw.uniform(4.4, 5.6, count)


@pytest.fixture(scope="module")
def both():
    """The same patients at rest by the averaged and by the pulsatile model."""
    parameters, volume = people(40, seed=3)
    p, u = given(AVERAGED, 40, parameters, {"blood_volume": volume})
    x = march(AVERAGED, begun(AVERAGED, p, u), p, u, jnp.full(40, 0.05), 6000)
    averaged = seen(AVERAGED, x, p, u)
    shared = {name: p[name] for name in PULSATILE.parameter_names if name in p}
    held = {name: averaged[name] for name in PULSATILE.need_names if name != "blood_volume"}
    p, u = given(PULSATILE, 40, shared, held | {"blood_volume": volume})
    return averaged, last_beat(begun(PULSATILE, p, u), p, u)


@pytest.mark.parametrize(
    ("averaged", "pulsatile", "error"),
    [("arterial_pressure", "pressure", 0.03), ("stroke_volume", "stroke", 0.03)]
    + [("systolic_pressure", "systolic", 0.05), ("diastolic_pressure", "diastolic", 0.05)]
    + [("lv_end_diastolic_volume", "end_diastolic", 0.04)],
)
def test_the_averaged_heart_is_the_pulsatile_one(both, averaged, pulsatile, error):
    """Forty patients; both have the same rate, so that output agrees as stroke volume does."""
    ratio = np.asarray(both[0][averaged] / both[1][pulsatile])
    assert abs(ratio - 1.0).max() < error
    assert abs(ratio.mean() - 1.0) < 0.5 * error


def test_the_wedge_pressure_is_the_pulmonary_veins_mean(both):
    assert abs(np.asarray(both[0]["pulmonary_wedge_pressure"] - both[1]["wedge"])).max() < 1.0
