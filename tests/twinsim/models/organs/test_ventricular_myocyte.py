"""Ventricular myocyte against myokit, on another encoding of the same model.

The numbers are those of myokit 1.39.2 (CVODES, tolerances 1e-10) on myokit/models, c/ohara-cipa-v1-2017.mmt (version
20230208, BSD), with cell.mode 0, -80 A/F for 0.5 ms from 0 on every 1000 ms, and ikr.Kt 3.5e-5. A drug sets ikr.D to
its concentration, its five numbers, and divides conductances by 1 + (c / IC50)^hill. The net charge is the integral of
its six currents, logged every 0.002 ms, by trapezoids.
"""

import numpy as np
import pytest

import twinsim
from twinsim.pacing import beat_times, channel_drug, drugged, measured, paced

TRACED = (0.5, 1, 2, 5, 20, 50, 100, 150, 200, 230, 250, 260, 270, 300, 600, 999)
# mV and nmol/L at these times of the first and the tenth beat
POTENTIAL = {
    1: [-48.37557, -39.26353, 32.82941, 40.71402, 39.38517, 34.83672, 22.38186, 9.5021, -11.25556, -32.34084, -49.60663,
        -61.3314, -76.56309, -87.59034, -87.86947, -87.93338],
    10: [-48.30596, -39.07147, 32.75146, 40.6168, 39.31282, 34.75776, 22.25288, 9.2947, -11.7049, -32.89763, -50.40899,
         -62.36134, -77.78534, -87.58929, -87.86819, -87.93223],
}  # fmt: skip
CALCIUM = {
    1: [85.9866, 85.9726, 85.9815, 91.9188, 257.64, 362.2477, 336.9044, 292.5332, 256.8663, 236.5884, 223.2581,
        216.8333, 210.6279, 193.5679, 110.8653, 85.7885],
    10: [85.8181, 85.8045, 85.8148, 91.8405, 259.6265, 364.914, 338.9981, 294.0167, 257.7863, 237.22, 223.7693,
         217.3008, 211.0603, 193.9283, 111.0019, 85.8608],
}  # fmt: skip
# APD90, peak, resting potential, net charge, largest calcium, share of hERG bound at the end of the beat
FIRST = (268.9396786, 40.9871728, -88.0019047, 0.0605377, 364.2770474, 0.0)
TENTH = {
    (None, 0.0): (268.1395055, 40.8955895, -87.9324053, 0.0599180, 366.8890003, 0.0),
    ("dofetilide", 2.0): (269.3192913, 41.1396914, -87.9343045, 0.0590254, 365.5574608, 0.0152776),
    ("dofetilide", 8.0): (275.5906029, 41.4140598, -87.9379769, 0.0561751, 363.7926383, 0.0601842),
    ("verapamil", 81.0): (270.6698362, 39.7960496, -87.9379755, 0.0603632, 300.1463952, 0.1003251),
    ("verapamil", 324.0): (298.1412351, 37.9747441, -87.9464768, 0.057211, 218.7215928, 0.3466838),
    ("quinidine", 3237.0): (484.054638, 40.1552611, -87.935894, 0.0206512, 351.7661097, 0.3827835),
}
BEFORE = 999.99  # the second stimulus
OUTPUTS = ["potential", "calcium", "qnet", "herg_bound"]


@pytest.fixture(scope="module")
def run():
    """Ten beats, looked at in the first and the tenth; the last cell with potassium of 3 mmol/L."""
    cells = [*TENTH, (None, 0.0)]
    model, cohort = drugged(cells, {"plasma_potassium": [5.4] * len(TENTH) + [3.0]})
    times = np.concatenate([beat_times(1)[:-1], [BEFORE], beat_times(10)])
    how = {"solver": "stiff", "precision": "float64", "rtol": 1e-6, "dense": True}
    return twinsim.simulate(model, cohort, paced(10), times=times, outputs=OUTPUTS, **how)


def beat(run, number):
    """Times from its stimulus, and outputs (time, cell), of a beat."""
    times = np.asarray(run.job.times)
    rows = (times >= 1000.0 * (number - 1)) & (times <= 1000.0 * number)
    return times[rows] - 1000.0 * (number - 1), {name: np.asarray(run[name])[rows] for name in OUTPUTS}


@pytest.mark.parametrize("number", [1, 10])
def test_potential_and_calcium_of_a_beat(run, number):
    times, found = beat(run, number)
    rows = np.searchsorted(times, TRACED)
    potential, calcium = found["potential"][rows, 0], found["calcium"][rows, 0]
    np.testing.assert_allclose(potential, POTENTIAL[number], atol=5e-3)
    np.testing.assert_allclose(calcium, CALCIUM[number], rtol=1e-4)


def seen(run, number):
    times, found = beat(run, number)
    return measured(times, found["potential"], found["qnet"])


def test_measures_of_the_first_beat(run):
    first = seen(run, 1)
    assert (first.apd90[0], first.peak[0], first.resting[0]) == pytest.approx(FIRST[:3], rel=1e-5)
    assert first.qnet[0] == pytest.approx(FIRST[3], rel=1e-5)


def test_measures_with_and_without_drugs(run):
    """Within 0.01 %; CiPA's drug of high risk takes charge from the beat, the one of low risk adds some at therapy."""
    assert not run.status.any()
    found, tenth = beat(run, 10)[1], seen(run, 10)
    for cell, (drug, wanted) in enumerate(TENTH.items()):
        numbers = tenth.apd90[cell], tenth.peak[cell], tenth.resting[cell], tenth.qnet[cell]
        np.testing.assert_allclose(numbers, wanted[:4], rtol=1e-4, err_msg=str(drug))
        assert found["calcium"][:, cell].max() == pytest.approx(wanted[4], rel=1e-4)
        assert found["herg_bound"][-1, cell] == pytest.approx(wanted[5], rel=1e-4, abs=1e-12)
    assert tenth.fired[:-1].all() and tenth.repolarised.all() and not tenth.early_afterdepolarisation.any()


def test_with_little_potassium_the_stimulus_is_too_small(run):
    """At 3 mmol/L myokit's cell rests at -103.584 mV and reaches -63.603 mV: no action potential."""
    tenth = seen(run, 10)
    assert (tenth.resting[-1], tenth.peak[-1]) == pytest.approx((-103.58398, -63.60254), rel=1e-5)
    assert not tenth.fired[-1]


def test_channels_stay_channels():
    """Where a drug binds, the shares of hERG's nine states still add up to one."""
    cell = twinsim.structure("organs/ventricular_myocyte")
    p = {item.name: item.default for item in cell.parameters} | channel_drug("bepridil").parameters()
    x = {name: 0.1 for name in cell.state_names} | {"v": -20.0}
    change = cell.derivative(0.0, x, p, {"concentration": 33.0, "plasma_potassium": 5.4})
    assert abs(sum(value for name, value in change.items() if name.startswith("ikr_"))) < 1e-12
    assert change["ikr_obound"] != 0.0
