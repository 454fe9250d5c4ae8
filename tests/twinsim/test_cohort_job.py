"""A patient's numbers depend on the seed, the id and the model alone: not on who else is simulated, where, or when."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest

import twinsim
from twinsim.cohort_job import cohort_job
from twinsim.errors import UsageError
from twinsim.population.timed import TimedCovariate
from twinsim.run.local import execute
from twinsim.run.plan import stored_identity
from twinsim.scenario import Scenario
from twinsim.store import config_hash

TIMES = np.linspace(0.0, 36.0, 10)
REGIMEN = {"interval": 12.0, "count": 3}
LUCKY = 417


def study(size, solver="closed", seed=20):
    events = twinsim.regimen(320, **REGIMEN)
    return cohort_job("theophylline", events, TIMES, size=size, seed=seed, solver=solver, observed=True)


def of_patient(found, number=LUCKY):
    return {key: np.asarray(value)[..., number].tobytes() for key, value in found.items() if "#" not in key}


@pytest.fixture(scope="module", params=["closed", "linear", "explicit", "stiff"])
def thousand(request):
    job = study(1000, request.param)
    return request.param, job, job.compute(0, 1000)


def test_the_same_bits_in_a_larger_cohort(thousand):
    solver, _, found = thousand
    large = study(20_000, solver).compute(0, 20_000)
    assert of_patient(large) == of_patient(found)
    assert np.asarray(large["concentration"]).dtype == np.float32
    assert len({row.tobytes() for row in np.asarray(large["concentration"]).T[:1000]}) == 1000  # nobody is a copy


@pytest.mark.parametrize("first, count", [(0, 512), (256, 256), (256, 744)])
def test_the_same_bits_in_any_chunk(thousand, first, count):
    _, job, found = thousand
    assert of_patient(job.compute(first, count), LUCKY - first) == of_patient(found)


def test_the_same_files_whatever_the_chunks(tmp_path):
    """The whole way through the runner; quantiles and moments too."""
    contents = []
    for chunk, shard in ((256, 512), (512, 1024), (1024, 1024)):
        outcome = execute(study(1000, "closed"), tmp_path / str(chunk), chunk=chunk, shard=shard)
        content = {}
        with h5py.File(outcome.path) as file:
            file.visititems(
                lambda name, item, c=content: (
                    c.update({name: item[()].tobytes()})
                    if isinstance(item, h5py.Dataset) and not name.startswith("provenance")
                    else None
                )
            )
        contents.append(content)
    assert contents[0] == contents[1] == contents[2]
    assert {"concentration", "endpoints/cmax", "parameters/cl", "covariates/weight", "status"} <= set(contents[0])
    assert any(name.startswith("summary/") for name in contents[0])


DIGESTS = """
import hashlib, jax
import twinsim
from test_cohort_job import of_patient, study
assert len(jax.devices()) == {devices}
for solver in ("closed", "explicit"):
    found = of_patient(study(512, solver).compute(0, 512))
    print(solver, hashlib.sha256(b"".join(found[key] for key in sorted(found))).hexdigest())
"""


def test_the_same_bits_on_one_device_or_two():
    here = Path(__file__).parent
    started = []
    for devices in (1, 2):
        environment = {
            **os.environ, "JAX_NUM_CPU_DEVICES": str(devices), "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
        }  # fmt: skip
        command = [sys.executable, "-c", DIGESTS.format(devices=devices)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, env=environment, text=True, **pipes))
    (one, problem), (two, other) = (process.communicate() for process in started)
    assert one == two and one.count("\n") == 2, problem + other


@pytest.mark.parametrize("seed", [21, 20 + 2**32, 2**64 - 1])
def test_another_seed_is_other_people(thousand, seed):
    solver, _, found = thousand
    weight = np.asarray(study(1000, solver, seed).compute(0, 1000)["covariates/weight"])
    assert not (weight == np.asarray(found["covariates/weight"])).any()
    assert weight == pytest.approx(twinsim.sample_cohort(1000, seed=seed).covariates["weight"], rel=1e-14)


@pytest.fixture(scope="module")
def swept():
    scenarios = [
        Scenario({"regimen.amount": 100.0}, twinsim.regimen(100, **REGIMEN)),
        Scenario({"regimen.amount": 300.0}, twinsim.regimen(300, interval=8, count=4)),
        Scenario({"regimen.amount": 300.0}, twinsim.regimen(300, **REGIMEN), {"cl": 2.0}, {"weight": 70.0}),
    ]
    job = cohort_job("theophylline", scenarios, TIMES, size=300, seed=20, precision="float64")
    return job, job.compute(0, 300)


def test_scenarios_see_the_same_patients(swept):
    job, found = swept
    assert [v.dims for v in job.variables if v.name == "concentration"] == [("scenario", "patient", "time")]
    assert found["concentration"].shape == (3, len(TIMES), 300)
    clearance = np.asarray(found["parameters/cl"])
    assert np.array_equal(clearance[0], clearance[1]) and (clearance[2] == 2.0).all()
    assert job.coordinates["regimen_amount"].array.tolist() == [100.0, 300.0, 300.0]


def test_more_doses_in_one_scenario_than_in_another(swept):
    _, found = swept
    p = {name: np.asarray(found[f"parameters/{name}"])[1] for name in ("cl", "v", "ka")}
    given, k = np.maximum(TIMES[:, None] - np.array([0.0, 8.0, 16.0, 24.0]), 0.0)[..., None], p["cl"] / p["v"]
    doses = 300.0 / p["v"] * p["ka"] / (p["ka"] - k) * (np.exp(-k * given) - np.exp(-p["ka"] * given))
    assert np.asarray(found["concentration"])[1] == pytest.approx(doses.sum(axis=1), rel=1e-9, abs=1e-12)


def identity(**change):
    options = {"size": 10, "seed": 1, **change}
    model, events = options.pop("model", "theophylline"), options.pop("events", twinsim.regimen(320, **REGIMEN))
    job = cohort_job(model, events, options.pop("times", TIMES), **options)
    return config_hash(stored_identity(job, "trajectories", "none"))


PEOPLE = twinsim.Cohort(np.arange(10), {"weight": np.linspace(50, 90, 10)}, {"weight": "kg"})
HEAVIER = twinsim.Cohort(np.arange(10), {"weight": np.linspace(50, 91, 10)}, {"weight": "kg"})
GROWING = twinsim.Cohort(
    np.arange(10), {"weight": TimedCovariate.of_points([[0, 9]] * 10, [[50, 60]] * 10, "locf")}, {"weight": "kg"}
)


CHANGES = [
    {"seed": 2}, {"size": 11}, {"solver": "explicit"}, {"precision": "float64"}, {"observed": True},
    {"times": TIMES[:-1]}, {"times": np.tile(TIMES, (10, 1))}, {"endpoints": ("auc",)}, {"random_effects": False},
    {"parameters": {"cl": 2.0}}, {"covariates": {"weight": 70.0}}, {"model": "warfarin_pk"},
    {"events": twinsim.regimen(321, **REGIMEN)}, {"source": PEOPLE}, {"source": HEAVIER}, {"source": GROWING},
]  # fmt: skip


def test_whatever_changes_numbers_changes_the_identity():
    plain = identity()
    assert identity() == plain
    assert len({plain, *(identity(**change) for change in CHANGES)}) == 1 + len(CHANGES)


def test_more_patients_than_the_cohort_has():
    with pytest.raises(UsageError, match="11 patients of a cohort of 10"):
        cohort_job("theophylline", twinsim.regimen(320), TIMES, source=PEOPLE, size=11)


def test_patients_of_a_table_as_they_are(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,weight [kg]\n30,60\n10,80\n")
    cohort = twinsim.sample_cohort(None, path, mode="as_is")
    job = cohort_job("theophylline", twinsim.regimen(320), TIMES, source=cohort)
    assert job.patient_ids(0, 2).tolist() == [30, 10]
    found = job.compute(0, 2)
    assert np.asarray(found["covariates/weight"]).tolist() == [60.0, 80.0]
    # the id, not the place in the table, is what random numbers belong to
    turned = cohort_job("theophylline", twinsim.regimen(320), TIMES, source=cohort.take([1, 0])).compute(0, 2)
    assert of_patient(turned, 0) == of_patient(found, 1)


@pytest.mark.parametrize(("start", "words"), [(0.0, "time after the first dose"), (8.0, "time")])
def test_time_is_counted_from_a_dose_at_its_beginning(start, words):
    job = cohort_job("theophylline", twinsim.regimen(320, start=start), TIMES, size=3)
    assert job.coordinates["time"].long_name == words


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="there are as many GPUs as there are")
def test_tests_run_on_two_devices():
    assert len(jax.devices()) == 2
