"""Regimens: what they write into the event table, what they refuse, and what patients get from them."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, ModelError, UsageError
from twinsim.population.cohort import Cohort

CL, V, KA, LAG, F = 6.0, 20.0, 1.1, 0.7, 0.6
TIMES = np.array([0.0, 0.5, 2.0, 5.0, 6.0, 11.0, 24.0])
WEIGHTS, BSA = np.array([50.0, 80.0, 3.5]), np.array([1.5, 2.0, 0.22])
COHORT = Cohort([1, 2, 3], {"weight": WEIGHTS, "bsa": BSA}, {"weight": "kg", "bsa": "m2"})


OWN = {
    "pk/one_compartment_oral": {"cl": CL, "v": V, "ka": KA, "lag": LAG, "f": F},
    "pk/one_compartment_iv": {"cl": CL, "v": V, "rate": 25.0, "duration": 4.0},
}


def simulated(events, cohort=None, times=TIMES, name="pk/one_compartment_oral", **options):
    """Concentrations (time, patient) in float64."""
    structure = twinsim.structure(name)
    options = {"precision": "float64", "endpoints": (), **options}
    return twinsim.simulate(structure, cohort, events, OWN[name], times, **options)["concentration"]


def bolus(t, amount):
    return np.where(t >= 0, amount / V * np.exp(-CL / V * np.maximum(t, 0.0)), 0.0)


def oral(t, amount):
    since = np.maximum(t - LAG, 0.0)
    return amount * F * KA / (V * (KA - CL / V)) * (np.exp(-CL / V * since) - np.exp(-KA * since))


def infusion(t, amount, duration):
    during, after = np.clip(t, 0.0, duration), np.maximum(t - duration, 0.0)
    return amount / duration / CL * -np.expm1(-CL / V * during) * np.exp(-CL / V * after)


REGIMENS = {
    "one": (dict(amount=100), lambda t: oral(t, 100)),
    "by state": (dict(amount=100, route="central"), lambda t: bolus(t, 100)),
    "by compartment": (dict(amount=100, route=2), lambda t: bolus(t, 100)),
    "by a route's name": (dict(amount=100, route="iv"), lambda t: bolus(t, 100)),
    "later": (dict(amount=100, route="iv", start=2.0), lambda t: bolus(t - 2, 100)),
    "several": (
        dict(amount=100, route="iv", interval=3, count=4, start=0.5),
        lambda t: sum(bolus(t - 0.5 - 3 * k, 100) for k in range(4)),
    ),
    "over a duration": (dict(amount=100, route="iv", duration=2.5), lambda t: infusion(t, 100, 2.5)),
    "at a rate": (dict(amount=100, route="iv", rate=40), lambda t: infusion(t, 100, 2.5)),
    "at the modelled rate": (dict(amount=100, route="iv", rate="modelled_rate"), lambda t: infusion(t, 100, 4)),
    "over the modelled duration": (
        dict(amount=60, route="iv", rate="modelled_duration"),
        lambda t: infusion(t, 60, 4),
    ),
    "at steady state": (
        dict(amount=100, route="iv", interval=6, count=2, steady_state=True),
        lambda t: sum(bolus(t - 6 * k, 100) for k in range(-200, 2)),
    ),
}


@pytest.mark.parametrize("name", REGIMENS)
def test_what_patients_get(name):
    items, expected = REGIMENS[name]
    modelled = str(items.get("rate")).startswith("modelled")
    name = "pk/one_compartment_iv" if modelled else "pk/one_compartment_oral"
    got = simulated(twinsim.regimen(**items), name=name)
    assert got[:, 0] == pytest.approx(expected(TIMES), abs=1e-9 * expected(TIMES).max())


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_amounts_per_kilogram_and_square_metre_add_up(solver):
    events = twinsim.regimen(2, per="kg", route="iv") + twinsim.regimen(50)
    events += twinsim.regimen(30, per="m2", duration=2.5, route="iv", start=2)
    got = simulated(events, COHORT, solver=solver)
    for i, (weight, bsa) in enumerate(zip(WEIGHTS, BSA, strict=True)):
        expected = bolus(TIMES, 2 * weight) + infusion(TIMES - 2, 30 * bsa, 2.5) + oral(TIMES, 50)
        assert got[:, i] == pytest.approx(expected, abs=1e-7 * expected.max())


def test_body_surface_area_follows_from_weight_and_height():
    # Mosteller 1987, N Engl J Med 317:1098: sqrt(160 cm 50 kg / 3600); Du Bois 1916 gives 0.7 % more here
    people = Cohort([1], {"weight": [50.0], "height": [160.0]}, {"weight": "kg", "height": "cm"})
    events = twinsim.regimen(30, per="m2", route="iv")
    got = simulated(events, people, [0.0])
    assert got[0, 0] == pytest.approx(30 / V * np.sqrt(160 * 50 / 3600), rel=0.01)


@pytest.mark.parametrize(("per", "missing"), [("kg", "weight"), ("m2", "bsa")])
def test_a_dose_per_kilogram_is_never_taken_for_a_whole_dose(per, missing):
    with pytest.raises(UsageError, match=f"needs the patients' {missing}") as refused:
        simulated(twinsim.regimen(2, per=per))
    assert refused.value.where == "regimen.per" and missing in refused.value.do


def test_regimens_add_up_in_order():
    loading, maintenance = twinsim.regimen(500, route="iv"), twinsim.regimen(250, interval=12, count=6, start=12)
    both = loading + maintenance
    assert both.targets == ("iv", "oral") and both.target.tolist() == [0, 1]
    assert both.time.tolist() == [0, 12] and both.additional.tolist() == [0, 5] and both.shared
    other = maintenance + loading
    assert other.targets == ("oral", "iv") and other.value.tolist() == [250, 500]
    assert simulated(both, times=[12.0]) == pytest.approx(simulated(other, times=[12.0]), rel=1e-12)


@pytest.mark.parametrize(
    ("items", "where", "says"),
    [
        (dict(per="kgs"), "regimen.per", "did you mean kg?"),
        (dict(count=0), "regimen.count", "at least one dose"),
        (dict(count=3), "regimen.interval", "add interval=12"),
        (dict(steady_state=True), "regimen.interval", "add interval=12"),
        (dict(duration=2, rate=5), "regimen", "not both"),
        (dict(rate="modeled_rate"), "regimen.rate", "did you mean modelled_rate"),
    ],
)
def test_what_contradicts_itself_is_refused(items, where, says):
    with pytest.raises(UsageError) as refused:
        twinsim.regimen(100, **items)
    assert where in refused.value.where and says in str(refused.value)


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (dict(amount=-1), "value must be 0 or more"),
        (dict(amount=float("nan")), "value must be 0 or more"),
        (dict(amount=float("inf")), "value must be 0 or more"),
        (dict(interval=-12, count=2), "interval must be above 0"),
        (dict(duration=0.0), "duration must be above 0"),
        (dict(rate=-3.0), "rate must be above 0, or -1 or -2"),
        (dict(start=float("nan")), "time is not a finite number"),
    ],
)
def test_what_no_patient_can_be_given_is_refused(items, says):
    events = twinsim.regimen(**{"amount": 100, **items})
    with pytest.raises(DataError, match="event 1: ") as refused:
        simulated(events)
    assert says in str(refused.value)


@pytest.mark.parametrize("route", ["orl", "7", 7, 0])
def test_a_route_that_is_not_there_is_answered_with_those_that_are(route):
    with pytest.raises(ModelError) as refused:
        simulated(twinsim.regimen(100, route=route))
    assert ("oral" if route == "orl" else "1 depot, 2 central") in refused.value.do
