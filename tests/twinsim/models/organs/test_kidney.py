"""Kidneys against COPASI run on the authors' equations, and against another engine's autoregulation curve.

REFERENCE: the authors' modelfile.R and calcNomParams_human.R (hallowkm/RenalModel) written out in Antimony, all 22
states, and run in COPASI 4 (copasi-basico, LSODA, rtol 1e-10); half-lives of the renin system in hours, as comments
there say, pi exact, 133.322 Pa/mmHg; 3e6 min to rest, then the change, at 60, 1440, 10080 and 40320 min. libroadrunner
did not finish compiling these rules. Synthea's SBML of the model was not run: it is not valid (organs/kidney).
"""

import numpy as np
import pytest

import twinsim
from twinsim.models.balance import leaks, quantity_units
from twinsim.models.registry import structure

OUTPUTS = {
    "arterial_pressure": 1.0, "gfr": 1.0, "renal_blood_flow": 1000.0, "sodium_excretion": 1.0, "urine_flow": 1000.0,
    "blood_volume": 1.0, "extracellular_volume": 1.0, "plasma_sodium": 1.0, "renin": 1.0, "angiotensin_ii": 1.0,
    "aldosterone": 85.0, "cardiac_output": 1.0,
}  # fmt: skip
TIMES = [0.0, 60.0, 1440.0, 10080.0, 40320.0]
# in the order of OUTPUTS and TIMES; flows of blood and urine in L/min, aldosterone over nominal
REFERENCE = {
    "sodium": """93.105072 95.572755 96.682181 95.880203 95.87924
        94.353483 94.432589 89.020769 88.040353 88.052354
        1.0002351 1.0052646 1.0205658 1.0202399 1.0202617
        0.069444444 0.082972486 0.13963166 0.13894477 0.13889561
        0.0014583333 0.001351339 0.0014596811 0.0014573304 0.001458195
        4.9794729 5.0005433 4.99523 4.9913837 4.9911094
        15 14.982712 14.97135 14.984351 14.997922
        140 140.16292 140.26982 140.14726 140.01954
        16.44953 16.416177 13.371506 12.846229 12.852581
        4.7706023 4.761339 3.8781797 3.7255926 3.7274349
        1.0012854 1.0003837 0.84613636 0.81886173 0.81918373
        5 5.1074289 5.0075782 5.0027368 5.0000296""",
    "ace": """93.105072 90.103427 84.954827 85.199947 85.20639
        94.353483 82.63412 83.293097 83.664659 83.659991
        1.0002351 1.014166 0.9967548 0.99695243 0.99695641
        0.069444444 0.12023933 0.069175152 0.069403684 0.069441595
        0.0014583333 0.0017311165 0.0014583286 0.0014585992 0.0014583865
        4.9794729 4.9535586 4.9416935 4.9453455 4.9463395
        15 15.005526 15.011699 15.006211 15.000819
        140 139.94801 139.89012 139.94164 139.9923
        16.44953 31.689882 33.614896 34.332554 34.323032
        4.7706023 2.8668025 3.0343816 3.099274 3.0984143
        1.0012854 0.65763675 0.69796223 0.70952844 0.70937812
        5 4.8664739 4.963921 4.9902121 4.9999011""",
    "thiazide": """93.105072 92.050587 90.831725 91.29111 91.293995
        94.353483 94.323292 96.856763 97.335626 97.33204
        1.0002351 0.99815138 0.9919535 0.99227463 0.99227296
        0.097183469 0.09035423 0.069083065 0.069429289 0.069442917
        0.0015386227 0.001538857 0.0014577621 0.0014585377 0.0014583637
        4.9794729 4.9704582 4.9694479 4.9716812 4.9718762
        15 15.004073 15.006954 15.003484 15.00046
        140 139.96167 139.93467 139.96726 139.99567
        16.44953 16.463579 17.807766 18.039832 18.038043
        4.7706023 4.7745118 5.1643933 5.2318133 5.2312942
        1.0012854 1.0016711 1.069727 1.0817974 1.0817066
        5 4.9539844 4.9950745 4.9981487 4.9999819""",
}
CHANGES = {
    "sodium": {"sodium_intake": 200.0 / 1440.0, "ace_inhibition": 0.0, "thiazide_distal": 1.0},
    "ace": {"sodium_intake": 100.0 / 1440.0, "ace_inhibition": 0.8, "thiazide_distal": 1.0},
    "thiazide": {"sodium_intake": 100.0 / 1440.0, "ace_inhibition": 0.0, "thiazide_distal": 0.6},
}
# Pulse Physiology Engine (Apache-2.0), Renal/MAP_vs_GFR.csv: mmHg to mL/min
PULSE = {
    50: 82.9,
    60: 97.8,
    70: 108.5,
    80: 115.1,
    90: 118.7,
    100: 118.8,
    120: 118.7,
    140: 119.9,
    160: 122.3,
    190: 129.4,
}


def run(changes, times, start=None):
    """One patient of the published model; sodium intake is always an input, so that all runs share one program."""
    return twinsim.simulate(
        structure("organs/kidney_alone"),
        times=times,
        outputs=[*OUTPUTS, "creatinine"],
        parameters={name: value for name, value in changes.items() if name != "sodium_intake"},
        inputs={"sodium_intake": changes["sodium_intake"]},
        start=start,
        precision="float64",
        solver="stiff",
        rtol=1e-8,
    )


@pytest.fixture(scope="module")
def rest():
    nothing = {"sodium_intake": 100.0 / 1440.0, "ace_inhibition": 0.0, "thiazide_distal": 1.0}
    return run(nothing, [0.0, 1.0, 2.0, 3.0, 2e6])


@pytest.mark.parametrize("change", CHANGES)
def test_the_published_model_is_met(rest, change):
    found = run(CHANGES[change], TIMES, rest.final)
    wanted = np.array(REFERENCE[change].split(), float).reshape(len(OUTPUTS), len(TIMES))
    for row, (name, factor) in zip(wanted, OUTPUTS.items(), strict=True):
        np.testing.assert_allclose(np.asarray(found[name]).ravel() / factor, row, rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("name", ["organs/body_fluids", "organs/kidney", "organs/kidney_alone"])
def test_water_sodium_and_creatinine_stay(name):
    assert {"organs/kidney": {"creatinine"}, "organs/body_fluids": {"water", "sodium"}}.get(
        name, {"creatinine", "water", "sodium"}
    ) == set(quantity_units(structure(name)))
    assert leaks(structure(name)) == ()


def test_creatinine_at_rest_is_production_over_clearance(rest):
    gfr, creatinine = (float(np.asarray(rest[name]).ravel()[-1]) for name in ("gfr", "creatinine"))
    assert creatinine == pytest.approx(1400.0 / 1440.0 / (1.1 * gfr) * 100.0, rel=1e-4)
    assert creatinine == pytest.approx(1.0, abs=0.1)  # a typical man's


@pytest.fixture(scope="module")
def under_pressure():
    """Kidneys half an hour after their pressure was set: Pulse's, then 300 others."""
    pressures = [*map(float, PULSE), *np.random.default_rng(1).uniform(60.0, 160.0, 300)]
    found = twinsim.simulate(
        structure("organs/kidney"),
        len(pressures),
        times=[0.0, 30.0],
        outputs=["gfr", "renal_blood_flow"],
        inputs={"arterial_pressure": ([[0.0]] * len(pressures), [[pressure] for pressure in pressures])},
        precision="float64",
        solver="stiff",
    )
    return np.asarray(found.status), np.asarray(found["gfr"])[:, -1], np.asarray(found["renal_blood_flow"])[:, -1]


def test_autoregulation_beside_pulse(under_pressure):
    """Over GFR at 100 mmHg within 5 % from 70 to 120 mmHg; beyond, the sources part."""
    _, gfr, _ = under_pressure
    model = dict(zip(PULSE, gfr / gfr[list(PULSE).index(100)], strict=False))
    for pressure in (70, 80, 90, 100, 120):
        assert model[pressure] == pytest.approx(PULSE[pressure] / PULSE[100], rel=0.05)
    # Hallow's kidney filters less at low, more at high pressure than Pulse's, and less at rest
    assert model[50] == pytest.approx(0.24 * PULSE[50] / PULSE[100], rel=0.05)
    assert model[190] == pytest.approx(2.09 * PULSE[190] / PULSE[100], rel=0.05)
    assert gfr[list(PULSE).index(100)] == pytest.approx(0.80 * PULSE[100], rel=0.02)


def test_a_cohort_is_whole(under_pressure):
    status, gfr, flow = under_pressure
    assert not status.any()
    assert np.all((gfr > 0.0) & (gfr < 0.25 * flow))
