"""Arguments that no fit could follow: refused by name, with what to give, before anything is computed."""

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate.test_bad_fits import ADDITIVE, PROPORTIONAL, model, read, table
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import study_of
from twinsim.calibrate.vpc import vpc
from twinsim.errors import UsageError


@pytest.fixture(scope="module")
def records():
    return read(table())


def fixed_model():
    """Nothing of it is free."""
    known = {"cl": {"value": "4 L/h", "fixed": True}, "v": {"value": "20 L", "fixed": True}}
    return twinsim.population_model(
        {
            "title": "known",
            "structure": "pk/one_compartment_iv",
            "parameters": known,
            "between_patients": [{"parameter": "cl", "variance": 0.1, "fixed": True}],
            "residual": {"concentration": {**PROPORTIONAL, "fixed": True}},
        }
    )


WRONG = [
    ({"seed": -1}, "seed=-1 is no whole number of 0 or more"),
    ({"seed": 0.5}, "seed=0.5 is no whole number"),
    ({"seed": 2**64}, "is more than"),
    ({"starts": 0}, "starts=0 is no whole number of 1 or more"),
    ({"starts": -3}, "starts=-3"),
    ({"method": "agq", "nodes": 0}, "nodes=0 is no whole number of 1 or more"),
    ({"method": "agq", "nodes": -2}, "nodes=-2"),
    ({"method": "agq", "nodes": 2.5}, "nodes=2.5"),
    ({"method": "imp", "nodes": 0}, "nodes=0"),
    ({"method": "imp", "nodes": 2e9}, r"nodes=2000000000.0 is no whole number"),
    ({"method": "imp", "nodes": 2 * 10**9}, "2,000,000,000 nodes for every patient"),
]


@pytest.mark.parametrize(("words", "match"), WRONG)
@pytest.mark.parametrize("call", ["fit", "objective"])
def test_wrong_numbers_are_answered(records, call, words, match):
    with pytest.raises(UsageError, match=match):
        getattr(twinsim, call)(model(), records, **words)


@pytest.mark.parametrize(
    ("words", "match", "do"),
    [
        ({"max_steps": 0}, "max_steps=0", "max_steps=1"),
        ({"max_steps": -1}, "max_steps=-1", "max_steps=1"),
        ({"fit": ["cl", "cl"]}, "'cl' is named twice", "once"),
        ({"fit": "cl"}, "fit='cl' is no list of names", r"fit=\['cl'\]"),
        ({"method": "agq", "nodes": 1}, "too few to search with", "method=laplace"),
        ({"method": "agq", "nodes": 2}, "too few to search with", "5 nodes and more"),
    ],
)
def test_wrong_words_of_a_search_are_answered(records, words, match, do):
    with pytest.raises(UsageError, match=f"(?s){match}.*do: .*{do}"):
        twinsim.fit(model(), records, **words)


def test_one_node_may_be_looked_at(records):
    """It is Laplace's approximation."""
    one = twinsim.objective(model(), records, "agq", nodes=np.int64(1))
    assert one == pytest.approx(twinsim.objective(model(), records, "laplace"), abs=1e-6)


@pytest.mark.parametrize(("words", "match"), [({"seed": -1}, "seed=-1"), ({"starts": 1.5}, "starts=1.5")])
def test_wrong_numbers_of_individualise_are_answered(records, words, match):
    with pytest.raises(UsageError, match=match):
        twinsim.individualise(model(), records, **words)


@pytest.mark.parametrize("kind", ["bogus", None])
def test_standard_errors_of_simulated_studies_are_checked(records, kind):
    with pytest.raises(UsageError, match=f"(?s){kind}.* is no standard errors.*known: r, s, sandwich"):
        twinsim.recover(model(), records, studies=2, standard_errors=kind)


@pytest.mark.parametrize("method", ["focei", "agq", "saem"])
def test_nothing_to_estimate_is_refused(records, method):
    with pytest.raises(UsageError, match=r"(?s)nothing to estimate.*do: free a number"):
        twinsim.fit(fixed_model(), records, method)


def test_what_is_fixed_has_an_objective(records):
    assert twinsim.objective(fixed_model(), records) == pytest.approx(twinsim.objective(model(), records), abs=1e-9)


def test_without_effects_every_method_is_the_likelihood(records):
    """One node is the integral over nothing; saem would have nothing to simulate."""
    pooled = model(ADDITIVE).without_random_effects()
    exact = twinsim.objective(pooled, records, "fo")
    for method in ("agq", "imp"):
        assert twinsim.objective(pooled, records, method) == pytest.approx(exact, abs=1e-9)
    plain = twinsim.fit(pooled, records, "fo")
    found = twinsim.fit(pooled, records, "imp")
    assert found.converged and found.objective == pytest.approx(plain.objective, abs=1e-6)
    with pytest.raises(UsageError, match="(?s)no random effects for saem.*use method=fo"):
        twinsim.fit(pooled, records, "saem")


def test_arrays_are_as_good_as_numbers(records):
    plain = vpc(model(), records, bins=3, percentiles=(10.0, 90.0), replicates=20)
    found = vpc(model(), records, bins=np.int64(3), percentiles=np.array([10.0, 90.0]), replicates=20)
    assert found.table.equals(plain.table)
    with pytest.raises(UsageError, match="are no percentiles"):
        vpc(model(), records, percentiles=np.array([]))


def test_a_seed_of_replicates_is_checked(records):
    with pytest.raises(UsageError, match="seed=-1"):
        replicate(study_of(model(), records), 1, -1)
