"""Pharmacokinetic structures against closed forms, by SciPy on their equations."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import expm
from scipy.special import lambertw
from scipy.stats import gamma

from twinsim.models.registry import structure

DOSE = 100.0


def concentration(model, x, p):
    return model.observe(0.0, x, p, {})["concentration"]


def test_one_compartment_bolus_decays_exponentially(solve, times, values):
    for name in ("pk/one_compartment_iv", "pk/one_compartment_zero_order"):
        model = structure(name)
        p = values(model)
        x = solve(model, times, {"central": DOSE}, p)
        assert concentration(model, x, p) == pytest.approx(DOSE / p["v"] * np.exp(-p["cl"] / p["v"] * times), rel=1e-9)


def test_one_compartment_oral_is_batemans_function(solve, times, values):
    # Bateman 1910, Proc Cambridge Phil Soc 15:423; Gibaldi and Perrier 1982, equation 1.113
    model = structure("pk/one_compartment_oral")
    p = values(model, cl=2.8, v=32.0, ka=1.6)
    x = solve(model, times, {"depot": DOSE}, p)
    k = p["cl"] / p["v"]
    expected = DOSE * p["ka"] / (p["v"] * (p["ka"] - k)) * (np.exp(-k * times) - np.exp(-p["ka"] * times))
    assert concentration(model, x, p) == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_one_compartment_oral_agrees_with_nonmem(solve, values, reference_data):
    # scenario 1 up to its second dose: 100 mg orally, CL 1.1, V 20, KA 1.5, five digits in ug/L
    model = structure("pk/one_compartment_oral")
    p = values(model, cl=1.1, v=20.0, ka=1.5)
    table = pd.read_csv(reference_data / "nonmem_dosing" / "nonmem.csv")
    table = table[(table.ID == 1) & (table.TIME > 0) & (table.TIME < 24)]
    times = np.array([0.0, *table.TIME])
    x = solve(model, times, {"depot": DOSE}, p)
    assert len(table) > 20
    assert 1000 * concentration(model, x, p)[1:] == pytest.approx(table.CP.to_numpy(), rel=5e-5)


@pytest.mark.parametrize("peripherals", [1, 2])
def test_star_of_compartments_is_the_exponential_of_its_rate_constants(solve, times, values, peripherals):
    size = {1: "two", 2: "three"}[peripherals]
    names = ["peripheral"] if peripherals == 1 else ["fast", "slow"]
    oral, iv = structure(f"pk/{size}_compartment_oral"), structure(f"pk/{size}_compartment_iv")
    p = values(oral)
    flows = [(p["q"], p["v2"])] if peripherals == 1 else [(p["q2"], p["v2"]), (p["q3"], p["v3"])]
    # depot, central, peripherals; entry (i, j) is the rate constant from j to i
    k = np.zeros((2 + peripherals, 2 + peripherals))
    k[1, 0] = p["ka"]
    for i, (q, v) in enumerate(flows, start=2):
        k[i, 1], k[1, i] = q / p["v1"], q / v
    k -= np.diag(k.sum(axis=0) + np.eye(2 + peripherals)[1] * p["cl"] / p["v1"])
    begin = np.zeros(2 + peripherals)
    for model, state in ((oral, "depot"), (oral, "central"), (iv, "central")):
        begin[:] = 0.0
        begin[0 if state == "depot" else 1] = DOSE
        exact = np.array([expm(k * t) @ begin for t in times])
        x = solve(model, times, {state: DOSE}, values(model))
        for i, name in enumerate(["central", *names], start=1):
            assert x[name] == pytest.approx(exact[:, i], rel=1e-8, abs=1e-9)


def test_transit_chain_delays_as_a_gamma_density(solve, times, values):
    model = structure("pk/one_compartment_transit")
    p = values(model, ktr=1.3, ka=0.0)
    x = solve(model, times, {"depot": 1.0}, p)
    assert x["gut"] == pytest.approx(gamma.cdf(times, a=4, scale=1 / p["ktr"]), rel=1e-8, abs=1e-10)
    # mean transit time (n + 1)/ktr is the area above the arrived fraction
    late = np.linspace(0.0, 60.0, 6001)
    arrived = solve(model, late, {"depot": 1.0}, p)["gut"]
    assert np.trapezoid(1 - arrived, late) == pytest.approx(4 / p["ktr"], rel=1e-5)


def test_michaelis_menten_is_lamberts_function(solve, times, values):
    # Beal 1983, J Pharmacokinet Biopharm 11:623: C = km W(C0/km exp((C0 - vmax t/v)/km))
    model = structure("pk/one_compartment_mm")
    p = values(model, vmax=20.0, km=2.0, v=30.0)
    x = solve(model, times, {"central": 600.0}, p)
    c0 = 600.0 / p["v"]
    exact = p["km"] * lambertw(c0 / p["km"] * np.exp((c0 - p["vmax"] * times / p["v"]) / p["km"])).real
    assert concentration(model, x, p) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("saturable", "linear"),
    [
        ("pk/one_compartment_mm", "pk/one_compartment_iv"),
        ("pk/one_compartment_oral_mm", "pk/one_compartment_oral"),
        ("pk/two_compartment_mm", "pk/two_compartment_iv"),
        ("pk/two_compartment_oral_mm", "pk/two_compartment_oral"),
    ],
)
def test_far_below_km_elimination_is_linear(saturable, linear, values):
    model, limit = structure(saturable), structure(linear)
    p = values(limit, cl=4.0)
    x = {name: 10.0 + 3 * i for i, name in enumerate(model.state_names)}
    with_km = values(model, vmax=4e9, km=1e9)
    assert model.state_names == limit.state_names
    for name, rate in limit.derivative(0.0, x, p, {}).items():
        assert model.derivative(0.0, x, with_km, {})[name] == pytest.approx(rate, rel=1e-8)


def test_parallel_elimination_is_the_sum_of_both_pathways(values):
    both, linear, saturable = (
        structure(f"pk/two_compartment_{kind}") for kind in ("parallel", "oral", "oral_mm")
    )  # fmt: skip
    p = values(both, vmax=0.7)
    x = {"depot": 30.0, "central": 20.0, "peripheral": 9.0}
    sums = {
        model.name: model.derivative(0.0, x, {name: p[name] for name in model.parameter_names}, {})["central"]
        for model in (linear, saturable)
    }
    neither = linear.derivative(0.0, x, {name: p[name] for name in linear.parameter_names} | {"cl": 0.0}, {})
    expected = sum(sums.values()) - neither["central"]
    assert both.derivative(0.0, x, p, {})["central"] == pytest.approx(expected, rel=1e-12)


def test_antibody_defaults_are_davdas_in_hours(values):
    # Davda 2014: CL 0.200 L/d, V1 3.61 L, V2 2.75 L, Q 0.747 L/d, ka 0.282 1/d, F 74.4 %
    p = values(structure("pk/two_compartment_parallel"))
    assert (24 * p["cl"], 24 * p["q"], 24 * p["ka"]) == pytest.approx((0.2, 0.747, 0.282))
    # terminal half-life of a typical antibody is about three weeks
    k10, k12, k21 = p["cl"] / p["v1"], p["q"] / p["v1"], p["q"] / p["v2"]
    total = k10 + k12 + k21
    beta = (total - np.sqrt(total**2 - 4 * k10 * k21)) / 2
    assert 18 < np.log(2) / beta / 24 < 28


def test_metabolite_follows_its_closed_form_and_ratio_of_areas(solve, values):
    # Rowland and Tozer 2011, chapter 20: AUCm/AUC = fm CL/CLm
    model = structure("pk/parent_metabolite")
    p = values(model, weight_ratio=0.9)
    times = np.linspace(0.0, 200.0, 4001)
    x = solve(model, times, {"parent": DOSE}, p)
    k, km = p["cl"] / p["v"], p["clm"] / p["vm"]
    exact = p["fm"] * p["weight_ratio"] * k * DOSE / (km - k) * (np.exp(-k * times) - np.exp(-km * times))
    assert x["metabolite"] == pytest.approx(exact, rel=1e-7, abs=1e-9)
    seen = model.observe(0.0, x, p, {})
    ratio = np.trapezoid(seen["metabolite_concentration"], times) / np.trapezoid(seen["concentration"], times)
    assert ratio == pytest.approx(p["fm"] * p["weight_ratio"] * p["cl"] / p["clm"], rel=1e-4)
