"""SAEM: the maximum of the marginal likelihood by simulated patients, averaged over iterations.

An iteration moves every patient's chains (`twinsim.calibrate.chains`), averages what they tell with weight gamma, and
sets the unknowns to what that says:

    s1_i <- s1_i + gamma (phi_i - s1_i),   s2 <- s2 + gamma (sum phi_i phi_i^T - s2)
    centre numbers    minimise  sum (s1_i - centre_i)^T omega^-1 (s1_i - centre_i)
    omega             mean of (phi_i - centre_i)(phi_i - centre_i)^T
    all others        z <- z - gamma I^-1 g,  slope and information of the simulated likelihood (Fisher scoring)

gamma is 1 while the chains wander to where they belong, then k^-0.7; the estimate is the mean of the unknowns over the
second half of the iterations that follow, whose error falls as fast as any can (Polyak and Juditsky). In the first half
of the wandering variances fall slowly at most, so that no effect dies before its patients have moved.

Source: Delyon, Lavielle and Moulines 1999, Ann Stat 27:94, doi:10.1214/aos/1018031103; Kuhn and Lavielle 2005, Comput
Stat Data Anal 49:1020, doi:10.1016/j.csda.2004.07.002; Gu and Kong 1998, Proc Natl Acad Sci 95:7270 (scoring); Polyak
and Juditsky 1992, SIAM J Control Optim 30:838, doi:10.1137/0330046 (the mean).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twinsim.calibrate.chains import direct_of, placing, sweeping
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.course import Course
from twinsim.calibrate.evaluate import Evaluator
from twinsim.calibrate.penalty import Penalty
from twinsim.calibrate.study import Study
from twinsim.calibrate.unknowns import Unknowns, given_of
from twinsim.errors import DataError

log = logging.getLogger(__name__)
WANDER, SETTLE = 300, 500  # iterations
POWER = 0.7  # of the weight that falls
PATIENTS = 100  # chains there are at least, over all patients
COOLING = 0.95  # lowest factor of a variance while effects are kept alive
WISHED = 0.4  # share of steps that should be taken
LONGEST = 0.3  # step of an unknown in one iteration
RIDGE = 1e-8
KEPT = 20  # iterations, after which the state is kept


@dataclass
class State:
    """Where the iterations stand.

    Attributes:
        number: of iterations done.
        z: unknowns.
        phi: latent numbers (effect, chain and patient).
        scales: of the chains' steps (effect).
        first: averaged latent numbers (effect, patient); second: averaged sum of their squares (effect, effect).
        centre: of patients at z (effect, patient).
        mean: of the unknowns so far, over the iterations that count.
    """

    number: int
    z: np.ndarray
    phi: np.ndarray
    scales: np.ndarray
    first: np.ndarray
    second: np.ndarray
    centre: np.ndarray
    mean: np.ndarray


class Saem:
    """The iterations of one study.

    Args:
        penalty: of priors.
        seed: of the chains; a patient's depend on it and its id.
    """

    def __init__(self, study: Study, unknowns: Unknowns, penalty: Penalty, seed: int) -> None:
        self.study, self.unknowns, self.penalty, self.seed = study, unknowns, penalty, seed
        self.patients = study.patients
        self.chains = -(-PATIENTS // self.patients)
        everyone = np.tile(np.arange(self.patients), self.chains)
        self.copied = Evaluator(study.of_patients(everyone), unknowns, "focei")
        self.once = Evaluator(study, unknowns, "focei")
        self.own = {"id": study.ids[everyone], "chain": np.repeat(np.arange(self.chains), self.patients)}
        self.direct = direct_of(Course(study.outline, unknowns, study.observed, given_of(study.model)))
        self.trace: list[float] = []
        self.path: list[np.ndarray] = []
        others = set(self.direct)
        self.placed = [i for i in range(len(unknowns.names)) if i not in others]

    def begin(self, z: np.ndarray) -> State:
        """Before the first iteration: everyone typical."""
        centre, _ = self._centres(z)
        phi = np.tile(centre, self.chains)
        effects = self.study.outline.effects
        return State(0, z, phi, np.full(effects, 0.5), centre, np.zeros((effects, effects)), centre, z)

    def run(
        self, state: State, told: Callable[[int, float, np.ndarray], None], checkpoint: Checkpoint | None = None
    ) -> State:
        """All iterations that are left.

        Args:
            checkpoint: where the state is kept, and taken from.
            told: hears the number, -2 log likelihood of the observations given the simulated effects, and unknowns.

        Raises:
            DataError: an iteration led nowhere.
        """
        kept = checkpoint.recall("saem") if checkpoint else None
        if kept is not None:
            self.trace, self.path = kept.pop("trace").tolist(), list(kept.pop("path"))
            state = State(**{**kept, "number": int(kept["number"])})
        while state.number < WANDER + SETTLE:
            try:
                state = self.iterate(state)
            except np.linalg.LinAlgError as error:
                raise self._lost(state.number + 1, str(error)) from error
            self.path.append(state.z)
            if checkpoint and state.number % KEPT == 0:
                way = {"trace": np.asarray(self.trace), "path": np.asarray(self.path)}
                checkpoint.keep("saem", {**vars(state), "number": np.asarray(state.number), **way})
            told(state.number, self.trace[-1], state.z)
        return state

    def iterate(self, state: State) -> State:
        """One iteration."""
        number = state.number + 1
        gamma = 1.0 if number <= WANDER else (number - WANDER) ** -POWER
        program = sweeping(self.study.outline, self.unknowns)
        more = {"seed": self.seed, "iteration": np.uint32(number), "scales": state.scales}
        moved = self.copied.everyone(program, state.z, more, phi=state.phi, **self.own)
        self.trace.append(float(moved["likelihood"].sum()) / self.chains)
        share = moved["taken"].mean(axis=1)
        scales = np.clip(state.scales * (1.0 + 0.4 * (share - WISHED)), 1e-3, 10.0)
        first, second = self._averaged(state, moved["phi"], gamma)
        z = state.z.copy()
        if self.direct:
            slope, told = (moved[name].sum(axis=-1) / self.chains for name in ("slope", "told"))
            prior, bend = self._prior(z, list(self.direct))
            told = told + bend + RIDGE * np.eye(len(told))
            z[list(self.direct)] -= gamma * _limited(np.linalg.solve(told, slope + prior))
        self._require_finite(z, number)
        z, centre = self._centred(z, first)
        self._require_finite(z, number)
        z = self._spread(z, first, second, centre, number)
        counted = max(1, number - WANDER - SETTLE // 2)
        mean = z if counted == 1 else state.mean + (z - state.mean) / counted
        return State(number, z, moved["phi"], scales, first, second, centre, mean)

    def _require_finite(self, z: np.ndarray, number: int) -> None:
        """Refuse unknowns that are no numbers any more."""
        if not np.isfinite(z).all():
            labels = self.unknowns.labels(self.study.model)
            bad = ", ".join(labels[i] for i in np.flatnonzero(~np.isfinite(z)))
            raise self._lost(number, f"the records gave no finite step of {bad}")

    def _lost(self, number: int, why: str) -> DataError:
        what = f"saem went astray in iteration {number}"
        do = "begin closer, for example at what method=focei finds, or let fewer effects vary"
        return DataError(what, where=self.study.records.source, why=why, do=do)

    def _averaged(self, state: State, phi: np.ndarray, gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """Averages over chains, and over iterations."""
        mean = phi.reshape(phi.shape[0], self.chains, self.patients).mean(axis=1)
        square = phi @ phi.T / self.chains
        return state.first + gamma * (mean - state.first), state.second + gamma * (square - state.second)

    def _centres(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = self.once.everyone(placing(self.study.outline, self.unknowns), z)
        return found["centre"], found["slopes"]

    def _centred(self, z: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unknowns that place patients, by one step of Gauss and Newton, which is exact where they act linearly."""
        centre, slopes = self._centres(z)
        if not self.placed:
            return z, centre
        inverse = np.linalg.inv(self._omega(z))
        slopes = slopes[self.placed]
        left = np.einsum("aip,ij,bjp->ab", slopes, inverse, slopes)
        right = np.einsum("aip,ij,jp->a", slopes, inverse, first - centre)
        prior, bend = self._prior(z, self.placed)
        step = np.linalg.solve(left + bend + RIDGE * np.diag(np.diag(left)), right - prior)
        z = z.copy()
        z[self.placed] += step
        return z, self._centres(z)[0]

    def _prior(self, z: np.ndarray, places: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Half the slope and curvature of the priors by some of the unknowns."""
        return 0.5 * self.penalty(z)[1][places], 0.5 * self.penalty.curvature(z)[np.ix_(places, places)]

    def _omega(self, z: np.ndarray) -> np.ndarray:
        """Covariance of the latent numbers at z, those of the parameters."""
        return self.unknowns.model(z, self.study.model).omega

    def _spread(
        self, z: np.ndarray, first: np.ndarray, second: np.ndarray, centre: np.ndarray, number: int
    ) -> np.ndarray:
        """Covariances of the latent numbers about their centres."""
        crossed = first @ centre.T
        whole = (second - crossed - crossed.T + centre @ centre.T) / self.patients
        parts, old = self.study.outline.parts, self.unknowns.model(z, self.study.model)
        size, own, count = len(parts.between_patients.names), len(parts.between_occasions.names), 1
        omega, kappa = whole[:size, :size], np.zeros((own, own))
        if own:
            count = self.study.outline.occasions
            rest = whole[size:, size:].reshape(own, count, own, count)
            kappa = np.einsum("ikjk->ij", rest) / count
        if number <= WANDER // 2:
            omega, kappa = _kept_alive(omega, old.omega), _kept_alive(kappa, old.omega_occasion)
        return self.unknowns.with_covariances(z, omega, kappa)


def _kept_alive(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """A covariance whose variances are no smaller than a part of what they were."""
    least = COOLING * np.diag(old)
    up = np.sqrt(np.maximum(1.0, least / np.maximum(np.diag(new), 1e-300)))
    return new * np.outer(up, up)


def _limited(step: np.ndarray) -> np.ndarray:
    return np.clip(step, -LONGEST, LONGEST)
