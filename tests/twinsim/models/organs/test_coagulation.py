"""INR under warfarin by genotype, against libroadrunner on a public SBML file of the same model."""

import numpy as np
import pytest

import twinsim

DAYS = (3, 7, 14, 60)
# INR at the end of these days, 2.5 mg of S-warfarin into blood every 24 h, 71 years: libroadrunner 2.10.0 on
# models/hamberg_warfarin_inr_model.xml of DavAug/mipd-warfarin (fdbd67e), with gamma 1.15, rate constants 0.104895 and
# 0.0253593 1/h, volume 14.3 L, and the shifts of its parameter file: clearance 0.348 L/h (1 - sum of 0.495 for each *2
# and 0.757 for each *3, halved), EC50 4.1 mg/L (1 - 0.532 of A/A, half of it with G/A). Relative tolerance 1e-10.
INR = {
    ("*1/*1", "G/G"): (1.40292, 1.76408, 1.92955, 1.94241),
    ("*1/*1", "G/A"): (1.56648, 2.06981, 2.29974, 2.31753),
    ("*1/*1", "A/A"): (1.91973, 2.72158, 3.08555, 3.11346),
    ("*1/*3", "G/G"): (1.50463, 2.12402, 2.51478, 2.57214),
    ("*1/*3", "G/A"): (1.70683, 2.55990, 3.09256, 3.16989),
    ("*1/*3", "A/A"): (2.13849, 3.46415, 4.27420, 4.38902),
    ("*2/*2", "G/G"): (1.54351, 2.29162, 2.84110, 2.95392),
    ("*2/*2", "G/A"): (1.76017, 2.78491, 3.52615, 3.67594),
    ("*2/*2", "A/A"): (2.22058, 3.79522, 4.89874, 5.11442),
    ("*3/*3", "G/G"): (1.64782, 2.83436, 4.18312, 5.01096),
    ("*3/*3", "G/A"): (1.90237, 3.49948, 5.24685, 6.27186),
    ("*3/*3", "A/A"): (2.43664, 4.80654, 7.21195, 8.50354),
}
CYP2C9 = ("*1/*1", "*1/*2", "*1/*3", "*2/*2", "*2/*3", "*3/*3")
VKORC1 = ("G/G", "G/A", "A/A")


def people(cyp2c9, vkorc1, age):
    covariates = {"cyp2c9": np.asarray(cyp2c9, float), "vkorc1": np.asarray(vkorc1, float), "age": age}
    return twinsim.Cohort(np.arange(len(cyp2c9)), covariates, {"cyp2c9": "1", "vkorc1": "1", "age": "y"})


def test_inr_by_genotype():
    """To 1e-5 with the file's rounded shifts; the library's, from what each allele adds, give 0.15 % more or less at
    most. And two hundred people of all genotypes, from 40 to 89 years: all can be computed."""
    shift = {"*1": 0.0, "*2": 0.495, "*3": 0.757}
    rounded = {f"cl.cyp2c9.{a}": 1 - (shift[a[:2]] + shift[a[3:]]) / 2 for a in CYP2C9[1:]}
    rounded |= {"ec50.vkorc1.G/A": 1 - 0.532 / 2, "ec50.vkorc1.A/A": 1 - 0.532}
    model = twinsim.population_model("warfarin_inr_hamberg_2010")
    for name, value in rounded.items():
        assert model.thetas[name] == pytest.approx(value, rel=2e-3)
    number, known = np.arange(200), len(INR)
    cyp2c9 = [*(CYP2C9.index(a) for a, _ in INR), *(number % 6)]
    vkorc1 = [*(VKORC1.index(b) for _, b in INR), *(number // 6 % 3)]
    cohort = people(cyp2c9, vkorc1, np.concatenate([[71.0] * known, 40.0 + number % 50]))
    found = twinsim.simulate(
        model.with_thetas(rounded), cohort, twinsim.regimen(2.5, route="iv", interval=24.0, count=60), None,
        np.asarray(DAYS) * 24.0, ["inr"], precision="float64", rtol=1e-8, random_effects=False,
    )  # fmt: skip
    assert not found.status.any()
    np.testing.assert_allclose(found["inr"][:, :known].T, list(INR.values()), rtol=1e-5)
    last = found["inr"][-1, known:]
    assert np.median(last[number % 6 == 5]) > 1.5 * np.median(last[number % 6 == 0])


def test_steady_state_in_closed_form():
    """Constant concentration: inr = inr0 + inr_max c^gamma/(ec50^gamma + c^gamma)."""
    organ = twinsim.structure("organs/coagulation")
    p, u = {item.name: item.default for item in organ.parameters}, {"concentration": 1.5}
    left = 1.0 - 1.5**1.15 / (4.1**1.15 + 1.5**1.15)
    x = dict.fromkeys(organ.state_names, left)
    assert max(map(abs, organ.derivative(0.0, x, p, u).values())) < 1e-12
    assert organ.observe(0.0, x, p, u)["inr"] == pytest.approx(1.0 + 20.0 * (1.0 - left))


def test_without_the_drug():
    organ = twinsim.structure("organs/coagulation")
    p, u = {item.name: item.default for item in organ.parameters}, {"concentration": 0.0}
    x = organ.initial(p, u)
    assert not any(organ.derivative(0.0, x, p, u).values())
    assert organ.observe(0.0, x, p, u)["inr"] == 1.0
