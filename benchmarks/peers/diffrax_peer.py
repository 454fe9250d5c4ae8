"""Diffrax: `vmap` of solves chained from dose to dose, in chunks, on every device of one process.

What else was tried, and how fast it was, stands in benchmarks/README.md.

`python -m benchmarks.peers.diffrax_peer --problem robertson --variant kvaerno5` prints one row as JSON.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.measure import Request, Row, loosest_tolerance, median_run, peer_main
from benchmarks.problem import ATOL_PER_RTOL, Patients, Problem, count
from benchmarks.problems.lorenz import WITH

CPU_CHUNK = 512  # patients stepping together: enough to fill vectors, few enough to stay in the L2 cache
ACCELERATOR_CHUNK = 131_072
SMALL_SYSTEM = 4  # equations
# A tolerance that needs more steps is refused; in float32 the implicit solvers can creep.
MAX_STEPS = {"tsit5": 20_000, "kvaerno5": 4_000, "kvaerno3": 4_000}


def scaling(problem: Problem) -> tuple[np.ndarray, float]:
    """Units of the states as diffrax sees them, and atol over rtol: its absolute tolerance is one number for all."""
    scales = problem.scales
    if (scales == scales[0]).all():
        return np.ones(len(scales)), ATOL_PER_RTOL * float(scales[0])
    return scales, ATOL_PER_RTOL


class OnePatient:
    """The solve of one patient.

    Args:
        variant: tsit5, kvaerno5, kvaerno3, tsit5_fixed, gradient or gradient_forward.
    """

    def __init__(self, problem: Problem, variant: str, precision: str) -> None:
        import diffrax
        import jax.numpy as jnp

        self.problem, self.variant, self.number = problem, variant, jnp.dtype(precision).type
        self.units, self.atol_per_rtol = scaling(problem)
        known = {"tsit5": diffrax.Tsit5, "kvaerno5": diffrax.Kvaerno5, "kvaerno3": diffrax.Kvaerno3}
        solver = "tsit5" if variant.startswith("gradient") else variant.removesuffix("_fixed")
        if solver not in known:
            raise ValueError(f"diffrax has no variant {variant!r} here")
        self.solver = known[solver]()
        self.max_steps = 4096 if variant == "gradient" else MAX_STEPS[solver]  # checkpoints are made for all of them
        # Forward mode is the cheapest bookkeeping there is; reverse mode needs checkpoints.
        self.adjoint = diffrax.RecursiveCheckpointAdjoint() if variant == "gradient" else diffrax.ForwardMode()

    def named(self, values: Any) -> SimpleNamespace:
        """Parameters by attribute."""
        return SimpleNamespace(**{**self.problem.fixed, **values})

    def states(self, z: tuple) -> SimpleNamespace:
        """States by attribute, in the problem's units."""
        true = (value if unit == 1.0 else value * unit for value, unit in zip(z, self.units.tolist(), strict=True))
        return SimpleNamespace(**dict(zip(self.problem.states, true, strict=True)))

    def field(self, _: Any, z: tuple, values: Any) -> tuple:
        """d z/dt."""
        slope = self.problem.rates(0.0, self.states(z), self.named(values), None)
        found = (slope[name] for name in self.problem.states)
        return tuple(v if unit == 1.0 else v / unit for v, unit in zip(found, self.units.tolist(), strict=True))

    def begin(self, values: Any) -> tuple:
        """States at time 0."""
        import jax.numpy as jnp

        given = self.problem.start(self.named(values), None)
        names = zip(self.problem.states, self.units.tolist(), strict=True)
        return tuple(jnp.asarray(given.get(name, 0.0) / unit, self.number) for name, unit in names)

    def piece(self, z: tuple, values: Any, length: float, ts: np.ndarray, rtol: Any) -> tuple[tuple, Any]:
        """From one dose to the next: final states, and outputs at ts (time), or at the end where that is the only one.

        Args:
            length: of the piece.
            ts: times of the outputs, counted from its beginning (time).
        """
        import diffrax
        import jax
        import jax.numpy as jnp

        def look(_: Any, z: tuple, values: Any) -> tuple:
            seen = self.problem.observe(0.0, self.states(z), self.named(values), None)
            return tuple(seen[name] for name in self.problem.outputs)

        only_end = len(ts) == 1 and ts[0] == length
        saved = [diffrax.SubSaveAt(t1=True)]
        if len(ts) and not only_end:
            saved.append(diffrax.SubSaveAt(ts=jnp.asarray(ts, self.number), fn=look))
        controller: Any = diffrax.ConstantStepSize()
        first = length / self.problem.steps if self.problem.steps else self.problem.first_step
        if not self.variant.endswith("fixed"):
            controller = diffrax.PIDController(rtol=rtol, atol=self.number(self.atol_per_rtol) * rtol)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(self.field),
            self.solver,
            self.number(0),
            self.number(length),
            self.number(first),
            z,
            values,
            saveat=diffrax.SaveAt(subs=saved),
            stepsize_controller=controller,
            adjoint=self.adjoint,
            max_steps=self.max_steps,
            throw=False,
        )
        ys: Any = solution.ys
        z = jax.tree.map(lambda value: value[0], ys[0])
        if only_end:
            return z, tuple(value[None] for value in look(None, z, values)) if self.observed else ()
        return z, ys[1] if len(ys) > 1 else ()

    @property
    def observed(self) -> bool:
        """Whether outputs are wanted, rather than gradients of the final state."""
        return not self.variant.startswith("gradient")

    def solve(self, values: Any, rtol: Any) -> Any:
        """Outputs of a patient, each (time)."""
        import jax
        import jax.numpy as jnp

        z = self.begin(values)
        segments = self.problem.segments()
        units = dict(zip(self.problem.states, self.units.tolist(), strict=True))
        pieces = []
        for part in segments:
            part_ts = self.problem.times[part.outputs] - part.start
            pieces.append((round(part.stop - part.start, 9), np.round(part_ts, 9), part.doses))

        def dosed(z: tuple, doses: Any) -> tuple:
            return tuple(v + doses.get(n, 0.0) / units[n] for v, n in zip(z, self.problem.states, strict=True))

        same = all(a[0] == pieces[0][0] and np.array_equal(a[1], pieces[0][1]) and a[2] == pieces[0][2] for a in pieces)
        if same and len(pieces) > 1:  # compile one dosing interval, not all of them
            length, ts, doses = pieces[0]

            def interval(z: tuple, _: None) -> tuple:
                return self.piece(dosed(z, doses), values, length, ts, rtol)

            _, seen = jax.lax.scan(interval, z, None, length=len(pieces))
            return tuple(value.reshape(-1) for value in seen)
        found = []
        for length, ts, doses in pieces:
            z, seen = self.piece(dosed(z, doses), values, length, ts, rtol)
            found.append(seen)
        return tuple(jnp.concatenate(parts) for parts in zip(*(seen for seen in found if seen), strict=True))

    def gradient(self, values: Any, rtol: Any) -> tuple:
        """d sum(final states)/d each of WITH, each (1)."""
        import jax
        import jax.numpy as jnp

        def total(theta: dict) -> Any:
            z, _ = self.piece(self.begin(theta), theta, float(self.problem.times[-1]), self.problem.times, rtol)
            return sum(z)

        theta = {n: jnp.asarray(values.get(n, self.problem.fixed.get(n)), self.number) for n in WITH}
        derivative = (jax.grad if self.variant == "gradient" else jax.jacfwd)(total)(theta)
        return tuple(derivative[name][None] for name in WITH)


class Batch:
    """Many patients: chunks of `vmap` one after the other on every device, each device on a thread of its own.

    Diffrax's implicit solvers and its reverse mode refuse to be traced inside `shard_map`, and a sharded loop would
    make devices wait for each other at every step.
    """

    def __init__(self, problem: Problem, variant: str, precision: str, patients: Patients, chunk: int) -> None:
        import jax

        self.size, self.precision = count(patients), precision
        self.devices = jax.devices()
        self.share = -(-self.size // len(self.devices))
        self.chunk = min(chunk, self.share)
        self.chunks = -(-self.share // self.chunk)
        one = OnePatient(problem, variant, precision)
        batch = jax.vmap(one.solve if one.observed else one.gradient, in_axes=(0, None))

        def local(parameters: dict, rtol: Any) -> tuple:
            found = jax.lax.map(lambda block: batch(block, rtol), parameters)
            return tuple(value.reshape(self.chunks * self.chunk, -1) for value in found)

        self.placed = [self._place(patients, d, device) for d, device in enumerate(self.devices)]
        start = time.perf_counter()
        self.ready = [jax.jit(local).lower(self.placed[0], self._number(1e-3)).compile()]
        self.compile_s = time.perf_counter() - start
        for parameters in self.placed[1:]:
            self.ready.append(jax.jit(local).lower(parameters, self._number(1e-3)).compile())

    def _number(self, value: float) -> Any:
        return np.dtype(self.precision).type(value)

    def _place(self, patients: Patients, d: int, device: Any) -> dict:
        import jax

        rows = np.minimum(np.arange(self.chunks * self.chunk) + d * self.share, self.size - 1)
        cut = {name: values[rows].astype(self.precision) for name, values in patients.items()}
        return jax.device_put({n: v.reshape(self.chunks, self.chunk) for n, v in cut.items()}, device)

    def run(self, rtol: float) -> list[tuple]:
        """Outputs of every device, each (patient, time)."""
        import jax

        def on(d: int) -> tuple:
            return jax.block_until_ready(self.ready[d](self.placed[d], jax.device_put(number, self.devices[d])))

        number = self._number(rtol)
        if len(self.devices) == 1:
            return [on(0)]
        with ThreadPoolExecutor(len(self.devices)) as pool:
            return list(pool.map(on, range(len(self.devices))))

    def values(self, rtol: float, first: int) -> np.ndarray:
        """Outputs of the first patients (output, time, patient)."""
        parts = [[np.asarray(value)[: self.share] for value in outputs] for outputs in self.run(rtol)]
        return np.stack([np.concatenate(value)[:first].T for value in zip(*parts, strict=True)])


def configure(precision: str, *, alone: bool) -> str:
    """JAX as this peer is fastest; returns the backend.

    Args:
        alone: one device; two that solve systems of equations larger than a few rows wait for each other for ever (seen
            with jaxlib 0.10.2 on two cores, in its calls of LAPACK).
    """
    os.environ["EQX_ON_ERROR"] = "nan"  # as diffrax's own FAQ advises for speed
    import jax

    jax.config.update("jax_num_cpu_devices", 1 if alone else os.cpu_count())
    jax.config.update("jax_enable_x64", precision == "float64")
    return jax.default_backend()


def row(request: Request) -> Row:
    """One row: finds the tolerance, compiles, times, checks."""
    implicit = request.variant.startswith("kvaerno")
    backend = configure(request.precision, alone=implicit and len(request.problem.states) > SMALL_SYSTEM)
    import diffrax  # noqa: F401  (its absence is a note)
    import jax

    problem, precision, checked = request.problem, request.precision, request.checked
    chunk = CPU_CHUNK if backend == "cpu" else ACCELERATOR_CHUNK
    few = Batch(problem, request.variant, precision, checked, chunk)

    def error_at(rtol: float) -> float:
        return problem.error(few.values(rtol, count(checked)), request.expected)

    rtol = 1e-3
    if not request.variant.endswith("fixed"):
        rtol = loosest_tolerance(error_at, problem.tolerated(precision), precision)
    batch = Batch(problem, request.variant, precision, request.patients, chunk)
    run_s = median_run(lambda: batch.run(rtol), request.repeats)
    error = problem.error(batch.values(rtol, count(checked)), request.expected)
    note = f"chunks of {batch.chunk}"
    if not request.variant.endswith("fixed"):
        note = f"rtol {rtol:.1e}, atol {ATOL_PER_RTOL:g} of that; {note}"
    device = f"{backend} x{jax.device_count()}"
    name = f"diffrax {request.variant}"
    return request.row(name, device, compile_s=batch.compile_s, run_s=run_s, error=error, note=note)


if __name__ == "__main__":
    peer_main("diffrax", row)
