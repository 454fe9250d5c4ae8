"""A block of patients as functions of a model's numbers and of their random effects, ready to be differentiated.

    inputs       w(numbers, nu)    individual parameters, whatever moves of them
    predictions  f(w)              of every observation: the only part that solves anything

Where parameters change along the way, w are the random effects and the numbers themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels.expansion import expand
from twinsim.calibrate.density import Moments, moments
from twinsim.calibrate.study import Observed, Outline
from twinsim.calibrate.unknowns import Given, Unknowns
from twinsim.design import Design
from twinsim.population.derived import derive
from twinsim.population.error_model import ErrorModel
from twinsim.population.individual import centres, individual_parameters
from twinsim.population.model_covariate import gather
from twinsim.prediction import solve_laid_out

Predictor = Callable[[Array], Array]


@dataclass(frozen=True)
class Course:
    """Patients of one block.

    Args:
        unknowns: what is estimated; its numbers move.
    """

    outline: Outline
    unknowns: Unknowns
    observed: Observed
    given: Given

    @property
    def patients(self) -> int:
        return self.observed.dv.shape[-1]

    @property
    def design(self) -> Design:
        return self.observed.design

    @property
    def errors(self) -> Mapping[str, ErrorModel]:
        """Residual error of each observed output."""
        return {name: self.outline.parts.error_models[name] for name in self.outline.outputs}

    def _covariates(self) -> dict[str, Array]:
        shape = (self.design.count, self.patients)
        known = derive({name: jnp.broadcast_to(x, shape) for name, x in self.design.covariates.items()})
        return gather(self.outline.parts.covariates, known, self.outline.parts.title)

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """Individual parameters that differ with what is estimated or with random effects; those with effects first."""
        parts, names = self.outline.parts, self.outline.problem.structure.parameter_names
        varied = {*parts.between_patients.names, *parts.between_occasions.names}
        estimated = {
            item.name for item in parts.parameters if {n.name for n in item.numbers()} & set(self.unknowns.names)
        }
        if parts.parameterisation is not None:
            gives, taken = set(parts.parameterisation.gives), set(parts.parameterisation.takes)
            uses = taken | set(parts.parameterisation.uses)
            varied |= gives if varied & uses else set()
            estimated |= gives if estimated & uses else set()
        return (*(n for n in names if n in varied), *(n for n in names if n in estimated - varied))

    @cached_property
    def varied(self) -> int:
        """How many of the inputs depend on random effects."""
        parts = self.outline.parts
        if self.outline.segmented:
            return self.outline.effects
        names = {*parts.between_patients.names, *parts.between_occasions.names}
        if parts.parameterisation is not None and names & {*parts.parameterisation.takes, *parts.parameterisation.uses}:
            names |= set(parts.parameterisation.gives)
        return sum(name in names for name in self.moving)

    def effects(self, given: Given, nu: Array) -> tuple[Array, Array]:
        """Random effects between patients (eta, patient) and between occasions (eta, occasion, patient).

        Args:
            nu: standard normal (effect, patient).
        """
        size, own = given.factor.shape[0], given.factor_occasion.shape[0]
        etas = jnp.sum(given.factor * nu[None, :size], axis=1)
        rest = nu[size:].reshape(own, self.outline.occasions, self.patients) if own else jnp.zeros((0, 1, 1))
        return etas, jnp.sum(given.factor_occasion[:, :, None] * rest[None], axis=1)

    def inputs(self, given: Given, nu: Array) -> Array:
        """w (input, patient).

        Args:
            given: numbers (1, patient | 1) and factors (eta, eta, patient | 1) of `Unknowns.apply`.
            nu: standard normal effects (effect, patient).
        """
        etas, occasions = self.effects(given, nu)
        wide = lambda x: jnp.broadcast_to(x, (x.shape[0], self.patients))  # noqa: E731
        if self.outline.segmented:
            rows = [etas, occasions.reshape(-1, self.patients)] if occasions.shape[0] else [etas]
            return jnp.concatenate([*map(wide, rows), *(wide(given.numbers[name]) for name in self.unknowns.names)])
        individual = self._individual(given.numbers, etas[:, None], occasions if occasions.shape[0] else None)
        return jnp.concatenate([jnp.zeros((0, self.patients)), *(wide(individual[name]) for name in self.moving)])

    @property
    def latent_is_parameter(self) -> bool:
        """Whether what is drawn for a patient can be its parameters on their scale, centre + eta, not eta itself.

        Numbers that only place the centre then do not enter predictions.
        """
        return not self.outline.segmented and not self.outline.occasions

    def centre(self, given: Given) -> Array:
        """Mean of the latent numbers (effect, patient): 0 where they are random effects themselves."""
        shape = (1, self.patients)
        if not self.latent_is_parameter:
            return jnp.zeros((self.outline.effects, self.patients))
        return centres(self.outline.parts, self._covariates(), given.numbers, shape)[:, 0]

    def factor(self, given: Given) -> Array:
        """L of the covariance of all latent numbers (effect, effect, patient | 1), occasions of an effect together."""
        size, own, count = given.factor.shape[0], given.factor_occasion.shape[0], self.outline.occasions
        if not own:
            return given.factor
        whole = jnp.zeros((self.outline.effects, self.outline.effects, given.factor_occasion.shape[2]))
        whole = whole.at[:size, :size].set(given.factor)
        for k in range(count):
            rows = size + np.arange(own) * count + k
            whole = whole.at[np.ix_(rows, rows)].set(given.factor_occasion)
        return whole

    def _individual(self, numbers: Mapping[str, Any], etas: Any, occasions: Any) -> dict[str, Array]:
        """Parameters (1 | segment, patient) from effects (eta, 1 | segment, patient)."""
        parts = self.outline.parts
        effects = dict(zip(parts.between_patients.names, etas, strict=True))
        if occasions is not None:
            for name, row in zip(parts.between_occasions.names, occasions, strict=True):
                effects[name] = effects[name] + row if name in effects else row
        return individual_parameters(parts, self._covariates(), effects, numbers, [(self.design.count, self.patients)])

    def predictor(self, given: Given) -> Callable[[Array], tuple[Array, Array]]:
        """inputs -> predictions (row, patient) in the output's unit, and status (patient).

        Args:
            given: the numbers that do not move; derivatives do not go this way.
        """
        solve = self._along_segments(given) if self.outline.segmented else self._plain(given)
        kind = jnp.asarray(self.observed.kind)

        def predicted(w: Array) -> tuple[Array, Array]:
            outputs, status = solve(w)
            found = outputs[self.outline.outputs[0]]
            for index, name in enumerate(self.outline.outputs[1:], start=1):
                found = jnp.where(kind == index, outputs[name], found)
            return found, status

        return predicted

    def _plain(self, given: Given) -> Callable[[Array], Any]:
        nothing = jnp.zeros((len(self.outline.parts.between_patients.names), 1, self.patients))
        still = self._individual(given.numbers, nothing, None)

        def solve(w: Array) -> Any:
            own = {**still, **{name: w[i : i + 1] for i, name in enumerate(self.moving)}}
            return solve_laid_out(self.outline.problem, self.design, lambda x, *_: own, {}, reverse=False)

        return solve

    def _along_segments(self, given: Given) -> Callable[[Array], Any]:
        segments, shape = self.design.segments, (self.design.count, self.patients)
        assert segments is not None
        parts, occasions, names = self.outline.parts, self.outline.occasions, self.unknowns.names
        effects_of, occasion_effects = parts.between_patients.names, parts.between_occasions.names
        size = len(effects_of)
        wide = lambda x: jnp.broadcast_to(x, shape)  # noqa: E731
        still = {f"={name}": wide(value) for name, value in given.numbers.items()}

        def individual(x: Mapping[str, Any], etas: Any, rows: Any) -> Any:
            numbers = {name.removeprefix("="): value for name, value in x.items() if name.startswith("=")}
            effects = dict(zip(effects_of, () if etas is None else etas, strict=True))
            for name, row in zip(occasion_effects, () if rows is None else rows, strict=True):
                effects[name] = effects[name] + row if name in effects else row
            known = derive({n: v for n, v in x.items() if not n.startswith("=")})
            known = gather(parts.covariates, known, parts.title)
            return individual_parameters(parts, known, effects, numbers, [next(iter(x.values())).shape])

        def solve(w: Array) -> Any:
            etas = jnp.broadcast_to(w[:size, None, :], (size, *shape)) if size else None
            rows = None
            if occasion_effects:
                drawn = w[size : self.varied].reshape(-1, occasions, self.patients)
                rows = jnp.take_along_axis(drawn, wide(jnp.asarray(segments.occasion))[None], axis=1)
            x = {name: wide(value) for name, value in self.design.covariates.items()} | still
            x |= {f"={name}": wide(w[self.varied + i][None]) for i, name in enumerate(names)}
            return solve_laid_out(self.outline.problem, self.design, individual, x, etas, rows, reverse=False)

        return solve

    def expanded(self, given: Given, nu: Array, order: int, inputs: str = "all") -> tuple[Predictor, Array]:
        """Predictions about where patients are as a function of all inputs, and their status.

        Args:
            inputs: "all" are followed; "varied": those that depend on random effects; "others": the rest.
        """
        at, predicted = self.inputs(given, nu), self.predictor(given)
        if inputs == "all":
            return expand(predicted, at, order)
        split = self.varied
        if inputs == "varied":
            own = lambda w: w[:split]  # noqa: E731
            whole = lambda part: jnp.concatenate([part, at[split:]])  # noqa: E731
        else:
            own = lambda w: w[split:]  # noqa: E731
            whole = lambda part: jnp.concatenate([at[:split], part])  # noqa: E731
        expansion, status = expand(lambda part: predicted(whole(part)), own(at), order)
        return lambda w: expansion(own(w)), status

    def moments(self, given: Given, predictions: Array) -> Moments:
        """Moments of the observations from predictions (row, patient)."""
        return moments(self.errors, predictions, self.observed, given.numbers)
