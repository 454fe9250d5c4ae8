"""Chunks stream: the next is asked for before this one is looked at, and memory is that of a few chunks."""

import tracemalloc

import jax.numpy as jnp
import numpy as np
from tiny_job import CONCENTRATION, TIMES, TinyJob

from twinsim.run.local import execute
from twinsim.store import Coordinate, Variable, open_results


class Pending:
    """An array that is still being computed, as JAX gives it: it notes when somebody looks."""

    def __init__(self, array: np.ndarray, seen: list, number: int) -> None:
        self.array, self.seen, self.number = array, seen, number

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        self.seen.append(("look", self.number))
        return self.array


def test_next_chunk_is_asked_for_before_this_one_is_looked_at(tmp_path):
    seen: list = []

    class Job(TinyJob):
        variables = (CONCENTRATION,)
        reducers = ()

        def compute(self, first, count):
            number = first // 256
            seen.append(("ask", number))
            return {"concentration": Pending(np.zeros((len(TIMES), count), np.float32), seen, number)}

    execute(Job(size=1024), tmp_path / "r", chunk=256, shard=512)
    order = [
        ("ask", 0),
        ("ask", 1),
        ("look", 0),
        ("ask", 2),
        ("look", 1),
        ("ask", 3),
        ("look", 2),
        ("look", 3),
    ]
    assert seen == order


def test_outputs_that_nobody_needs_stay_on_the_device(tmp_path):
    class Job(TinyJob):
        variables = (CONCENTRATION,)
        reducers = ()

        def compute(self, first, count):
            array = np.zeros((len(TIMES), count), np.float32)
            return {"concentration": array, "huge": Pending(array, seen, 0)}

    seen: list = []
    execute(Job(), tmp_path / "r")
    assert not seen


def test_jax_arrays(tmp_path):
    class Job(TinyJob):
        def compute(self, first, count):
            found = super().compute(first, count)
            return {key: jnp.asarray(array) for key, array in found.items()}

    with open_results(execute(Job(), tmp_path / "r", chunk=1024).path) as data:
        np.testing.assert_array_equal(data.concentration, TinyJob().compute(0, 5000)["concentration"].T)


def test_memory_is_that_of_a_few_chunks(tmp_path):
    class Job(TinyJob):
        coordinates = {"time": Coordinate(np.arange(200.0), "h", "time")}
        variables = (Variable("c", ("patient", "time"), "float32", "mg/L", "c"),)
        reducers = ()

        def compute(self, first, count):
            return {"c": np.full((200, count), first, np.float32)}

    job = Job(size=60_000)  # 48 MB in chunks of 0.8 MB
    tracemalloc.start()
    execute(job, tmp_path / "r", chunk=1024, shard=8192, single_file_bytes=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6
    with open_results(tmp_path / "r") as data:
        assert (data.c[:, 7].values == np.arange(60_000) // 1024 * 1024).all()
