"""The benchmark's peers solve the right problem: against SciPy at tiny size, and against each other."""

import dataclasses
import json
import sys

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks import cohort_pk, measure  # noqa: E402
from benchmarks.problems.two_compartment_oral import (  # noqa: E402
    ALLOWED_ERROR,
    TIMES,
    Problem,
    achieved_error,
    make_problem,
    reference,
    solve_ivp_reference,
)


@pytest.fixture(scope="module")
def numba_peer():
    """The Numba peer as it is timed; its loops compile in about ten seconds."""
    pytest.importorskip("numba")
    from benchmarks.peers import numba_peer

    return numba_peer


def coincident(size: int) -> Problem:
    """A problem whose first patients have ka at, and near, the rates alpha and beta."""
    parameters = make_problem(size).parameters.copy()
    cl, v1, q, v2, _ = parameters
    total, product = cl / v1 + q / v1 + q / v2, cl / v1 * q / v2
    root = np.sqrt(total**2 - 4 * product)
    distance = 1 + np.array([0.0, 1e-12, 1e-9, 1e-6, 1e-3])
    parameters[4, :5] = ((total + root) / 2)[:5] * distance
    parameters[4, 5:10] = ((total - root) / 2)[5:10] * distance
    return Problem(parameters)


def test_reference_agrees_with_an_adaptive_solver():
    problem = make_problem(3)
    assert achieved_error(solve_ivp_reference(problem), reference(problem)) < 1e-8


def test_problem_is_the_same_patients_at_every_size():
    assert np.array_equal(make_problem(7, 3).parameters, make_problem(1500, 3).head(7).parameters)


@pytest.mark.parametrize("variant", ["closed", "closed_uniform"])
@pytest.mark.parametrize("size", [64, 1100])  # part of one block; one block and part of the next
def test_numba_closed_forms(numba_peer, variant, size):
    problem = coincident(size)
    out = numba_peer.empty(problem)
    out[:] = np.nan
    getattr(numba_peer, variant)(problem, out)
    assert out.shape == (TIMES.size, size) and out.dtype == np.float32
    assert achieved_error(out, reference(problem)) < ALLOWED_ERROR


@pytest.mark.parametrize("size", [64, 300])
def test_numba_tsit5_converges(numba_peer, size):
    problem = coincident(size)
    expected = reference(problem)
    errors = []
    for rtol in (1e-2, 1e-4):
        out = numba_peer.empty(problem)
        out[:] = np.nan
        numba_peer.tsit5(problem, out, rtol)
        errors.append(achieved_error(out, expected))
    assert errors[1] < ALLOWED_ERROR < errors[0]


def test_scipy_peer():
    from benchmarks.peers import scipy_peer

    problem = make_problem(16)
    assert achieved_error(scipy_peer.curves(problem, 1e-5), reference(problem)) < ALLOWED_ERROR


def test_loosest_tolerance_refuses_the_impossible():
    with pytest.raises(ValueError, match="no rtol"):
        measure.loosest_tolerance(lambda rtol: 1.0, 1e-4)


def test_a_peer_that_is_not_installed_is_a_note(monkeypatch):
    from benchmarks.peers import scipy_peer

    monkeypatch.setitem(sys.modules, "scipy", None)
    row = scipy_peer.odeint_row(10, 0, 1)
    assert row.run_s is None and "pip install 'twinsim[bench]'" in row.note


def test_a_peer_that_fails_is_a_row():
    row = measure.peer_row("no_such_peer", "x", "nothing", 10, 0, 1)
    assert row.note.startswith("failed:") and "no_such_peer" in row.note


def test_command_writes_table_and_json(tmp_path, capsys):
    path = tmp_path / "speed.json"
    words = ["--size", "8", "--peers", "scipy", "--only", "explicit", "--repeats", "1", "--json", str(path)]
    assert cohort_pk.main(words) == 0
    written = json.loads(path.read_text())
    assert {"cpu", "cores", "memory_gib", "python", "versions", "flags"} <= set(written["machine"])
    by_name = {row["name"]: row for row in written["results"]}
    row = by_name["scipy odeint"]
    assert set(row) == {field.name for field in dataclasses.fields(measure.Row)}
    assert row["error"] < ALLOWED_ERROR
    assert "scipy odeint" in capsys.readouterr().out


def test_unknown_peer_is_refused(capsys):
    with pytest.raises(SystemExit):
        cohort_pk.arguments(["--peers", "nimba"])
    assert "'nimba' is not one of" in capsys.readouterr().err
