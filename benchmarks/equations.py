"""Equations as source text: a problem's functions are run once on symbols, which write down what happens to them.

So every peer (Numba, SciPy, mrgsolve) solves the very equations of the problem, in straight-line code of its own
language, with everything that depends on parameters alone computed once per patient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.problem import Problem

Literal = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """name = a op b; `op` is one of + - * / **, `moving` says whether it depends on states."""

    name: str
    op: str
    a: str | float
    b: str | float
    moving: bool


class Tape:
    """Operations in the order in which they happened, each once."""

    def __init__(self, prefix: str = "v") -> None:
        self.prefix = prefix
        self.lines: list[Line] = []
        self._seen: dict[tuple, Symbol] = {}

    def record(self, op: str, a: Any, b: Any) -> Symbol:
        """A symbol for a op b."""
        key = (op, _text(a), _text(b))
        if key not in self._seen:
            moving = any(isinstance(each, Symbol) and each.moving for each in (a, b))
            line = Line(f"{self.prefix}{len(self.lines)}", *key, moving)
            self.lines.append(line)
            self._seen[key] = Symbol(self, line.name, moving)
        return self._seen[key]


class Symbol:
    """A number that is only known when the text runs."""

    def __init__(self, tape: Tape, name: str, moving: bool) -> None:
        self.tape, self.name, self.moving = tape, name, moving

    def __add__(self, other: Any) -> Symbol:
        return self.tape.record("+", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self.tape.record("+", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return self.tape.record("-", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.tape.record("-", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return self.tape.record("*", self, other)

    def __rmul__(self, other: Any) -> Symbol:
        return self.tape.record("*", other, self)

    def __truediv__(self, other: Any) -> Symbol:
        return self.tape.record("/", self, other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return self.tape.record("/", other, self)

    def __pow__(self, other: Any) -> Symbol:
        return self * self if other == 2 else self.tape.record("**", self, other)

    def __neg__(self) -> Symbol:
        return self.tape.record("-", 0.0, self)


class Names:
    """Values by attribute."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)


def _text(value: Any) -> str | float:
    return value.name if isinstance(value, Symbol) else float(value)


@dataclass(frozen=True)
class Program:
    """Straight-line code of one function: lines, and what it gives (a name or a number) by state or output."""

    lines: tuple[Line, ...]
    results: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def constants(self) -> tuple[str, ...]:
        """Lines without states that the moving part, or a result, uses; in order."""
        still = [line.name for line in self.lines if not line.moving]
        used = {each for line in self.lines if line.moving for each in (line.a, line.b)} | set(self.results.values())
        return tuple(name for name in still if name in used)

    def text(self, part: str, literal: Literal = repr, power: str = "{} ** {}") -> list[str]:
        """Assignments of one part: "still" (parameters alone), "moving" or "all"."""
        wanted = {"still": (False,), "moving": (True,), "all": (False, True)}[part]
        return [f"{x.name} = {_expression(x, literal, power)}" for x in self.lines if x.moving in wanted]

    def result(self, name: str, literal: Literal = repr) -> str:
        """What is given for a state or output, as text."""
        value = self.results[name]
        return value if isinstance(value, str) else literal(value)


def _expression(line: Line, literal: Literal, power: str) -> str:
    a, b = (each if isinstance(each, str) else literal(each) for each in (line.a, line.b))
    return power.format(a, b) if line.op == "**" else f"{a} {line.op} {b}"


def _traced(function: Callable[[Tape, Names, Names], Mapping[str, Any]], problem: Problem, names: Sequence) -> Program:
    tape = Tape()
    x = Names({name: Symbol(tape, f"x_{name}", True) for name in problem.states})
    p = Names({**problem.fixed, **{name: Symbol(tape, f"p_{name}", False) for name in problem.parameters}})
    given = function(tape, x, p)
    return Program(tuple(tape.lines), {name: _text(given.get(name, 0.0)) for name in names})


def rates_program(problem: Problem) -> Program:
    """d state/dt from x_<state> and p_<parameter>."""
    return _traced(lambda _, x, p: problem.rates(0.0, x, p, None), problem, problem.states)


def observe_program(problem: Problem) -> Program:
    """Outputs from x_<state> and p_<parameter>."""
    return _traced(lambda _, x, p: problem.observe(0.0, x, p, None), problem, problem.outputs)


def start_program(problem: Problem) -> Program:
    """States at the beginning from p_<parameter>."""
    return _traced(lambda _, x, p: problem.start(p, None), problem, problem.states)


def python_rates(problem: Problem) -> tuple[Callable, Callable]:
    """Functions (parameters -> constants) and (states, constants -> d states/dt), all tuples of floats.

    Both are plain Python without loops or indices in the middle, as Numba and the interpreter like it.
    """
    program = rates_program(problem)
    parameters = "".join(f"p_{name}, " for name in problem.parameters)
    constants = "".join(f"{name}, " for name in (*_parameters_used(problem, program), *program.constants))
    states = "".join(f"x_{name}, " for name in problem.states)
    slopes = "".join(f"{program.result(name)}, " for name in problem.states)
    source = [
        "def prepare(parameters):",
        f"    {parameters} = parameters",
        *(f"    {line}" for line in program.text("still")),
        f"    return ({constants})",
        "def rates(states, constants):",
        f"    {states} = states",
        f"    {constants} = constants" if constants else "    pass",
        *(f"    {line}" for line in program.text("moving")),
        f"    return ({slopes})",
    ]
    made: dict[str, Any] = {}
    exec("\n".join(source), made)
    return made["prepare"], made["rates"]


def _parameters_used(problem: Problem, program: Program) -> tuple[str, ...]:
    """Parameters that the moving part, or a result, uses as they are."""
    used = {each for line in program.lines if line.moving for each in (line.a, line.b)} | set(program.results.values())
    return tuple(f"p_{name}" for name in problem.parameters if f"p_{name}" in used)


def constants_of(problem: Problem, program: Program) -> tuple[str, ...]:
    """Everything the moving part needs besides the states."""
    return (*_parameters_used(problem, program), *program.constants)
