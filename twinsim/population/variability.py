"""Random effects: how patients, and occasions of one patient, scatter about the typical value.

    lognormal   p = typical exp(eta)
    normal      p = typical + eta
    logit       p = low + (high - low) expit(logit((typical - low) / (high - low)) + eta)

eta is normal with mean 0 and covariance omega. A lognormal effect may be declared by its coefficient of variation,
omega = ln(1 + cv^2); `sd` and `variance` are those of eta itself.

    eta = L z,  L L^T = omega,  z_i standard normal under the key of the name "eta:<parameter>"

so that z of one parameter does not depend on which other parameters vary.

Source: Lavielle 2014, Mixed Effects Models for the Population Approach, chapter 3 (distributions).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import expit, logit

from kernels import random
from twinsim.errors import ModelError, nearest
from twinsim.population.fields import ASSUMED, Fields

DISTRIBUTIONS = ("lognormal", "normal", "logit")
SCALES = {"variance": "variances", "sd": "sds", "cv": "cvs"}


@dataclass(frozen=True)
class RandomEffects:
    """Random effects of one level: between patients, or between occasions of one patient.

    Attributes:
        names: parameters that vary, in order.
        distributions: lognormal, normal or logit, per name.
        omega: covariance of eta (eta, eta).
        sources: where each effect was published, per name.
        stream: first part of the name its random numbers are keyed with.
        fixed: whether its variance is not to be estimated, per name.
    """

    names: tuple[str, ...]
    distributions: tuple[str, ...]
    omega: np.ndarray
    sources: tuple[str, ...]
    stream: str
    fixed: tuple[bool, ...]

    @property
    def none(self) -> RandomEffects:
        """The level without any."""
        return replace(self, names=(), distributions=(), omega=np.zeros((0, 0)), sources=(), fixed=())

    def standard(self, seed: Any, patient_ids: Any, *, occasion: Any = 0, replicate: Any = 0) -> Array:
        """Independent standard normal numbers, (eta, patient): those of a name depend on no other name."""
        ids = jnp.asarray(patient_ids)
        if not self.names:
            return jnp.zeros((0, *ids.shape))
        axes = max(map(jnp.ndim, (ids, occasion, replicate)))
        streams = random.stream_ids((f"{self.stream}:{name}" for name in self.names), axes)
        which = {"occasion": occasion, "replicate": replicate}
        which = {name: jnp.asarray(number)[None] if jnp.ndim(number) else number for name, number in which.items()}
        return random.normal(random.key(seed, streams, **which), ids[None])

    def draw(self, seed: Any, patient_ids: Any, *, occasion: Any = 0, replicate: Any = 0) -> Array:
        """Random effects with covariance omega, (eta, patient).

        Each row is summed in a fixed order, term by term: a matrix product could round differently from one number of
        patients to the next.
        """
        z = self.standard(seed, patient_ids, occasion=occasion, replicate=replicate)
        if not self.names:
            return z
        factor = np.linalg.cholesky(self.omega)
        rows = []
        for i in range(len(self.names)):
            row = float(factor[i, 0]) * z[0]
            for j in range(1, i + 1):
                row = row + float(factor[i, j]) * z[j] if factor[i, j] != 0.0 else row
            rows.append(row)
        return jnp.stack(rows)


def vary(distribution: str, typical: Any, eta: Any, limits: tuple[float, float]) -> Any:
    """The value of a parameter about its typical value, element-wise; limits are those of logit."""
    if distribution == "lognormal":
        return typical * jnp.exp(eta)
    if distribution == "normal":
        return typical + eta
    low, high = limits
    return low + (high - low) * expit(logit((typical - low) / (high - low)) + eta)


def centre(distribution: str, typical: Any, limits: tuple[float, float]) -> Any:
    """The place of a typical value on the scale on which effects add to it, element-wise."""
    if distribution == "lognormal":
        return jnp.log(typical)
    if distribution == "normal":
        return typical
    low, high = limits
    return logit((typical - low) / (high - low))


def checked_covariance(omega: Any, names: tuple[str, ...], model: str) -> np.ndarray:
    """A covariance matrix (eta, eta) that may take the place of a model's own.

    Raises:
        ModelError: a wrong shape, or not symmetric and positive definite.
    """
    array = np.array(omega, np.float64)
    if array.shape != (len(names), len(names)):
        raise ModelError(f"omega has shape {array.shape}", where=model, why=f"its etas are {', '.join(names)}")
    if not np.allclose(array, array.T, rtol=1e-9, atol=0.0) or (array.size and np.linalg.eigvalsh(array).min() <= 0.0):
        raise ModelError("omega is not symmetric and positive definite", where=model)
    array.flags.writeable = False
    return array


class VariabilityReader:
    """Reads `between_patients` or `between_occasions`.

    Args:
        units: parameter -> its unit; keys are the parameters that may vary.
        stream: as in RandomEffects.
        source: source of entries that name none.
    """

    def __init__(self, units: Mapping[str, str], stream: str, source: str) -> None:
        self.units, self.stream, self.source = units, stream, source
        self.names: list[str] = []
        self.distributions: list[str] = []
        self.sources: list[str] = []
        self.fixed: list[bool] = []
        self.blocks: list[np.ndarray] = []

    def read(self, entries: list[Fields]) -> RandomEffects:
        for entry in entries:
            if entry.has("parameter"):
                self._single(entry)
            else:
                self._block(entry)
            entry.done()
        omega = np.zeros((len(self.names), len(self.names)))
        start = 0
        for block in self.blocks:
            omega[start : start + len(block), start : start + len(block)] = block
            start += len(block)
        omega.flags.writeable = False
        return RandomEffects(
            tuple(self.names), tuple(self.distributions), omega, tuple(self.sources), self.stream, tuple(self.fixed)
        )

    def _accept(self, entry: Fields, key: str, names: list[str], distributions: list[str], block: np.ndarray) -> None:
        source = entry.text("source", self.source) or ASSUMED
        fixed = entry.flag("fixed", False)
        for name in names:
            if name in self.names:
                entry.fault(key, f"{name} varies twice", "give each parameter one entry")
                return
        self.names += names
        self.distributions += distributions
        self.sources += [source] * len(names)
        self.fixed += [fixed] * len(names)
        self.blocks.append(block)

    def _known(self, entry: Fields, key: str, name: Any) -> bool:
        if name in self.units:
            return True
        if name is not None:
            entry.fault(key, f"there is no parameter {name!r}", nearest(str(name), self.units))
        return False

    def _single(self, entry: Fields) -> None:
        name = entry.text("parameter")
        distribution = entry.choice("distribution", DISTRIBUTIONS, "lognormal")
        given = [scale for scale in SCALES if entry.has(scale)]
        if len(given) != 1:
            entry.fault("", "say which: variance, sd or cv", "for example  cv: 30 %")
        known = self._known(entry, "parameter", name)
        if len(given) == 1 and known and distribution:
            value = self._variance(entry, given[0], entry.take(given[0]), given[0], distribution, self.units[name])
            if value is not None:
                self._accept(entry, "parameter", [name], [distribution], np.array([[value]]))

    def _block(self, entry: Fields) -> None:
        if not entry.has("parameters"):
            entry.fault("", "names no parameter", "write parameter: cl, or parameters: [cl, v]")
            return
        names = entry.names("parameters")
        distribution = entry.choice("distribution", DISTRIBUTIONS, "lognormal")
        given = [scale for scale, plural in SCALES.items() if entry.has(plural)]
        between = [key for key in ("covariances", "correlations") if entry.has(key)]
        if len(set(names)) != len(names):
            entry.fault("parameters", "names one parameter twice")
        known = all([self._known(entry, "parameters", name) for name in names])
        if len(given) != 1 or len(between) != 1:
            what = "say variances, sds or cvs, and covariances or correlations"
            entry.fault("", what, "entries without a correlation stand alone: parameter: cl")
        if not (names and known and distribution and len(given) == 1 and len(between) == 1):
            return
        plural = SCALES[given[0]]
        values = entry.take(plural)
        if not isinstance(values, list) or len(values) != len(names):
            entry.fault(plural, f"is no list of {len(names)} numbers", "give one per parameter, in their order")
            return
        units = [self.units[name] for name in names]
        variances = [
            self._variance(entry, given[0], value, plural, distribution, unit)
            for value, unit in zip(values, units, strict=True)
        ]
        if None in variances:
            return
        block = self._fill(entry, between[0], names, np.array(variances, float))
        if block is not None:
            self._accept(entry, "parameters", names, [distribution] * len(names), block)

    def _fill(self, entry: Fields, key: str, names: list[str], variances: np.ndarray) -> np.ndarray | None:
        """The covariance matrix from its diagonal and {first: {second: number}}."""
        block = np.diag(variances)
        section = entry.section(key)
        found = 0
        for first in names:
            inner = section.section(first, None) if section is not None else None
            for second in names:
                if inner is None or second == first or not inner.has(second):
                    continue
                value = inner.quantity(second, "1", bare=True)
                i, j = names.index(first), names.index(second)
                if block[i, j] != 0.0:
                    inner.fault(second, "is given twice", f"leave out {key}.{second}.{first}")
                if value is not None:
                    found += 1
                    scale = math.sqrt(variances[i] * variances[j]) if key == "correlations" else 1.0
                    block[i, j] = block[j, i] = value * scale
            if inner is not None:
                inner.done()
        if section is not None:
            section.done()
        if not found:
            hint = f"write {key}: {{{names[0]}: {{{names[-1]}: ...}}}}"
            entry.fault(key, "holds no number", hint)
            return None
        smallest = float(np.linalg.eigvalsh(block).min())
        if not smallest > 1e-12 * float(variances.max()):
            what = f"the covariance matrix is not positive definite: its smallest eigenvalue is {smallest:.3g}"
            entry.fault(key, what, "check whether these are covariances or correlations, and their signs")
            return None
        return block

    def _variance(self, entry: Fields, scale: str, value: Any, key: str, distribution: str, unit: str) -> float | None:
        """The variance of eta from a variance, sd or cv."""
        own = unit if distribution == "normal" else "1"
        if scale == "cv" and distribution != "lognormal":
            entry.fault(key, f"a cv says nothing about a {distribution} effect", "give its sd or variance")
            return None
        given = entry.convert(key, value, f"({own}) ({own})" if scale == "variance" and own != "1" else own)
        if given is None:
            return None
        if not given > 0.0:
            entry.fault(key, f"{given:g} is not above zero", "leave out an effect that is not there")
            return None
        if scale == "cv" and isinstance(value, int | float) and given > 3.0:
            entry.fault(key, f"a cv of {given:g} is {given:.0%}", f'write "{given:g} %" for percent')
        return {"variance": given, "sd": given**2, "cv": math.log1p(given**2)}[scale]
