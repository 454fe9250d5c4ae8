"""Bodies that cannot be are refused at the door, with the patients and what to do."""

import numpy as np
import pytest

from twinsim.errors import DataError, UsageError
from twinsim.population import Cohort, TimedCovariate, add_anatomy, with_anatomy

UNITS = {"sex": "1", "age": "y", "height": "cm", "weight": "kg"}
THREE = {
    "sex": [0.0, 1.0, 0.0],
    "age": [35.0, 60.0, 8.0],
    "height": [176.0, 160.0, 128.0],
    "weight": [73.0, 90.0, 26.0],
}


def three(**more):
    units = {**{name: "kg" if name.endswith("_mass") else "1" for name in more}, **UNITS}
    return Cohort([11, 12, 13], {**THREE, **more}, units)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"adipose_mass": [10.0, 95.0, 5.0]}, "adipose_mass = 95 kg in a body of 90 kg\n.*patient 12"),
        ({"adipose_mass": [70.0, 30.0, 5.0]}, "leave too little of the weight.*\n.*patient 11"),
        ({"liver_mass": [1.5, 1.5, 30.0]}, "liver_mass = 30 kg in a body of 26 kg\n.*patient 13"),
        ({"liver_mass": [1.5, 0.0, 1.0]}, "liver_mass = 0 kg"),
        ({"muscle_mass": [60.0, 30.0, 8.0], "bone_mass": [12.0, 8.0, 4.0]}, "leave too little.*\n.*patient 11"),
        ({"cirrhosis": [0.0, 4.0, 0.0]}, "cirrhosis = 4 is no level\n.*patient 12"),
        ({"ckd": [0.0, 2.5, 0.0]}, "ckd = 2.5 is no level"),
        ({"height": [176.0, -160.0, 128.0]}, "height = -160 cm lies outside 20 to 280 cm\n.*patient 12"),
        ({"weight": [80.0, 60.0, 0.0]}, "weight = 0 kg lies outside"),
    ],
)
def test_impossible_anatomy(more, words):
    with pytest.raises(DataError, match=words):
        add_anatomy(three(**more))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("livr_mass", "did you mean liver_mass"),
        ("fat_mass", "fat is adipose_mass"),
        ("arterial_blood_mass", "did you mean blood_mass"),
    ],
)
def test_an_organ_that_there_is_not(name, words):
    with pytest.raises(UsageError, match=words):
        add_anatomy(three(**{name: [1.0, 1.0, 1.0]}))


def test_other_wrong_usage():
    with pytest.raises(UsageError, match="did you mean liver_volume"):
        add_anatomy(three(), names=["liver_volum"])
    with pytest.raises(UsageError, match="seed=-1 is not a whole number"):
        add_anatomy(three(), seed=-1)
    small = Cohort([1], {"sex": [0.0], "age": [30.0], "height": [170.0]}, {"sex": "1", "age": "y", "height": "cm"})
    with pytest.raises(UsageError, match="anatomy needs weight"):
        add_anatomy(small)
    with pytest.raises(DataError, match="no anatomy of 120 years"):
        add_anatomy(Cohort([1], {"sex": [0.0], "age": [120.0], "height": [170.0], "weight": [60.0]}, UNITS))
    with pytest.raises(DataError, match="sex = 0.5 is no level"):
        add_anatomy(Cohort([1], {"sex": [0.5], "age": [20.0], "height": [170.0], "weight": [60.0]}, UNITS))
    growing = TimedCovariate.of_points([[0.0, 100.0]], [[60.0, 62.0]], "linear")
    with pytest.raises(DataError, match="weight changes in time"):
        add_anatomy(Cohort([1], {"sex": [0.0], "age": [20.0], "height": [170.0], "weight": growing}, UNITS))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": "peple"}, "did you mean people"),
        ({"names": ["liver_flw"]}, "did you mean liver_flow"),
        ({"cirrhosis": 4}, "cirrhosis=4 is no level"),
        ({"ckd": 2.5}, "ckd=2.5 is no level"),
        ({"source": with_anatomy("people", ckd=1), "ckd": 2}, "the source has it too"),
    ],
)
def test_wrong_sources(arguments, words):
    with pytest.raises(UsageError, match=words):
        with_anatomy(**arguments)


def test_tables_are_checked_too(tmp_path):
    table = tmp_path / "people.csv"
    head = "id,sex,age [y],height [cm],weight [kg],adipose_mass [kg]\n"
    table.write_text(head + "1,m,40,180,80,15\n2,f,40,165,70,75\n")
    with pytest.raises(DataError, match="adipose_mass = 75 kg in a body of 70 kg\n.*patient 2"):
        with_anatomy(table)
    table.write_text("id,sex,age [y],weight [kg]\n1,m,40,80\n")
    with pytest.raises(UsageError, match="anatomy needs height"):
        with_anatomy(table)


def test_what_is_given_is_kept():
    given = {"adipose_mass": [20.0, 40.0, 5.0], "liver_mass": [2.0, 1.2, 0.8]}
    out = add_anatomy(three(**given), seed=1).covariates
    for name, values in given.items():
        np.testing.assert_allclose(out[name], values, rtol=1e-12)
    total = sum(values for name, values in out.items() if name.endswith("_mass"))
    np.testing.assert_allclose(total, THREE["weight"], atol=1e-9)
    only = add_anatomy(three(kidney_mass=[0.2, 0.2, 0.2]), seed=1).covariates
    np.testing.assert_allclose(only["kidney_mass"], 0.2)
    np.testing.assert_allclose(only["liver_volume"], only["liver_mass"], rtol=1e-14)
