"""Dense output: each method's own polynomial, and the march with it beside landing, SciPy, and other neighbours."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kernels import status as codes
from kernels.dense import begun, looked_back
from kernels.explicit import ExplicitTier
from kernels.lanes import lanes
from kernels.march import Start, march
from kernels.rosenbrock import RODAS3, RODAS4, RODAS5P
from kernels.stepping import Walk, Way
from kernels.stiff import StiffTier
from kernels.tableaux import BOGACKI_SHAMPINE3, DORMAND_PRINCE5, TSIT5, VERNER7
from tests.kernels.linear_systems import doses
from tests.kernels.test_rosenbrock import untransformed
from tests.kernels.trees import density, trees, vertices, weight

FRACTIONS = np.array([0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0])
# Method, order of its interpolation.
METHODS = {
    "bogacki": (BOGACKI_SHAMPINE3, 3),
    "dormand": (DORMAND_PRINCE5, 4),
    "tsitouras": (TSIT5, 4),
    "verner": (VERNER7, 3),
    "rodas3": (RODAS3, 3),
    "rodas4": (RODAS4, 3),
    "rodas5p": (RODAS5P, 4),
}
each_method = pytest.mark.parametrize(("method", "order"), METHODS.values(), ids=METHODS)


def tier_of(method, rates_of, size, **options):
    if hasattr(method, "gamma"):
        return StiffTier(rates_of, frozenset(), size=size, method=method, dense=True, **options)
    return ExplicitTier(rates_of, frozenset(), tableau=method, dense=True, **options)


def conditions(weights, a, single, order):
    """Largest  | sum_i b_i(q) Phi_i - q^p / gamma |  over fractions and trees of that order."""
    return max(
        abs(b @ weight(tree, a, single) - q ** vertices(tree) / density(tree))
        for q, b in zip(FRACTIONS, weights, strict=True)
        for tree in trees(order)
    )


@each_method
def test_the_weights_meet_the_conditions_of_their_order_and_no_more(method, order):
    q = FRACTIONS[:, None]
    if not hasattr(method, "gamma"):
        size = len(method.c)
        a = single = np.array([[*row, *[0.0] * (size - len(row))] for row in method.a])
        unit = np.eye(size)
        b0 = unit[0] - a[-1]
        more = np.array(method.bend or [0.0] * size)
        weights = q * a[-1] + q * (1 - q) * (b0 + q * (a[-1] - unit[-1] - b0)) + (q * (1 - q)) ** 2 * more
    elif method.bends:
        a, single, after, _ = untransformed(method)
        # u = Gamma k:  what `untransformed` does to the weights of the solution.
        own = np.array([[*row, *[0.0] * (len(method.c) - len(row))] for row in method.coupling])
        bends = np.array(method.bends) @ np.linalg.inv(np.eye(len(own)) / method.gamma - own)
        weights = q * after + q * (1 - q) * sum(q**k * row for k, row in enumerate(bends))
    else:
        pytest.skip("its slopes are no stages of it")
    for p in range(1, order + 1):
        assert conditions(weights, a, single, p) < 1e-12
    assert conditions(weights, a, single, order + 1) > 1e-4


def inside(method, rates_of, start, length, time=0.0):
    """States at FRACTIONS of one step (fraction, state), and its end."""
    tier, size = tier_of(method, rates_of, len(start), rtol=1e-6), len(start)
    zero, h = jnp.zeros(1), jnp.full(1, length)
    states = tuple(jnp.full(1, x) for x in start)
    begin = jnp.full(1, time)
    way = Way((), (zero,) * size, (zero,) * size, begin, h, h, zero, 0.0)
    slope = tier.slope(begin, states, (zero,) * size, ()) if tier.keeps_slope else ()
    new, _, _, bends = tier.stages(Walk(zero, states, slope, h, zero, None), way, h)
    ahead = begun(states, tier.bends)
    ahead = ahead._replace(walked=h, states=new, last=ahead.last._replace(length=h, bends=bends))
    return np.array([looked_back(ahead, states, q * h) for q in FRACTIONS])[:, :, 0], np.array(new)[:, 0]


def clock_and_product(t, x, p):
    """x' = x cos t, y' = -2 x y + t: neither autonomous nor linear."""
    return x[0] * jnp.cos(t), -2.0 * x[0] * x[1] + t


@lru_cache
def right(length):
    return solve_ivp(
        lambda t, x: [x[0] * np.cos(t), -2.0 * x[0] * x[1] + t], (0.7, 0.7 + length), [1.0, 0.6],
        t_eval=np.minimum(0.7 + length * FRACTIONS, 0.7 + length), method="DOP853", rtol=1e-13, atol=1e-15,
    ).y.T  # fmt: skip


@each_method
def test_the_observed_order_and_the_ends_to_the_bit(method, order):
    errors = []
    for length in (0.02, 0.01):
        seen, new = inside(method, clock_and_product, (1.0, 0.6), length, 0.7)
        assert np.array_equal(seen[0], [1.0, 0.6]) and np.array_equal(seen[-1], new)
        errors.append(np.abs(seen - right(length))[1:-1].max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order + 1, abs=0.4)


@each_method
def test_polynomials_are_exact(method, order):
    seen, _ = inside(method, lambda t, x, p: (order * t ** (order - 1) + 0.0 * x[0],), (0.5,), 0.8)
    assert seen[:, 0] == pytest.approx(0.5 + (0.8 * FRACTIONS) ** order, abs=1e-13)


PATIENTS = 8
TIMES = np.arange(1, 25) / 2.0
AMOUNT = 10.0


def saturable(t, x, p):
    """Absorption, and elimination that saturates, with an input that knows the time."""
    ka, vmax = p
    out = vmax * x[1] / (2.0 + x[1])
    return -ka * x[0], ka * x[0] - out + 0.3 * (1.0 + jnp.cos(t))


@lru_cache
def people():
    """ka, vmax (patient); two dose times of each patient, off the outputs but one (event, patient)."""
    rng = np.random.default_rng(11)
    when = np.sort(rng.uniform(0.3, 11.0, (2, PATIENTS)), axis=0)
    when[1, 2] = TIMES[16]
    return (np.linspace(0.5, 3.0, PATIENTS), np.linspace(4.0, 1.0, PATIENTS)), when


def curves(parameters, when, start=None, times=TIMES, **options):
    """Central amounts (time, patient), final states, status; compiled to lanes."""
    notes = []
    options = {"method": TSIT5, "rtol": 1e-6, "dense": True, "dtype": jnp.float64, **options}
    method = options.pop("method")

    def whole(parameters, events, before, begin):
        own = tuple(p.astype(options["dtype"]) for p in parameters)
        kind = StiffTier if hasattr(method, "gamma") else ExplicitTier
        which = {"size": 2, "method": method} if kind is StiffTier else {"tableau": method}
        tier = kind(saturable, frozenset(), **which, **options)
        found = march(
            tier, lambda _: own, lambda t, x, p: x[1], events, jnp.zeros((0, 2, 1)), jnp.asarray(times)[:, None],
            before, begin, segmented=False, dtype=options["dtype"],
        )  # fmt: skip
        return found[0], found[1], found[3]

    size = parameters[0].shape[0]
    events = doses(when, jnp.full((1, 1), AMOUNT))
    before = jnp.sum(events.time[None] <= jnp.asarray(times)[:, None, None], axis=1, dtype=jnp.int32)
    zero = tuple(jnp.zeros(size, options["dtype"]) for _ in range(2))
    begin = start or Start(jnp.zeros(1), zero, tuple(jnp.zeros(size) for _ in range(2)), jnp.zeros(1, jnp.int32))
    result = lanes(whole, size, notes.append)(parameters, events, before, begin)
    assert not notes
    return result


@partial(jax.jit, static_argnames=("method", "rtol", "dense", "dtype", "max_steps"))
def compiled(parameters, when, **options):
    return curves(parameters, when, **options)


@lru_cache
def expected():
    """By SciPy, from dose to dose."""
    (ka, vmax), when = people()
    curve = np.zeros((TIMES.size, PATIENTS))
    for k in range(PATIENTS):
        edges, x = [0.0, *when[:, k], TIMES[-1]], np.zeros(2)
        for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False)):
            x = x + (np.array([AMOUNT, 0.0]) if i else 0.0)
            rates = lambda t, x, k=k: np.array(saturable(t, x, (ka[k], vmax[k])))  # noqa: E731
            found = solve_ivp(rates, (a, b), x, method="LSODA", rtol=1e-11, atol=1e-13, dense_output=True)
            here = (TIMES >= a) & (TIMES <= b)
            curve[here, k], x = found.sol(TIMES[here])[1], found.y[:, -1]
    return curve


CASES = [(name, 1e-6, jnp.float64, 3e-5) for name in ("tsitouras", "rodas5p")]
CASES += [("tsitouras", 1e-5, jnp.float32, 5e-5), ("rodas3", 1e-4, jnp.float64, 3e-3)]


@pytest.mark.parametrize(("name", "rtol", "dtype", "error"), CASES)
def test_doses_between_outputs_at_each_patients_own_times(name, rtol, dtype, error):
    (parameters, when), options = people(), {"method": METHODS[name][0], "rtol": rtol, "dtype": dtype}
    seen, final, status = compiled(parameters, when, **options)
    peak = expected().max(axis=0)
    seen = np.array(seen, np.float64)
    assert (status == codes.OK).all() and (np.abs(seen - expected()) / peak).max() < error
    assert np.array_equal(final[1], seen[-1])
    landed, end, _ = compiled(parameters, when, dense=False, **options)
    landed = np.array(landed, np.float64)
    assert not np.array_equal(landed, seen) and (np.abs(landed - seen) / peak).max() < 2 * error
    assert (np.abs(np.array(final) - np.array(end)) / peak).max() < 2 * error


def test_neighbours_do_not_matter():
    """Which steps a block takes in advance depends on who else needs one; the numbers do not."""
    parameters, when = people()
    whole, final, _ = compiled(parameters, when)
    order = np.array([7, 2, 5, 0, 1, 6, 3, 4])
    turned, _, _ = compiled(tuple(p[order] for p in parameters), when[:, order])
    assert np.array_equal(turned, np.array(whole)[:, order])
    slow = tuple(np.where(np.arange(PATIENTS) == 4, 400.0 if i == 0 else p, p) for i, p in enumerate(parameters))
    others = np.arange(PATIENTS) != 4
    for beside in (slow, tuple(np.where(others, p, np.nan) for p in parameters)):
        seen, end, _ = compiled(beside, when)
        assert np.array_equal(np.array(seen)[:, others], np.array(whole)[:, others])
        assert np.array_equal(np.array(end)[:, others], np.array(final)[:, others])


def test_going_on_from_the_last_output():
    parameters, when = people()
    whole, _, _ = compiled(parameters, when, rtol=1e-9)
    _, half, _ = curves(parameters, when, times=TIMES[:12], rtol=1e-9)
    done = jnp.sum(jnp.asarray(when) <= TIMES[11], axis=0, dtype=jnp.int32)
    start = Start(jnp.full(1, TIMES[11]), half, tuple(jnp.zeros(PATIENTS) for _ in range(2)), done)
    rest, _, _ = curves(parameters, when, start, TIMES[12:], rtol=1e-9)
    assert np.array(rest) == pytest.approx(np.array(whole)[12:], rel=1e-6)


def test_why_a_patient_goes_no_further():
    parameters, when = people()
    bad = tuple(np.where(np.arange(PATIENTS) == 3, np.nan, p) for p in parameters)
    status = compiled(bad, when)[2]
    assert status.tolist() == [codes.NON_FINITE if k == 3 else codes.OK for k in range(PATIENTS)]
    assert (compiled(parameters, when, max_steps=20)[2] == codes.MAX_STEPS).all()


@pytest.mark.parametrize("name", ["tsitouras", "rodas5p"])
def test_tangents_of_parameters_and_of_dose_times(name):
    """Against central differences of runs more exact; one dose is on an output, and moves off it."""
    parameters, when = people()
    method = METHODS[name][0]
    ones = tuple(np.ones(PATIENTS) * k for k in (1.0, 0.0))
    times = np.where(np.arange(2)[:, None] == 1, 1.0, 0.0) * np.ones(PATIENTS)
    run = partial(compiled, method=method, rtol=1e-8)
    exact = partial(compiled, method=method, rtol=1e-10)
    for direction in ((ones, 0.0 * times), ((0.0 * ones[0],) * 2, times)):
        slope = np.array(jax.jvp(lambda p, w: run(p, w)[0], (parameters, when), direction)[1])
        moved = [
            np.array(exact(*jax.tree.map(lambda x, d, s=s: x + s * d, (parameters, when), direction))[0])
            for s in (1e-4, -1e-4)
        ]
        difference = (moved[0] - moved[1]) / 2e-4
        smooth = np.ones_like(difference, bool)
        smooth[16, 2] = False  # the curve has a corner where its dose is on the output
        assert slope[smooth] == pytest.approx(difference[smooth], abs=2e-5)
