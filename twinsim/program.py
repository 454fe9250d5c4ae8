"""The compiled program of a cohort: ids in; covariates, parameters, curves and endpoints out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from kernels.batch import BLOCK, NOTHING, Fold, OverBlocks, all_devices, blocks_at_once
from kernels.reducers import Cut, block_moments, joined
from twinsim.endpoints import Endpoint, watch_of
from twinsim.flags import flags_of, ranged
from twinsim.people import amounts, constant_people, individual_of, of_both, people_in_segments, same_for_all
from twinsim.population.model import PopulationModel
from twinsim.population.source import Source
from twinsim.segments import OUTPUT_ORDER, is_moving, law_of, switches
from twinsim.solve import Problem, solve_block

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CohortProgram:
    """What is compiled once for a cohort, whatever its size.

    Args:
        endpoints: of every output.
        observed: also draw observations with residual error.
        curves: hand the trajectories out, not only what is computed from them.
        random_effects: patients differ by their random effects; False: typical patients.
        occasions: how many have random effects of their own.
        final: hand the final states out.
        shown: the outputs that were asked for; the problem's others are only flagged where they leave their range.
        reduced: outputs of which `block` makes moments, key#moments, and counts in bins, key#bins.
        bins: of the counts; None: no counts.
    """

    model: PopulationModel
    source: Source | None
    problem: Problem
    endpoints: tuple[Endpoint, ...]
    observed: bool
    curves: bool
    random_effects: bool
    occasions: int = 1
    final: bool = True
    reduced: tuple[str, ...] = ()
    bins: Cut | None = None
    shown: tuple[str, ...] = ()

    def patients(self, own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, dict[str, Array]]:
        """Covariates and individual parameters of `twinsim.people`; element-wise over patients."""
        ids, seed = own["id"], shared["seed"]
        covariates = dict(own["covariates"])
        if self.source is not None:
            covariates = {**self.source.sample(seed, ids), **covariates}
        for name, value in shared["covariates"].items():
            covariates[name] = jnp.broadcast_to(value, ids.shape)
        etas = self.model.draw_etas(seed, ids) if self.random_effects and self.model.eta_names else None
        drawn = None
        if self.random_effects and self.model.occasion_eta_names:
            number = jnp.arange(self.occasions, dtype=jnp.uint32)[:, None]
            drawn = self.model.draw_occasion_etas(seed, ids[None, :], occasion=number)
        individual, segments = individual_of(self.model, shared), of_both(own, shared, "segments")
        if segments is None:
            return constant_people(individual, covariates, ids, etas, drawn)
        doses = of_both(own, shared, "plan")["time"].shape[0]
        fixed = shared["covariates"]
        count = self.occasions
        person = people_in_segments(individual, covariates, ids, etas, drawn, segments, fixed, doses, count)
        if self.occasions == 1:
            person["parameters"] = {name: value[0] for name, value in person["parameters"].items()}
        return person

    def block(self, own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Array]:
        """Everything about one block of patients, by key of the results file, patient last."""
        ids, times, last_dose = own["id"], of_both(own, shared, "times"), of_both(own, shared, "last_dose")
        asked = None
        if times.ndim == 2:
            # A patient with fewer times than others has NaN behind its last one.
            asked = jnp.isfinite(times)
            times = jnp.where(asked, times, jnp.nanmax(times, axis=0)[None, :])
        curves, final, status, found = self._solved(own, shared, times if times.ndim == 2 else times[:, None])
        results: dict[str, Array] = {"status": status.astype(jnp.int8)}
        several, watch = len(self.shown) > 1, watch_of(self.endpoints)
        for output in self.shown:
            curve = curves[output]
            if self.curves or output in self.reduced:
                results[output] = curve
            for endpoint in self.endpoints:
                key = f"endpoints/{endpoint.name(output, several)}"
                if watch is not None and endpoint.is_watched:
                    results[key] = endpoint.found(found[output], watch)
                    if endpoint.has_rest:
                        results[key] = results[key] + _of_each(endpoint.rest, curve, times, last_dose)
                else:
                    results[key] = _of_each(endpoint.of, curve, times, last_dose)
            if self.observed:
                noisy = self.model.residual(output, curve, shared["seed"], ids, thetas=shared["thetas"] or None)
                results[f"{output}_observed"] = noisy.astype(curve.dtype)
        failed = status != 0
        if ranged(self.problem.structure):
            seen = curves if asked is None else {n: jnp.where(asked, c, jnp.nan) for n, c in curves.items()}
            results |= flags_of(self.problem.structure, {**self._parameters(own, shared), **seen}, failed)
        for key, value in results.items():
            if key.startswith("endpoints/"):
                results[key] = jnp.where(failed, jnp.nan, value)
            elif asked is not None and value.ndim == 2:
                results[key] = jnp.where(asked, value, jnp.nan)
        if self.final:
            results |= {f"final/{name}": value for name, value in final.items()}
        return results

    def _parameters(self, own: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Array]:
        """The individual parameters, ([segment,] patient): at the beginning and wherever they change."""
        fields = own.get("fields", own["parameters"])
        return law_of(individual_of(self.model, shared))(fields["anchor"], fields) if is_moving(fields) else fields

    def _solved(self, own: Mapping[str, Any], shared: Mapping[str, Any], times: Array) -> Any:
        """Curves, final states, status, and what was watched, of `solve_block`."""
        plan, segments = of_both(own, shared, "plan"), of_both(own, shared, "segments")
        order = jnp.full((times.shape[0], 1), OUTPUT_ORDER)
        law, change = None, None
        if segments is None:
            # Doses whose lag and bioavailability are the same for everyone make events that everyone shares.
            fields = {name: value[None, :] for name, value in own["parameters"].items()}
            fields |= {name: value.reshape(1, 1) for name, value in same_for_all(self.model, shared).items()}
            plan = {**plan, "segment": jnp.zeros(plan["time"].shape, jnp.int32)}
        else:
            fields = own["fields"]
            plan = {**amounts(plan, own["at_doses"]), "segment": shared["doses"]}
            change = switches(segments)
            law = law_of(individual_of(self.model, shared)) if is_moving(fields) else None
        return solve_block(
            self.problem,
            plan,
            fields,
            own["covariates"],
            times,
            order,
            own["id"].shape[-1],
            switches=change,
            start=own.get("start"),
            law=law,
            watch=watch_of(self.endpoints),
        )

    @staticmethod
    def _moments(curve: Array, counted: Array) -> Array:
        """Of each block; where many are computed at once, of as many together as make a node of the tree of all."""
        moments = block_moments(curve, counted, BLOCK)
        return joined(moments) if blocks_at_once(curve.shape[-1]) > 1 else moments

    @property
    def fold(self) -> Fold:
        """Counts over all blocks, and in place of curves that nobody asked for their moments."""
        if not self.reduced:
            return NOTHING

        def start(shapes: Mapping[str, Any]) -> dict[str, Array]:
            if self.bins is None:
                return {}
            return {f"{key}#bins": self.bins.start(shapes[key].shape[0]) for key in self.reduced}

        def add(total: Any, own: Mapping[str, Any], results: Mapping[str, Array]) -> Any:
            made = {f"{key}#moments": self._moments(results[key], own["counted"]) for key in self.reduced}
            if self.bins is None:
                return total, made
            return {
                f"{k}#bins": self.bins.add(total[f"{k}#bins"], results[k], own["counted"]) for k in self.reduced
            }, made

        def keep(results: Mapping[str, Any]) -> dict[str, Any]:
            return {key: value for key, value in results.items() if self.curves or key not in self.reduced}

        return Fold(start, add, keep)


def _of_each(function: Callable[..., Array], curve: Array, times: Array, last_dose: Array) -> Array:
    """An endpoint of every patient (patient), each at its own times and after its own last dose where they differ."""
    if times.ndim == 1 and last_dose.ndim == 0:
        return function(curve, times, last_dose)
    times = jnp.broadcast_to(times if times.ndim == 2 else times[:, None], curve.shape)
    last_dose = jnp.broadcast_to(last_dose, curve.shape[1:])
    return jax.vmap(lambda c, t, s: function(c[:, None], t, s)[0], in_axes=(1, 1, 0))(curve, times, last_dose)


@lru_cache(maxsize=32)
def compiled(program: CohortProgram) -> tuple[Any, Any]:
    """The two compiled halves: patients, and their curves."""
    note = partial(
        log.debug, "%s by tier %s goes block by block: %s", program.problem.structure.name, program.problem.solver.tier
    )
    # People in one vector: bodies with organs compile in 2.8 s, not 4.2, and take as long.
    people = OverBlocks(program.patients, all_devices(), vectors=1, note=note)
    return people, OverBlocks(program.block, all_devices(), fold=program.fold, note=note)
