"""The compiled program of a cohort: ids in; covariates, parameters, curves and endpoints out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from kernels.batch import BLOCK, all_devices, over_blocks
from twinsim.endpoints import Endpoint
from twinsim.population.derived import derive
from twinsim.population.model import PopulationModel
from twinsim.population.source import Source
from twinsim.solve import Problem, solve_block


@dataclass(frozen=True)
class CohortProgram:
    """What is compiled once for a cohort, whatever its size.

    Args:
        endpoints: of every output.
        observed: also draw observations with residual error.
        curves: hand the trajectories out, not only what is computed from them.
        random_effects: patients differ by their random effects; False: typical patients.
    """

    model: PopulationModel
    source: Source | None
    problem: Problem
    endpoints: tuple[Endpoint, ...]
    observed: bool
    curves: bool
    random_effects: bool

    def patients(self, own: Mapping[str, Array], shared: Mapping[str, Any]) -> dict[str, dict[str, Array]]:
        """Covariates and individual parameters; element-wise over patients, name -> (patient)."""
        ids, seed = own["id"], shared["seed"]
        covariates = {name: value for name, value in own.items() if name != "id"}
        if self.source is not None:
            covariates = {**self.source.sample(seed, ids), **covariates}
        for name, value in shared["covariates"].items():
            covariates[name] = jnp.broadcast_to(value, ids.shape)
        covariates = derive(covariates)
        etas = self.model.draw_etas(seed, ids) if self.random_effects and self.model.eta_names else None
        occasion = None
        if self.random_effects and self.model.occasion_eta_names:
            occasion = self.model.draw_occasion_etas(seed, ids)
        parameters = self.model.individual(
            covariates, etas=etas, thetas=shared["thetas"] or None, occasion_etas=occasion
        )
        parameters = {name: jnp.broadcast_to(jnp.asarray(value), ids.shape) for name, value in parameters.items()}
        for name, value in shared["parameters"].items():
            parameters[name] = jnp.broadcast_to(value, ids.shape)
        return {"covariates": covariates, "parameters": parameters}

    def block(self, own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Array]:
        """Everything about one block of patients, by key of the results file, patient last."""
        ids, parameters = own["id"], own["parameters"]
        constant = set(self.model.parts.defaulted) - set(shared["parameters"])
        segments = {name: (value[:1] if name in constant else value)[None, :] for name, value in parameters.items()}
        plan = {**shared["plan"], "segment": jnp.zeros(shared["plan"]["time"].shape, jnp.int32)}
        times = shared["times"]
        order = jnp.full((times.shape[0], 1), jnp.inf)
        start = own.get("start")
        curves, final, status = solve_block(
            self.problem, plan, segments, own["covariates"], times[:, None], order, BLOCK, start=start
        )
        results: dict[str, Array] = {"status": status.astype(jnp.int8)}
        several = len(curves) > 1
        for output, curve in curves.items():
            if self.curves:
                results[output] = curve
            for endpoint in self.endpoints:
                key = f"endpoints/{endpoint.name(output, several)}"
                results[key] = endpoint.of(curve, times, shared["last_dose"])
            if self.observed:
                noisy = self.model.residual(output, curve, shared["seed"], ids, thetas=shared["thetas"] or None)
                results[f"{output}_observed"] = noisy.astype(curve.dtype)
        failed = status != 0
        for key, value in results.items():
            if key.startswith("endpoints/"):
                results[key] = jnp.where(failed, jnp.nan, value)
        results |= {f"final/{name}": value for name, value in final.items()}
        return results


@lru_cache(maxsize=32)
def compiled(program: CohortProgram) -> tuple[Any, Any]:
    """The two compiled halves: patients (any number at once) and their curves (in blocks)."""
    return jax.jit(program.patients), over_blocks(program.block, all_devices())
