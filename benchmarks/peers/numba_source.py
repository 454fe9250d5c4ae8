"""Tsit5 in Numba, written out for one problem: straight-line code for a patient, looped over lanes of a block.

With one lane this is the loop over patients that a good user writes: own steps, landing on every output and dose. With
many lanes a block of patients lands together on every stop; between two stops every lane takes the steps its own error
asks for, and those that have arrived wait, so that the inner loop has no branches and runs in vector registers.

Source: Tsitouras 2011, Table 1, doi:10.1016/j.camwa.2011.06.002 (as in `kernels.tableaux`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.equations import Program, constants_of, observe_program, rates_program, start_program
from benchmarks.problem import ATOL_PER_RTOL, Problem
from kernels.tableaux import TSIT5

HEADER = """
import numpy as np
from numba import njit, prange
from benchmarks.peers.numba_math import tenth_root_inverse
F = np.{precision}
LANES = {lanes}
ZERO, ONE, SAFETY, SHRINK, GROW, ARRIVED, LEAST = F(0), F(1), F(0.9), F(0.2), F(5), F(0.99999), F(1e-12)
FAST = {{"fastmath": True, "error_model": "numpy"}}
"""


class Source:
    """The text of a module for one problem."""

    def __init__(self, problem: Problem, precision: str, lanes: int, fixed: bool) -> None:
        self.problem, self.precision, self.lanes, self.fixed = problem, precision, lanes, fixed
        self.rates, self.observe, self.start = rates_program(problem), observe_program(problem), start_program(problem)
        self.count = len(problem.states)
        self.constants = constants_of(problem, self.rates)
        self.numbers: dict[float, str] = {}
        # Rows of a block's memory: states, slopes, constants, and with own steps: step, what is left to the stop.
        self.rows = 2 * self.count + len(self.constants) + (0 if fixed else 2)

    def literal(self, value: float) -> str:
        """A number of the problem's precision, as a global of the module, so that nothing becomes float64."""
        return self.numbers.setdefault(float(value), f"K{len(self.numbers)}")

    def text(self) -> str:
        """The whole module."""
        body = [
            *self._function("advance", "s, h" if self.fixed else "s, rtol", self._advance()),
            *self._function("begin", "parameters, s, start, end", self._begin()),
            *self._function("jump", "s, amounts", self._jump()),
            *self._function("look", "parameters, s, out, start, end", self._look()),
            self._drive(),
        ]
        header = HEADER.format(precision=self.precision, lanes=self.lanes)
        numbers = [f"{name} = F({value!r})" for value, name in self.numbers.items()]
        return "\n".join([header, *numbers, *body])

    def _function(self, name: str, arguments: str, lines: Iterator[str]) -> list[str]:
        # Each in the loop that uses it: LLVM must see the rows of `s` as one array with known offsets.
        return ['@njit(inline="always", **FAST)', f"def {name}({arguments}):", *(f"    {line}" for line in lines)]

    def _load(self, first: int, names: Sequence[str]) -> Iterator[str]:
        return (f"    {name} = s[{first + k}, i]" for k, name in enumerate(names))

    def _slopes(self, states: Sequence[str], suffix: str) -> Iterator[str]:
        """Assignments of d{suffix}_0, d{suffix}_1, ... at the given states."""
        for name, value in zip(self.problem.states, states, strict=True):
            yield f"    x_{name} = {value}"
        yield from (f"    {line}" for line in self.rates.text("moving", self.literal))
        for k, name in enumerate(self.problem.states):
            yield f"    d{suffix}_{k} = {self.rates.result(name, self.literal)}"

    def _sum(self, weights: Sequence[float], k: int) -> str:
        return " + ".join(f"{self.literal(w)} * d{j}_{k}" for j, w in enumerate(weights, 1) if w != 0.0)

    def _advance(self) -> Iterator[str]:
        """One attempted step of every lane; lanes that have arrived take a step of length zero."""
        n, constants = self.count, self.constants
        yield "for i in range(LANES):"
        yield from self._load(0, [f"y_{k}" for k in range(n)])
        yield from self._load(n, [f"d1_{k}" for k in range(n)])
        yield from self._load(2 * n, constants)
        if not self.fixed:
            last = self.rows
            yield f"    wanted = s[{last - 2}, i]"
            yield f"    rest = s[{last - 1}, i]"
            yield "    lands = wanted >= rest * ARRIVED"
            yield "    h = rest if lands else wanted"
        for stage, weights in enumerate(TSIT5.a[1:], 2):
            for k in range(n):
                yield f"    z_{k} = y_{k} + h * ({self._sum(weights, k)})"
            yield from self._slopes([f"z_{k}" for k in range(n)], str(stage))
        if self.fixed:
            yield from (f"    s[{k}, i] = z_{k}" for k in range(n))
            yield from (f"    s[{n + k}, i] = d7_{k}" for k in range(n))
            return
        yield "    error = ZERO"
        for k, scale in enumerate(self.problem.scales):
            floor = self.literal(ATOL_PER_RTOL * float(scale))
            yield f"    e = h * ({self._sum(TSIT5.error, k)}) / (rtol * ({floor} + max(abs(y_{k}), abs(z_{k}))))"
            yield "    error += e * e"
        yield f"    error = error * {self.literal(1 / n)}"
        yield "    good = error <= ONE"
        yield "    following = h * min(max(SAFETY * F(tenth_root_inverse(max(error, LEAST))), SHRINK), GROW)"
        # A step cut short by the stop must not shorten the patient's own step.
        yield "    following = max(wanted, following) if (lands and good) else following"
        yield f"    s[{last - 2}, i] = following if rest > ZERO else wanted"
        yield f"    s[{last - 1}, i] = (ZERO if lands else rest - h) if good else rest"
        yield from (f"    s[{k}, i] = z_{k} if good else y_{k}" for k in range(n))
        yield from (f"    s[{n + k}, i] = d7_{k} if good else d1_{k}" for k in range(n))

    def _parameters(self, program: Program) -> Iterator[str]:
        names = self.problem.parameters
        yield "    patient = min(start + i, end - 1)"  # idle lanes repeat the last patient
        yield from (f"    p_{name} = F(parameters[{j}, patient])" for j, name in enumerate(names))
        yield from (f"    {line}" for line in program.text("still", self.literal))

    def _begin(self) -> Iterator[str]:
        """Constants, states and slopes of a block at time 0."""
        yield "for i in range(LANES):"
        yield from self._parameters(self.start)
        for k, name in enumerate(self.problem.states):
            yield f"    y_{k} = F({self.start.result(name, self.literal)})"
            yield f"    s[{k}, i] = y_{k}"
        yield from (f"    {line}" for line in self.rates.text("still", self.literal))
        yield from (f"    s[{2 * self.count + k}, i] = {name}" for k, name in enumerate(self.constants))
        yield from self._restart()

    def _restart(self) -> Iterator[str]:
        yield from self._slopes([f"y_{k}" for k in range(self.count)], "1")
        yield from (f"    s[{self.count + k}, i] = d1_{k}" for k in range(self.count))
        if not self.fixed:
            yield f"    s[{self.rows - 2}, i] = {self.literal(self.problem.first_step)}"

    def _jump(self) -> Iterator[str]:
        """A dose: the states jump, the slopes follow, steps begin anew."""
        yield "for i in range(LANES):"
        yield from (f"    y_{k} = s[{k}, i] + amounts[{k}]" for k in range(self.count))
        yield from (f"    s[{k}, i] = y_{k}" for k in range(self.count))
        yield from self._load(2 * self.count, self.constants)
        yield from self._restart()

    def _look(self) -> Iterator[str]:
        """Outputs of a block into out (output, patient)."""
        yield "for i in range(min(LANES, end - start)):"
        yield from self._parameters(self.observe)
        yield from self._load(0, [f"x_{name}" for name in self.problem.states])
        yield from (f"    {line}" for line in self.observe.text("moving", self.literal))
        for k, name in enumerate(self.problem.outputs):
            yield f"    out[{k}, start + i] = {self.observe.result(name, self.literal)}"

    def _drive(self) -> str:
        return DRIVE.format(rows=self.rows, last=self.rows - 1, steps=FIXED if self.fixed else ADAPTIVE)


FIXED = """for _ in range(steps):
                advance(s, spans[stop] / F(steps))"""
ADAPTIVE = """s[LAST, :] = spans[stop]
            busy = spans[stop] > ZERO
            while busy:
                advance(s, rtol)
                furthest = ZERO
                for i in range(LANES):
                    furthest = max(furthest, s[LAST, i])
                busy = furthest > ZERO"""
DRIVE = """
LAST = {last}
@njit(parallel=True, **FAST)
def curves(parameters, spans, outputs, amounts, rtol, steps, out):
    size = parameters.shape[1]
    for block in prange((size + LANES - 1) // LANES):
        start, end = block * LANES, min(size, (block + 1) * LANES)
        s = np.empty(({rows}, LANES), F)
        begin(parameters, s, start, end)
        for stop in range(spans.size):
            {steps}
            if outputs[stop] < 0:
                jump(s, amounts[stop])
            else:
                look(parameters, s, out[:, outputs[stop]], start, end)
"""
