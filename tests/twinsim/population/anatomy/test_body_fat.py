"""Body fat of a population, lipid of all tissues as scanners see it, against what was measured, by age and sex."""

import jax.numpy as jnp
import numpy as np
import pytest

from twinsim.population import sample_cohort, with_anatomy
from twinsim.population.anatomy import fat

NAMES = ["body_fat", "adipose_mass", "muscle_mass"]


@pytest.fixture(scope="module")
def people():
    cohort = sample_cohort(100_000, with_anatomy("people", NAMES), seed=2)
    return {name: np.asarray(values) for name, values in cohort.covariates.items()}


def chosen(people, sex, low, high):
    here = (people["sex"] == sex) & (people["age"] >= low) & (people["age"] < high)
    return {name: values[here] for name, values in people.items()}


@pytest.mark.parametrize(
    ("sex", "low", "high", "measured"),
    # NHANES 1999-2004, means by DXA: from 20 years on Li et al. 2009, Am J Clin Nutr 90:1457, abstract; 60 to 79 years
    # MMWR 2009;57:1383 (QuickStats), as quoted by others
    [(0, 20, 90, 28.1), (1, 20, 90, 40.0), (0, 60, 80, 31.0), (1, 60, 80, 42.0)],
)
def test_adults_are_as_fat_as_scanned(people, sex, low, high, measured):
    """Within 4 points; men are within 1."""
    share = 100.0 * chosen(people, sex, low, high)["body_fat"].mean()
    assert share == pytest.approx(measured, abs=1.0 if sex == 0 else 4.0)


@pytest.mark.parametrize(("low", "high"), [(20, 40), (40, 60), (60, 80), (80, 90)])
@pytest.mark.parametrize("sex", [0, 1])
def test_adults_are_as_fat_as_their_body_mass_index_says(people, sex, low, high):
    """Medians between, or within 2.5 points of, two equations from scans: Gallagher et al. 2000, Am J Clin Nutr 72:694,
    and one from 13,529 people of NHANES 1999-2006 (AAHPERD 2015, paper 20208), which lie 2 to 5 points apart."""
    x = chosen(people, sex, low, high)
    inverse, man = (x["height"] / 100.0) ** 2 / x["weight"], 1.0 - sex
    gallagher = 64.5 - 848.0 * inverse + 0.079 * x["age"] - man * (16.4 - 0.05 * x["age"] - 39.0 * inverse)
    survey = 61.93 - 680.06 * inverse - 12.05 * man + 0.08 * x["age"]
    ends = sorted((np.median(gallagher), np.median(survey)))
    assert ends[0] - 2.5 < 100.0 * np.median(x["body_fat"]) < ends[1] + 2.5


@pytest.mark.parametrize(
    ("sex", "low", "high", "skinfolds", "scanned"),
    # Medians by skinfolds, Laurson et al. 2011, Am J Prev Med 41:S87, table 1 and abstract; means by DXA as above
    [(0, 16, 19, 16.1, 23.0), (1, 8, 12, 16.8, 32.0)],
)
def test_children_are_between_skinfolds_and_scanners(people, sex, low, high, skinfolds, scanned):
    """NHANES's children weigh more than those of the growth charts; both methods are at fault by some 5 points."""
    assert skinfolds < 100.0 * np.median(chosen(people, sex, low, high)["body_fat"]) < scanned


def test_body_fat_by_hand():
    """A man of 73 kg with 15 kg of adipose tissue: 11.85 kg of its lipid, 2.45 of marrow, 0.93 of muscle and others."""
    mass = {"adipose": 15.0, "muscle": 29.1, "skin": 3.3, "liver": 1.8, "brain": 1.45, "bone": 10.5}
    one = jnp.ones(1)
    found = fat.body_fat(0.0 * one, 35.0 * one, 73.0 * one, {name: value * one for name, value in mass.items()})
    assert float(found[0]) == pytest.approx((11.85 + 0.4 * 1.17 + 0.8 * 2.48 + 0.923) / 73.0, rel=1e-3)


def test_body_fat_is_less_than_adipose_tissue_in_the_fat(people):
    share = people["adipose_mass"] / people["weight"]
    assert (people["body_fat"] < share)[share > 0.35].all()
    assert (people["body_fat"] > 0.03).all()


def test_men_and_women_lose_the_same_share_of_muscle(people):
    """15 % of men's and 14 % of women's by 70 years, Janssen et al. 2000 as others read its figures; 0.85 is relative
    to 20 years, so 0.89 to 30, at one body mass index."""
    shares = []
    for sex in (0, 1):
        index = {}
        for low in (28, 68):
            x = chosen(people, sex, low, low + 4)
            bmi = x["weight"] / (x["height"] / 100.0) ** 2
            here = (bmi > 25.0) & (bmi < 31.0)
            index[low] = np.median((x["muscle_mass"] / (x["height"] / 100.0) ** 0.75)[here])
        shares.append(index[68] / index[28])
    assert shares == pytest.approx([0.86, 0.86], abs=0.03)
