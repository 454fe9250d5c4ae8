"""The same patient whatever the cohort, compiled or not, with or without other names."""

import jax
import numpy as np

from twinsim.population import Source, add_anatomy, sample_cohort, with_anatomy
from twinsim.population.anatomy.body import anatomy
from twinsim.population.anatomy.catalogue import ITEMS
from twinsim.population.cohort import BLOCK

NAMES = ("liver_volume", "liver_flow", "adipose_mass", "gfr", "cyp3a4_abundance", "mppgl")


def test_patient_417_is_the_same_in_any_cohort():
    source = with_anatomy("people", NAMES)
    small, large = sample_cohort(1000, source, seed=9), sample_cohort(200_000, source, seed=9)
    for name in source.names:
        np.testing.assert_array_equal(small.covariates[name], large.covariates[name][:1000])
    later = sample_cohort(10, source, seed=9, first=417)
    assert all(later.covariates[name][0] == small.covariates[name][417] for name in source.names)


def test_compiled_and_not():
    ids = np.arange(200, dtype=np.int64)
    x = {name: np.asarray(values) for name, values in sample_cohort(200, "people", seed=4).covariates.items()}
    plain, compiled = anatomy(4, ids, x), jax.jit(anatomy)(np.uint64(4), ids, x)
    for name, values in plain.items():
        np.testing.assert_allclose(compiled[name], values, rtol=1e-11, atol=1e-12, err_msg=name)


def test_within_a_larger_program():
    source = with_anatomy("people", NAMES)
    assert isinstance(source, Source)
    ids = np.arange(4 * BLOCK, dtype=np.int64)
    cohort = sample_cohort(4 * BLOCK, source, seed=3)
    mapped = jax.jit(lambda ids: jax.lax.map(lambda block: source.sample(3, block), ids))(ids.reshape(4, BLOCK))
    for name in NAMES:
        np.testing.assert_allclose(np.asarray(mapped[name]).reshape(-1), cohort.covariates[name], rtol=1e-11)


def test_added_to_a_cohort_or_sampled_with_it():
    whole = sample_cohort(300, "people_anatomy", seed=6)
    added = add_anatomy(sample_cohort(300, "people", seed=6), seed=6)
    assert set(added.covariates) == set(whole.covariates)
    for name in whole.covariates:
        np.testing.assert_allclose(added.covariates[name], whole.covariates[name], rtol=1e-11, atol=1e-12)
    assert all(added.units[name] == item.unit for name, item in ITEMS.items())


def test_organs_have_streams_of_their_own():
    """Other covariates or conditions leave the raw draws as they were: an organ keeps its place among people."""
    ids = np.arange(2000, dtype=np.int64)
    person = {
        name: np.full(2000, value)
        for name, value in {"sex": 0.0, "age": 40.0, "height": 180.0, "weight": 120.0}.items()
    }
    out = {name: np.asarray(values) for name, values in anatomy(1, ids, person).items()}
    ill = anatomy(1, ids, {**person, "cirrhosis": np.full(2000, 3.0)})
    np.testing.assert_array_equal(ill["liver_mass"], out["liver_mass"])
    np.testing.assert_allclose(ill["cyp2c9_abundance"], 0.33 * out["cyp2c9_abundance"], rtol=1e-12)
    names = ("heart_mass", "liver_mass", "kidney_flow", "gfr", "mppgl", "cyp2d6_abundance", "cyp2c9_abundance")
    correlation = np.corrcoef([np.log(out[name]) for name in names])
    assert np.abs(correlation - np.eye(len(names)))[0, 3:].max() < 0.08
    assert np.abs(correlation[4, 5:]).max() < 0.08
