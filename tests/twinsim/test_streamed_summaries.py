"""Moments and counts made in the compiled program: against the host's own, and to the bit whatever the chunks."""

import h5py
import jax
import numpy as np
import pytest

import kernels.batch
import twinsim.program
from kernels.batch import BLOCK
from twinsim.cohort_job import cohort_job
from twinsim.program import compiled
from twinsim.run.local import execute
from twinsim.run.moments import Moments
from twinsim.run.summary import Quantiles
from twinsim.scenario import Scenario

TIMES = [1.0, 4.0, 12.0]


def study(size=100_200, save="summary", seed=3, amount=320.0):
    events = twinsim.regimen(amount, interval=12, count=2)
    return cohort_job("theophylline", events, TIMES, size=size, seed=seed, save=save, endpoints=["cmax"])


@pytest.fixture(scope="module")
def chunk():
    job = study(save="trajectories")
    return job, {key: np.asarray(value) for key, value in job.compute(512, 1000).items()}


def test_moments_of_blocks_agree_with_the_hosts(chunk):
    job, found = chunk
    moments = Moments(tuple(v for v in job.variables if v.is_trajectory))
    given = moments.add(moments.start(), found, 512)
    made = moments.add(moments.start(), {"concentration": found["concentration"]}, 512)
    assert found["concentration#moments"].shape == (3, len(TIMES), -(-1000 // BLOCK))
    for key, value in made.items():
        np.testing.assert_allclose(given[key], value, rtol=1e-12, err_msg=key)
    np.testing.assert_array_equal(given["concentration:n"], made["concentration:n"])


def test_counts_are_the_hosts(chunk):
    job, found = chunk
    quantiles = Quantiles(tuple(v for v in job.variables if v.is_trajectory), job.size)
    given = quantiles.add({}, found, 512)["concentration:bins"]
    made = quantiles.add({}, {"concentration": found["concentration"]}, 512)["concentration:bins"]
    np.testing.assert_array_equal(given, made)
    assert given.sum() == 3 * 1000  # who only fills the block up does not count


def test_nothing_but_summaries_where_nothing_else_is_saved():
    found = study().compute(0, 512)
    assert {key for key in found if key.startswith(("concentration", "endpoints"))} == {
        "concentration#moments",
        "concentration#bins",
    }


def test_the_same_summaries_to_the_bit_whatever_the_chunks_and_what_is_saved(tmp_path):
    files = []
    for number, (save, chunk) in enumerate([("summary", 32768), ("summary", 51200), ("endpoints", 32768)]):
        outcome = execute(study(save=save), tmp_path / str(number), save=save, chunk=chunk)
        with h5py.File(outcome.path) as file:
            files.append({name: np.asarray(data).tobytes() for name, data in file["summary"].items()})
    assert files[0] == files[1] == files[2]


def test_blocks_that_are_computed_at_once_are_joined_in_the_program(monkeypatch, tmp_path):
    """As on a GPU; chunks of 32 and 48 blocks, the last one filled up."""

    def summary(folder, chunk, size):
        outcome = execute(study(size=size), tmp_path / folder, save="summary", chunk=chunk)
        with h5py.File(outcome.path) as file:
            return {name: np.asarray(data) for name, data in file["summary"].items()}

    expected = summary("blocks", 8192, 100_200)
    for module in (kernels.batch, twinsim.program):
        monkeypatch.setattr(module, "blocks_at_once", lambda patients, block=BLOCK: patients // block)
    compiled.cache_clear()
    assert study().compute(0, 8192)["concentration#moments"].shape == (3, len(TIMES), jax.device_count())
    for chunk in (8192, 12288):
        found = summary(str(chunk), chunk, 100_200)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-12, err_msg=name)
    compiled.cache_clear()


def test_one_program_for_any_size_seed_and_dose(caplog):
    jobs = [study(), study(size=200_000, seed=4), study(amount=100.0)]
    for job in jobs:
        for first, count in ((0, 2048), (2048, 2048), (4096, 300)):
            job.compute(first, count)
    assert len({job.streamed for job in jobs}) == 1
    with jax.log_compiles():
        again = study(seed=5)
        again.compute(0, 2048)
        again.compute(2048, 100)
        assert "Compiling" not in caplog.text
        study(seed=5).compute(0, 4096)  # a width of its own: the log does tell
    assert "Compiling" in caplog.text


def test_a_patients_numbers_do_not_depend_on_what_is_summed_up(chunk):
    small = study(size=1600, save="trajectories").compute(512, 1000)
    assert "concentration#bins" not in small
    for key, array in small.items():
        if "#" not in key:
            np.testing.assert_array_equal(np.asarray(array), chunk[1][key], err_msg=key)


def test_scenarios_are_summed_up_each_for_itself():
    scenarios = [Scenario({"regimen.amount": a}, twinsim.regimen(a, interval=12, count=2)) for a in (320.0, 500.0)]
    swept = cohort_job("theophylline", scenarios, TIMES, size=100_200, seed=3, save="summary", endpoints=["cmax"])
    both, one = swept.compute(0, 700), study().compute(0, 700)
    for key in ("concentration#moments", "concentration#bins"):
        assert both[key].shape[1] == 2
        np.testing.assert_array_equal(np.asarray(both[key])[:, 0], np.asarray(one[key]), err_msg=key)
    names = {v.name for reducer in swept.reducers for v, _ in reducer.finish(reducer.add(reducer.start(), both, 0))}
    assert names == {"concentration_mean", "concentration_sd", "concentration_n", "concentration", "quantile"}
