"""The file format by itself: what readers see, what is refused."""

import warnings

import h5py
import numpy as np
import pytest
import xarray

from twinsim.errors import StoreError
from twinsim.store import Contents, Coordinate, Layout, Variable, open_results, status_variable, write_results
from twinsim.store.folder import config_hash, differences
from twinsim.store.layout import chunk_shape
from twinsim.store.rows import write_rows

SWEPT = Variable("concentration", ("scenario", "patient", "time"), "float32", "mg/L", "concentration")
COORDINATES = {
    "scenario": Coordinate(["low", "high"], "", "scenario"),
    "dose": Coordinate([100.0, 200.0], "mg", "dose of the scenario", dim="scenario"),
    "time": Coordinate([0.0, 1.0, 2.0], "h", "time after first dose"),
    "station": Coordinate([1, 2], "1", "no variable has it"),
}


def swept(tmp_path, patients=5, **attributes):
    layout = Layout("a sweep", (SWEPT, status_variable(("scenario", "patient"))), COORDINATES, attributes)
    values = np.arange(2 * 3 * patients, dtype=np.float32).reshape(2, 3, patients)
    arrays = {"concentration": values, "status": np.zeros((2, patients), np.int8)}
    ids = np.arange(patients) * 10
    return values, write_results(tmp_path / "x.h5", Contents(layout, ids, (), {"config": "seed: 1"}), arrays)


def test_swept_dimensions_and_their_values(tmp_path):
    values, path = swept(tmp_path, seed=3, numbers=[1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xarray.open_dataset(path) as data:
            assert data.concentration.dims == ("scenario", "patient", "time")
            np.testing.assert_array_equal(data.concentration.sel(scenario="high"), values[1].T)
            assert "dose" in data.coords and data.dose.units == "mg" and "station" not in data.variables
            assert data.status.dims == ("scenario", "patient")
        with xarray.open_datatree(path) as tree:
            assert str(tree["provenance/config"].values) == "seed: 1"
    with h5py.File(path) as file:
        labels = [[s.name for s in axis.values()] for axis in file["concentration"].dims]
        assert labels == [["/scenario"], ["/patient"], ["/time"]]
        assert file["concentration"].attrs["coordinates"] == "dose"
        assert file["patient"].dtype == np.int64


@pytest.mark.parametrize("patients,times,step", [(1000, 100, 256), (5000, 3, 1024), (4096, 100, 4096), (700, 1, 700)])
def test_rows_arrive_whatever_the_pieces(tmp_path, patients, times, step):
    layout = Layout("x", (SWEPT,), {**COORDINATES, "time": Coordinate(np.arange(float(times)), "h", "time")})
    values = np.random.default_rng(0).random((2, times, patients)).astype(np.float32)
    from twinsim.store.layout import create, describe

    with h5py.File(tmp_path / "x.h5", "w") as file:
        describe(file, layout, np.arange(patients))
        dataset = create(file, layout, SWEPT, patients)
        for first in range(0, patients, step):
            write_rows(dataset, 1, first, np.moveaxis(values[..., first : first + step], -1, 1))
        np.testing.assert_array_equal(dataset[()], np.moveaxis(values, -1, 1))


def test_chunks_are_near_a_mebibyte_and_powers_of_two():
    for times in (1, 10, 100, 1000, 100_000, 10_000_000):
        shape = (1, 10_000_000, times)
        front, patients, behind = chunk_shape(SWEPT, shape)
        assert front == 1 and behind == times and patients & (patients - 1) == 0
        assert patients == 1 or 2**19 <= patients * behind * 4 <= 2**20


def test_same_numbers_same_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert swept(tmp_path / "a")[1].read_bytes() == swept(tmp_path / "b")[1].read_bytes()


def test_what_files_cannot_hold_is_refused(tmp_path):
    with pytest.raises(StoreError, match="wrong order"):
        Variable("x", ("time", "patient"), "float32", "1", "x")
    for dtype in ("float16", "complex64", "U3", object):
        with pytest.raises(StoreError, match="cannot be stored"):
            Variable("x", ("patient",), dtype, "1", "x")
    with pytest.raises(StoreError, match="no name"):
        Variable("a/b", ("patient",), "float32", "1", "x")
    with pytest.raises(StoreError, match="64 KiB"):
        swept(tmp_path, config="x" * 70_000)
    assert not list(tmp_path.iterdir())
    with pytest.raises(StoreError, match="same name: concentration"):
        Layout("x", (SWEPT, SWEPT))


def test_wrong_shapes_are_refused(tmp_path):
    layout = Layout("x", (SWEPT,), COORDINATES)
    for shape in ((2, 3, 4), (3, 5), (2, 4, 5)):
        with pytest.raises(StoreError, match="axes|shape"):
            contents = Contents(layout, np.arange(5))
            write_results(tmp_path / "x.h5", contents, {"concentration": np.zeros(shape, "f4")})
    assert not list(tmp_path.iterdir())


def test_opening_what_is_not_there_or_not_ours(tmp_path):
    with pytest.raises(StoreError, match="there is no results.h5"):
        open_results(tmp_path)
    with pytest.raises(StoreError, match="there is no y.h5"):
        open_results(tmp_path / "y.h5")
    (tmp_path / "results.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"0" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        open_results(tmp_path)


def test_hash_knows_values_not_order():
    a = config_hash({"seed": 1, "times": (0, 1.5), "n": np.int64(3)})
    assert a == config_hash({"n": 3, "times": np.array([0, 1.5]), "seed": 1})
    assert a != config_hash({"n": 3, "times": [0, 1.25], "seed": 1})
    assert len(a) == 8
    with pytest.raises(TypeError, match="identity"):
        config_hash({"f": print})


def test_differences_go_into_mappings():
    old, new = {"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"b": 1, "c": [2]}, "e": 5}
    assert differences(old, new) == ["a.c: [1] -> [2]", "d: 2 -> (not set)", "e: (not set) -> 5"]
