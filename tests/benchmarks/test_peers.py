"""The benchmark's peers solve the right problem: against the reference, at tiny size."""

import sys

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks import measure  # noqa: E402
from benchmarks.measure import make_request, peer_row  # noqa: E402
from benchmarks.peers import mrgsolve_peer, scipy_peer  # noqa: E402
from benchmarks.problem import Peer, count, head  # noqa: E402
from benchmarks.problems import PROBLEMS  # noqa: E402


@pytest.fixture(scope="module")
def numba_peer():
    """The Numba peer as it is timed; its loops compile in some seconds each."""
    pytest.importorskip("numba")
    from benchmarks.peers import numba_peer

    return numba_peer


def coincident(size: int) -> dict:
    """Two-compartment patients, the first of whom have ka at, and near, the rates alpha and beta."""
    patients = PROBLEMS["two_compartment_oral"].sample(size, 0)
    cl, v1, q, v2, ka = patients.values()
    total, product = cl / v1 + q / v1 + q / v2, cl / v1 * q / v2
    root = np.sqrt(total**2 - 4 * product)
    distance = 1 + np.array([0.0, 1e-12, 1e-9, 1e-6, 1e-3])
    ka[:5] = ((total + root) / 2)[:5] * distance
    ka[5:10] = ((total - root) / 2)[5:10] * distance
    return patients


def numba_error(numba_peer, name, patients, variant, rtol=0.0, precision="float32"):
    problem = PROBLEMS[name]
    out = numba_peer.empty(problem, count(patients), precision)
    out[:] = np.nan
    numba_peer.filler(problem, patients, variant, precision)(out, rtol)
    assert out.dtype == precision
    return problem.error(out, problem.reference(problem, patients))


@pytest.mark.parametrize("variant", ["closed", "closed_uniform"])
@pytest.mark.parametrize("size", [64, 1100])  # part of one block; one block and part of the next
def test_numba_closed_forms(numba_peer, variant, size):
    assert numba_error(numba_peer, "two_compartment_oral", coincident(size), variant) < 1e-4


@pytest.mark.parametrize("variant", ["tsit5", "tsit5_lanes"])
def test_numba_tsit5_converges(numba_peer, variant):
    patients = coincident(150)  # a block of lanes and part of the next
    loose, tight = (numba_error(numba_peer, "two_compartment_oral", patients, variant, rtol) for rtol in (1e-2, 1e-4))
    assert tight < 1e-4 < loose


def test_numba_doses_at_output_times(numba_peer):
    patients = PROBLEMS["one_compartment_28_days"].sample(5, 0)
    assert numba_error(numba_peer, "one_compartment_28_days", patients, "tsit5", 1e-4) < 1e-4


@pytest.mark.parametrize(("variant", "rtol"), [("fixed_lanes", 0.0), ("tsit5", 1e-9)])
def test_numba_lorenz_in_double_precision(numba_peer, variant, rtol):
    name = "lorenz_fixed" if variant == "fixed_lanes" else "lorenz_adaptive"
    assert numba_error(numba_peer, name, PROBLEMS[name].sample(5, 0), variant, rtol, "float64") < 1e-8


@pytest.mark.parametrize(
    "name", ["one_compartment_28_days", "robertson", "hires", "pollu", "pbpk16", "pbpk_midazolam", "myelosuppression"]
)
def test_scipy_lsoda(name):
    problem = PROBLEMS[name]
    patients = problem.sample(2, 0)
    found = scipy_peer.curves(problem, patients, 1e-7)
    assert problem.error(found, problem.reference(problem, patients)) < 1e-4


def test_scipy_radau():
    problem = PROBLEMS["robertson"]
    patients = problem.sample(2, 0)
    found = scipy_peer.curves(problem, patients, 1e-5, "radau")
    assert problem.error(found, problem.reference(problem, patients)) < 1e-4


@pytest.mark.parametrize(
    ("name", "variant", "precision"),
    [
        ("one_compartment_28_days", "tsit5", "float32"),
        ("robertson", "kvaerno5", "float64"),
        ("lorenz_gradients", "gradient_forward", "float64"),
    ],
)
def test_diffrax_in_its_own_process(name, variant, precision, tmp_path):
    pytest.importorskip("diffrax")
    request = make_request(PROBLEMS[name], 4, 0, 1, variant=variant, precision=precision)
    row = peer_row(Peer("diffrax", variant, precision), request, tmp_path)
    assert row.error is not None, row.note
    assert 0.0 < row.error <= PROBLEMS[name].tolerated(precision)
    assert (row.problem, row.dtype, row.size) == (name, precision, 4) and row.run_s is not None


@pytest.mark.parametrize(("peer", "variant"), [("jax", "normal_folded"), ("numpy", "standard_normal")])
def test_random_peers(peer, variant, tmp_path):
    request = make_request(PROBLEMS["random_draws"], 5_000, 0, 1, variant=variant)
    row = peer_row(Peer(peer, variant), request, tmp_path)
    assert row.error is not None and row.error < 0.01, row.note


def test_mrgsolve_model_is_written_out():
    text = mrgsolve_peer.model_text(PROBLEMS["myelosuppression"])
    assert "dxdt_x_circ = " in text and "x_prol_0 = p_circ0;" in text and "pow(" in text and "**" not in text
    assert text.count("{") == text.count("}") == 3


def test_mrgsolve_agrees_with_the_reference():
    if not mrgsolve_peer.is_installed():
        pytest.skip("R has no mrgsolve")
    for name in ("two_compartment_oral", "robertson"):
        problem = PROBLEMS[name]
        patients = problem.sample(3, 0)
        found, _, _ = mrgsolve_peer.simulate(problem, patients, 1e-8, 1)
        assert problem.error(found, problem.reference(problem, patients)) < 1e-4


def test_loosest_tolerance_refuses_the_impossible():
    with pytest.raises(ValueError, match="no rtol"):
        measure.loosest_tolerance(lambda rtol: 1.0, 1e-4)


def test_a_peer_that_is_not_installed_is_a_note(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "scipy", None)
    expected = np.zeros((1, 100, 3))
    request = measure.Request(
        PROBLEMS["two_compartment_oral"], head(coincident(10), 3), expected, 3, 0, 1, variant="lsoda"
    )
    with pytest.raises(ImportError):
        scipy_peer.row(request)
    monkeypatch.setattr(measure, "make_request", lambda *args, **kwargs: request)
    measure.peer_main("scipy", scipy_peer.row, ["--problem", "two_compartment_oral", "--variant", "lsoda"])
    assert "not installed: pip install 'twinsim[bench]'" in capsys.readouterr().out


def test_a_peer_that_fails_is_a_row(tmp_path):
    request = make_request(PROBLEMS["random_draws"], 10, 0, 1)
    row = peer_row(Peer("no_such", "x"), request, tmp_path)
    assert row.note.startswith("failed:") and "no_such_peer" in row.note
