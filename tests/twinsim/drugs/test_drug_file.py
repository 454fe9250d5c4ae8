"""Drug files: what is read, in which units, and what a wrong one is answered."""

import copy
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from twinsim.errors import ModelError, UsageError

GOOD: dict[str, Any] = {
    "title": "Testamine",
    "sources": {"paper": "Author 2020, Journal 1:1"},
    "physicochemistry": {
        "molar_mass": {"value": "0.3 kg/mol", "source": "paper"},
        "log_p": {"value": 2, "source": "paper, table 2"},
        "compound": "base",
        "pka": [
            {"group": "base", "value": 6.0, "source": "paper"},
            {"group": "base", "value": 9.0, "source": "assumed: like its cousin"},
        ],
    },
    "plasma": {
        "fu": {"value": "20 %", "source": "Other 2021, Journal 2:2"},
        "protein": "alpha1_acid_glycoprotein",
        "blood_to_plasma": {"value": 1.1, "haematocrit": "45 %", "source": "paper"},
    },
    "clearances": [
        {"name": "liver", "kind": "hepatic", "enzyme": "CYP2D6", "value": "1 L/min", "source": "paper"},
        {
            "name": "microsomes",
            "kind": "hepatic",
            "per": "microsomal_protein",
            "value": "0.01 mL/min/mg",
            "source": "paper",
        },
        {
            "name": "recombinant",
            "kind": "hepatic",
            "enzyme": "CYP3A4",
            "per": "enzyme",
            "vmax": "5 pmol/min/pmol",
            "km": "2500 nmol/L",
            "abundance": {"value": "108 pmol/mg", "source": "paper"},
            "source": "paper",
        },
        {"name": "filtration", "kind": "filtration", "value": 1, "source": "paper"},
        {"name": "tubules", "kind": "secretion", "transporter": "OCT2", "value": "100 mL/min", "source": "paper"},
    ],
    "absorption": {
        "permeability": {"value": "0.0003 cm/s", "source": "paper"},
        "gut_wall": [{"enzyme": "CYP3A4", "value": 0.1, "source": "paper"}],
    },
    "metabolites": [{"name": "hydroxytestamine", "fraction": "40 %", "source": "paper"}],
    "interactions": [
        {"kind": "reversible", "target": "CYP2D6", "ki": "0.5 umol/L", "source": "paper"},
        {"kind": "mechanism_based", "target": "CYP3A4", "kinact": "0.02 1/min", "ki": "1 uM", "source": "paper"},
        {"kind": "induction", "target": "CYP3A4", "emax": 8, "ec50": "0.3 umol/L", "source": "paper"},
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good file with another value at a path; None removes it."""
    document = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    place: Any = document
    for key in way:
        place = place[int(key)] if key.isdigit() else place[key]
    if value is None:
        del place[int(last) if last.isdigit() else last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return document


def test_what_is_read():
    drug = twinsim.drug(GOOD)
    assert (drug.title, drug.molar_mass, drug.compound, drug.fu) == ("Testamine", 300.0, "base", 0.2)
    assert drug.base_pka == (9.0, 6.0) and drug.acid_pka == ()  # the strongest first
    assert drug.protein == "alpha1_acid_glycoprotein" and drug.log_vow is None
    assert drug.red_cells == pytest.approx((1.1 - 0.55) / (0.45 * 0.2))
    sources = {row.name: row for row in drug.sources()}
    assert sources["physicochemistry.log_p"].source == "Author 2020, Journal 1:1; table 2"
    assert sources["plasma.fu"].source == "Other 2021, Journal 2:2"
    assert sources["interactions.mechanism_based.CYP3A4.kinact"].value == pytest.approx(1.2)
    assert all(row.source and row.unit and row.meaning for row in sources.values())
    assert len(sources) == len(drug.sources()) == 21
    assert drug.assumed() == ["physicochemistry.pka.base_2"]
    assert drug.interactions[0].values["ki"].value == 0.5
    assert drug.absorption is not None and drug.absorption.gut_wall[0].fraction.value == 0.1


def test_clearances_of_a_whole_liver():
    liver, microsomes, recombinant, filtration, tubules = twinsim.drug(GOOD).clearances
    mass = jnp.array([1.8, 0.9])
    assert np.allclose(liver.whole_liver(mass), [60.0, 30.0])
    # 10 uL/min/mg, 40 mg/g, 1800 g
    assert float(microsomes.whole_liver(mass)[0]) == pytest.approx(10 * 40 * 1800 * 60e-6)
    # 2 uL/min/pmol, 108 pmol/mg
    assert recombinant.whole_liver(1.8) == pytest.approx(2 * 108 * 40 * 1800 * 60e-6)
    assert recombinant.whole_liver(1.8, enzyme_abundance=54.0, microsomal_protein=20.0) == pytest.approx(
        recombinant.whole_liver(1.8) / 4
    )
    assert (filtration.intrinsic, tubules.intrinsic) == (1.0, pytest.approx(6.0))
    with pytest.raises(UsageError, match="filtration, not hepatic"):
        filtration.whole_liver(1.8)
    # without an abundance a rate belongs to the median adult's: mean 68.1, cv 0.77
    usual = twinsim.drug(changed("clearances.2.abundance", None)).clearances[2]
    assert usual.whole_liver(1.8) / recombinant.whole_liver(1.8) == pytest.approx(68.1 / np.sqrt(1 + 0.77**2) / 108)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enzyme": "CYP2B6", "abundance": None}, "abundance: is missing: twinsim knows none of CYP2B6"),
        ({"per": "liver", "vmax": "5 nmol/min"}, "abundance: stands at a clearance that is not counted per enzyme"),
        ({"abundance": {"value": "108 umol/L", "source": "paper"}}, "umol/L does not fit pmol/mg"),
        ({"abundance": {"value": "0 pmol/mg", "source": "paper"}}, "0 pmol/mg lies outside"),
    ],
)
def test_the_abundance_that_a_rate_belongs_to(change, words):
    entry = {**GOOD["clearances"][2], **change}
    entry = {name: value for name, value in entry.items() if value is not None}
    with pytest.raises(ModelError, match=words):
        twinsim.drug(changed("clearances.2", entry))


def test_a_saturable_clearance_of_the_liver():
    entry = {"name": "liver", "kind": "hepatic", "vmax": "2 umol/min", "km": "4 umol/L", "source": "paper"}
    clearance = twinsim.drug(changed("clearances.0", entry)).clearances[0]
    assert clearance.intrinsic == pytest.approx(0.5 * 60)  # 0.5 L/min


def test_partition_of_patients():
    drug = twinsim.drug(GOOD)
    fu = jnp.array([0.1, 0.2])
    kp = drug.partition(fu)
    assert np.allclose(kp["muscle"][1], drug.partition()["muscle"], rtol=1e-14)
    # a strong base's kpu does not depend on binding
    assert float(kp["liver"][0]) == pytest.approx(float(kp["liver"][1]) / 2)
    assert drug.partition(method="poulin_theil").keys() == kp.keys()
    assert np.allclose(drug.blood_to_plasma(jnp.array([0.45, 0.2])), [1.1, 1 + 0.2 * (1.1 / 0.45 - 1 / 0.45)])
    with pytest.raises(UsageError, match="rodgers_rowland"):
        drug.partition(method="rodgers")
    with pytest.raises(UsageError, match="blood to plasma"):
        twinsim.drug(changed("plasma.blood_to_plasma", None)).partition()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("title", None, "title: is missing"),
        ("colour", "blue", "colour: is not a key here"),
        ("physicochemistry.molar_mass.value", 300, "molar_mass.value: 300 has no unit (write 300 g/mol)"),
        ("physicochemistry.molar_mass.value", "300 mg/L", "mg/L does not fit g/mol"),
        ("physicochemistry.log_p.source", None, "physicochemistry.log_p.source: is missing"),
        ("physicochemistry.log_p.source", "papre", "'papre' is not in sources (did you mean paper?)"),
        ("physicochemistry.compound", "acid", "the compound is acid, which has acid; here is base"),
        ("physicochemistry.compound", "bas", "did you mean base?"),
        ("plasma.fu.value", 2, "plasma.fu.value: 2 1 lies outside"),
        ("plasma.protein", "albumen", "did you mean albumin?"),
        ("plasma.blood_to_plasma.value", 0.5, "lies outside 0.55 to inf"),
        ("plasma.blood_to_plasma.haematocrit", None, "plasma.blood_to_plasma.haematocrit: is missing"),
        ("clearances", [], "clearances: the drug is cleared by nothing"),
        ("clearances", None, "clearances: the drug is cleared by nothing"),
        ("clearances.0.enzyme", "CYP2D7", "clearances[1].enzyme: 'CYP2D7' is not known (did you mean CYP2D6"),
        ("clearances.0.kind", "hepatik", "did you mean hepatic?"),
        ("clearances.0.value", "1 mg/L", "clearances[1].value: mg/L does not fit L/h"),
        ("clearances.0.value", "-1 L/h", "lies outside 0 to inf"),
        ("clearances.0.name", "filtration", "'filtration' names two ways"),
        ("clearances.1.value", "1 L/h", "L/h does not fit uL/min/mg"),
        ("clearances.2.enzyme", None, "the clearance is counted per enzyme"),
        ("clearances.2.km", None, "clearances[3].km: is missing"),
        ("clearances.2.value", "1 uL/min/pmol", "stands beside vmax"),
        ("clearances.4.transporter", "OCT", "did you mean OCT"),
        ("absorption.permeability", None, "absorption: nothing says how fast the drug is absorbed"),
        ("absorption.gut_wall.0.enzyme", "CYP3A", "did you mean CYP3A"),
        ("metabolites.0.fraction", 1.5, "metabolites[1].fraction: 1.5 1 lies outside 0 to 1"),
        ("interactions.0.target", "CYP2D7", "interactions[1].target: 'CYP2D7' is not known"),
        ("interactions.0.kind", "reversable", "did you mean reversible?"),
        ("interactions.1.kinact", None, "interactions[2].kinact: is missing"),
        ("distribution", {"tissues": ["muscle"]}, "distribution.volume: is missing"),
        (
            "distribution",
            {"volume": {"value": "1 L/kg", "source": "paper"}, "tissues": ["mussel"]},
            "no list of tissues",
        ),
        ("reference", {"route": "oral", "dose": "1 h", "until": "4 h"}, "h does not fit mg"),
        ("reference", {"route": "oral", "dose": "1 mg", "until": "0 h"}, "reference.until: 0 is not above zero"),
        ("sources.unused", "Nobody 1900", "sources.unused: is the source of no number"),
    ],
)
def test_what_is_refused(path, value, words):
    with pytest.raises(ModelError) as refusal:
        twinsim.drug(changed(path, value))
    assert words in str(refusal.value)
    assert "the drug" in str(refusal.value) and "docs/drugs.md" in str(refusal.value)


def test_everything_wrong_is_told_at_once():
    document = changed("plasma.fu.value", 2)
    document["physicochemistry"]["compound"] = "bas"
    with pytest.raises(ModelError, match="2 faults in the drug"):
        twinsim.drug(document)


def test_metabolites_do_not_exceed_the_drug():
    more = [{"name": name, "fraction": 0.6, "source": "paper"} for name in ("one", "two")]
    with pytest.raises(ModelError, match="add up to 1.2"):
        twinsim.drug(changed("metabolites", more))


def test_names_and_paths(tmp_path):
    with pytest.raises(UsageError, match="did you mean midazolam"):
        twinsim.drug("midazolan")
    with pytest.raises(UsageError, match="there is no drug file"):
        twinsim.drug("nowhere/drug.yaml")
    path = tmp_path / "mine.yaml"
    path.write_text("title: Mine\n", encoding="utf-8")
    with pytest.raises(ModelError, match="mine"):
        twinsim.drug(path)
    drug = twinsim.drug(GOOD)
    assert twinsim.drug(drug) is drug
