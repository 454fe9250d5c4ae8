"""A fit that was killed goes on to the same bits; a folder of another fit is refused."""

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.errors import DataError, UsageError

START = (0.45, 0.99325, 3.45, (0.6, 0.3, 0.1), 0.7)


class Killed(Exception):
    """In place of the machine's failure."""


def killed_at(step: int):
    def told(number, value, numbers):
        if number == step:
            raise Killed

    return told


def assert_same_bits(a, b):
    assert (a.objective, a.reason, a.trace) == (b.objective, b.reason, b.trace)
    assert a.estimates == b.estimates and a.standard_errors == b.standard_errors
    for name in ("omega", "etas", "shares", "covariance"):
        assert np.array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize(("method", "steps"), [("focei", (3, 9)), ("saem", (50, 470))])
def test_a_killed_fit_goes_on(reference_data, tmp_path, method, steps):
    records, model = studies.theophylline(reference_data), studies.theophylline_model(*START)
    whole = twinsim.fit(model, records, method)
    for step in steps:
        with pytest.raises(Killed):
            twinsim.fit(model, records, method, checkpoint=tmp_path / "kept", told=killed_at(step))
    heard = []
    again = twinsim.fit(
        model, records, method, checkpoint=tmp_path / "kept", told=lambda number, *_: heard.append(number)
    )
    assert_same_bits(again, whole)
    # A search walks past what it finds; simulated iterations go on where they were.
    assert heard[0] == 1 if method == "focei" else heard[0] > 450
    computed = sorted((tmp_path / "kept").glob("*.npz"))
    times = [path.stat().st_mtime_ns for path in computed]
    assert_same_bits(twinsim.fit(model, records, method, checkpoint=tmp_path / "kept"), whole)
    assert [path.stat().st_mtime_ns for path in computed] == times


def test_another_fit_is_refused(reference_data, tmp_path):
    records, model = studies.theophylline(reference_data), studies.theophylline_model(*START)
    with pytest.raises(Killed):
        twinsim.fit(model, records, checkpoint=tmp_path, told=killed_at(1))
    with pytest.raises(UsageError, match="belongs to another fit") as refused:
        twinsim.fit(model, records, starts=5, checkpoint=tmp_path)
    assert "starts: 3 -> 5" in refused.value.why
    with pytest.raises(UsageError, match="belongs to another fit") as refused:
        twinsim.fit(model.with_thetas({"cl": 2.0}), records, checkpoint=tmp_path)
    assert "model" in refused.value.why


def test_files_are_whole(tmp_path):
    kept = Checkpoint(tmp_path, {"fit": 1})
    assert kept.recall("a") is None
    kept.keep("a", {"x": np.arange(3.0)})
    (tmp_path / "b.npz.partial").write_bytes(b"half")
    assert Checkpoint(tmp_path, {"fit": 1}).recall("a")["x"].tolist() == [0.0, 1.0, 2.0]
    (tmp_path / "c.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be read"):
        kept.recall("c")
    (tmp_path / "fit.json").unlink()
    with pytest.raises(UsageError, match="nothing says of which fit"):
        Checkpoint(tmp_path, {"fit": 1})
