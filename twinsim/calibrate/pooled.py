"""Naive pooled calibration: typical values and residual error, as if all observations came from one patient.

    objective = sum_j [ ln v_j + (y_j - f_j)^2 / v_j ]        (-2 log likelihood without n ln 2 pi)

with the variance v_j of observation y_j about its prediction f_j; for a lognormal error ln y_j takes the place of y_j,
ln f_j that of f_j, and 2 ln y_j is added.

Numbers are searched on an unbounded scale: log where a number has a lower bound only, logit between two bounds.
L-BFGS (optax) from several starts; a start has converged when one more step changes the objective by less than
1e-9 of its size and no derivative on the search scale exceeds 1e-3; the best converged start is taken.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from twinsim.calibrate.scale import Scale
from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.model import PopulationModel, population_model
from twinsim.prediction import Fitted, require_sound
from twinsim.records import Records

log = logging.getLogger(__name__)
CHANGE, SLOPE = 1e-9, 1e-3
SPREAD = 0.5  # standard deviation of the starts on the search scale


@dataclass(frozen=True)
class Fit:
    """What a calibration found.

    Attributes:
        model: with the fitted numbers.
        estimates: by theta name, the fitted ones.
        objective: -2 log likelihood without n ln 2 pi; constant: n ln 2 pi.
        converged: whether the stopping rule was met.
        reason: how the search ended.
        trace: objective after each step of the best start.
        starts: final objective of every start.
    """

    model: PopulationModel
    estimates: Mapping[str, float]
    objective: float
    constant: float
    converged: bool
    reason: str
    trace: tuple[float, ...]
    starts: tuple[float, ...]


def fit_pooled(
    model: str | PopulationModel,
    records: Records,
    *,
    fit: Sequence[str] | None = None,
    outputs: Mapping[str, str] | None = None,
    starts: int = 4,
    seed: int = 0,
    max_steps: int = 300,
    solver: str = "auto",
) -> Fit:
    """Fit a model's numbers to all observations at once.

    Args:
        fit: theta names; by default all that are not fixed.
        outputs: dvid -> output, where labels and names differ.
        starts: searches, the first from the model's own numbers, the others scattered around them.
        seed: of the scattered starts.

    Raises:
        UsageError: an unknown number, an output without residual error.
        DataError: no observations, or patients that cannot be predicted.
    """
    chosen = population_model(model) if not isinstance(model, PopulationModel) else model
    names = _names(chosen, fit)
    fitted = Fitted(chosen, records, solver=solver, outputs=outputs)
    objective = _objective(fitted, names)
    start = {name: chosen.numbers[name].value for name in names}
    require_sound(np.asarray(fitted.predictions({}, None)[1]), records)
    scale = [Scale(*chosen.numbers[name].bounds) for name in names]
    begin = np.asarray([s.outward(start[name]) for s, name in zip(scale, names, strict=True)])
    scattered = begin + SPREAD * np.random.default_rng(seed).standard_normal((max(1, starts), len(names)))
    scattered[0] = begin

    def on_scale(z: jax.Array) -> jax.Array:
        return objective(jnp.stack([s.inward(z[i]) for i, s in enumerate(scale)]))

    # Predictions know their derivatives by patients' parameters; in several segments those would be too many.
    method, step = _stepper(on_scale if fitted.design.segments is None else _forward_gradient(on_scale))
    runs = [_search(method, step, jnp.asarray(z), max_steps=max_steps) for z in scattered]
    best = min(runs, key=lambda run: (not run.converged, run.objective if math.isfinite(run.objective) else math.inf))
    if not math.isfinite(best.objective):
        raise DataError("no start gave a finite objective", where=records.source, do="check the data and the model")
    estimates = {name: float(s.inward(z)) for name, s, z in zip(names, scale, best.z, strict=True)}
    if not best.converged:
        log.warning("the fit did not converge: %s", best.reason)
    return Fit(
        model=chosen.with_thetas(estimates),
        estimates=estimates,
        objective=best.objective,
        constant=float(np.sum(_observed(records)) * math.log(2.0 * math.pi)),
        converged=best.converged,
        reason=best.reason,
        trace=tuple(best.trace),
        starts=tuple(run.objective for run in runs),
    )


def _names(model: PopulationModel, fit: Sequence[str] | None) -> tuple[str, ...]:
    for name in fit or ():
        if name not in model.numbers:
            raise UsageError(f"the model has no number {name!r}", where="fit", do=nearest(name, model.numbers))
    return tuple(fit) if fit is not None else model.theta_names


def _observed(records: Records) -> np.ndarray:
    return (records.evid == 0) & (records.mdv == 0) & np.isfinite(records.dv)


def _objective(fitted: Fitted, names: tuple[str, ...]) -> Any:
    """theta (name) -> objective."""
    records, model = fitted.records, fitted.model
    rows = np.flatnonzero(_observed(records))
    if not rows.size:
        raise DataError("there are no observations to fit", where=records.source, do="add rows with EVID 0 and DV")
    if (records.cens[rows] != 0).any():
        raise DataError("censored observations cannot be fitted by this method", where=records.source)
    kinds = [fitted.output_of[i] for i in rows]
    for name in dict.fromkeys(kinds):
        if name not in model.error_models:
            raise UsageError(f"{model.name} has no residual error for {name}", do="add it to the model's file")
    which = {name: jnp.asarray([k == name for k in kinds]) for name in dict.fromkeys(kinds)}
    factor, dv = jnp.asarray(fitted.factor[rows]), jnp.asarray(records.dv[rows])

    def objective(theta: jax.Array) -> jax.Array:
        thetas = {name: theta[i] for i, name in enumerate(names)}
        prediction, _ = fitted.predictions(thetas, None)
        f, y = prediction[rows] / factor, dv / factor
        total = jnp.zeros(())
        for name, mask in which.items():
            if model.error_models[name].log_scale:
                s2 = model.error_models[name].log_variance(f, thetas)
                terms = jnp.log(s2) + 2.0 * jnp.log(y) + (jnp.log(y) - jnp.log(f)) ** 2 / s2
            else:
                v = model.error_models[name].variance(f, thetas)
                terms = jnp.log(v) + (y - f) ** 2 / v
            total = total + jnp.sum(jnp.where(mask, terms, 0.0))
        return total + 2.0 * jnp.sum(jnp.log(factor))

    return objective


def _forward_gradient(function: Any) -> Any:
    """The function with a gradient from forward tangents: adaptive steps cannot be run backward."""

    @jax.custom_vjp
    def wrapped(z: jax.Array) -> jax.Array:
        return function(z)

    def forward(z: jax.Array) -> tuple:
        value, tangent = jax.vmap(lambda e: jax.jvp(function, (z,), (e,)))(jnp.eye(z.shape[0]))
        return value[0], tangent

    wrapped.defvjp(forward, lambda gradient, g: (g * gradient,))
    return wrapped


@dataclass(frozen=True)
class _Run:
    z: np.ndarray
    objective: float
    converged: bool
    reason: str
    trace: tuple[float, ...]


def _stepper(function: Any) -> tuple[Any, Any]:
    """The method, and one compiled step of it: (z, state) -> new z, new state, objective and slope at the old z."""
    method = optax.lbfgs(memory_size=10)

    @jax.jit
    def step(z: jax.Array, state: Any) -> tuple:
        value, gradient = jax.value_and_grad(function)(z)
        with _optax_rules():
            update, state = method.update(gradient, state, z, value=value, grad=gradient, value_fn=function)
        return optax.apply_updates(z, update), state, value, jnp.max(jnp.abs(gradient))

    return method, step


@contextmanager
def _optax_rules() -> Iterator[None]:
    """JAX's own rules for mixed types and ranks: optax relies on them, where a program may have set stricter ones."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _search(method: Any, step: Any, z: jax.Array, *, max_steps: int) -> _Run:
    """L-BFGS until the stopping rule of this module's head is met."""
    with _optax_rules():
        # Plain types, as every step gives them back: weak ones would make the first step another program.
        state = jax.tree.map(lambda x: jnp.asarray(x, jnp.asarray(x).dtype), method.init(z))
    trace, reason = [], f"{max_steps} steps were not enough"
    for _ in range(max_steps):
        new, state, value, slope = step(z, state)
        trace.append(float(value))
        if not math.isfinite(trace[-1]):
            return _Run(np.asarray(z), math.inf, False, "the objective became infinite or NaN", tuple(trace))
        settled = len(trace) > 1 and abs(trace[-2] - trace[-1]) <= CHANGE * (1.0 + abs(trace[-1]))
        if settled and float(slope) <= SLOPE:
            reason = f"after {len(trace)} steps a step changed the objective by less than {CHANGE:g} of its size"
            return _Run(np.asarray(z), trace[-1], True, reason, tuple(trace))
        z = new
    return _Run(np.asarray(z), trace[-1], False, reason, tuple(trace))
