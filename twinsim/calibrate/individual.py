"""Individual parameters: each patient's most likely random effects given its records, and how sure they are.

    posterior of eta  ~  p(y | eta) N(eta; 0, omega)

Source: Sheiner, Beal, Rosenberg and Marathe 1979, Clin Pharmacol Ther 26:294, doi:10.1002/cpt1979263294.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from kernels import status as codes
from twinsim.calibrate.arguments import seed_of, whole
from twinsim.calibrate.evaluate import places
from twinsim.calibrate.mode import individual_evaluator, most_likely
from twinsim.calibrate.posterior import Posterior
from twinsim.calibrate.study import Study, observed_rows, study_of
from twinsim.errors import UsageError, nearest
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records

log = logging.getLogger(__name__)


def individualise(
    model: str | PopulationModel,
    records: Records,
    *,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    starts: int = 4,
    seed: int = 0,
    flattening: float = 1.0,
    start: Posterior | None = None,
) -> Posterior:
    """The parameters of one patient or of many, by maximum a posteriori.

    A patient without observations has effects of 0 and the prior for its posterior. One whose solver fails, or whose
    search did not end at a minimum, has a status or `arrived` False, and costs the others nothing. Blocks of patients
    have one size: in a table whose longest patient has as many rows, a patient's numbers are the same to the bit
    whoever else there is; in another one to rounding.

    Args:
        outputs: dvid -> output, where labels and names differ.
        solver, rtol: see `twinsim.solver.choose_solver`.
        starts: from how many places effects are searched, the first at 0; the lowest end counts.
        seed: of the starts.
        flattening: omega is multiplied by it: above 1 the patient's own observations count for more, and the population
            for less. 1 is the model as it is.
        start: an earlier result with the same model; its patients are also searched from where they were.

    Raises:
        UsageError: a model without random effects, an output without residual error, effects of another model.
        DataError: an observation has no value, or one that a lognormal error cannot have.

    Source: Hughes and Keizer 2021, CPT Pharmacometrics Syst Pharmacol 10:1150, doi:10.1002/psp4.12684 (flattened
    priors).
    """
    chosen = population_model(model)
    if not chosen.eta_names and not chosen.occasion_eta_names:
        do = "add between_patients: to the model's file"
        raise UsageError(f"{chosen.name} has no random effects: all its patients are the same", do=do)
    if not (np.isfinite(flattening) and flattening > 0.0):
        raise UsageError(f"flattening={flattening} is not above 0", do="1.0 is the model's own prior")
    starts, seed = whole(starts, "starts", 1), seed_of(seed)
    how = {"outputs": outputs, "solver": solver, "rtol": rtol}
    # Nobody observed yet is a question about the prior, not a mistake.
    rows = None if observed_rows(records).size else np.zeros(0, int)
    study = study_of(_flattened(chosen, flattening), records, rows=rows, **how)
    if not study.outline.outputs:
        raise UsageError(f"{chosen.name} has no residual error", do="add residual: to the model's file")
    evaluator = individual_evaluator(study)
    where = np.stack([np.broadcast_to(p, (len(p), records.n_patients)) for p in places(study, starts, seed)])
    if start is not None:
        # In place of the last one, so that the program is the same.
        where = np.insert(where, 1, _earlier(start, study), axis=0)[: max(starts, 2)]
    found = Posterior(chosen, records, study, most_likely(evaluator, where), flattening, how)
    _tell(found)
    return found


def _flattened(model: PopulationModel, by: float) -> PopulationModel:
    """The model with a prior that weighs less."""
    if by == 1.0:
        return model
    omegas = {"omega": model.omega, "omega_occasion": model.omega_occasion}
    return model.with_omega(**{name: omega * by for name, omega in omegas.items() if omega.size})


def _earlier(start: Posterior, study: Study) -> np.ndarray:
    """Where patients were before, as standard normal effects (effect, patient); 0 for those who are new."""
    model, size = study.model, len(study.model.eta_names)
    for name in (*model.eta_names, *model.occasion_eta_names):
        if name not in {*start.model.eta_names, *start.model.occasion_eta_names}:
            what = f"the earlier result has no random effect of {name}"
            raise UsageError(what, where="start", do=nearest(name, start.model.eta_names))
    nu = np.zeros((study.outline.effects, study.records.n_patients))
    column = {str(start.study.name(i)): i for i in range(start.records.n_patients)}
    pairs = [(i, column[name]) for i in range(nu.shape[1]) if (name := str(study.name(i))) in column]
    if not pairs:
        return nu
    now, then = np.transpose(pairs)
    # Occasions that were not there before begin at 0.
    shared = min(study.outline.occasions, start.study.outline.occasions)
    nu[:size, now] = np.linalg.solve(np.linalg.cholesky(model.omega), start.etas[:, then]) if size else 0.0
    own = len(model.occasion_eta_names)
    if own and shared:
        factor = np.linalg.cholesky(model.omega_occasion)
        rest = np.zeros((own, study.outline.occasions, len(now)))
        earlier = start.occasion_etas[:, :shared, then]
        rest[:, :shared] = np.linalg.solve(factor, earlier.reshape(own, -1)).reshape(earlier.shape)
        nu[size:, now] = rest.reshape(-1, len(now))
    return np.nan_to_num(nu)


def _tell(found: Posterior) -> None:
    """What a person should know of a result."""
    failed = np.flatnonzero(found.status != codes.OK)
    lost = np.flatnonzero(~found.arrived & (found.status == codes.OK))
    silent = int((found.counts == 0).sum())
    for which, what in ((failed, "cannot be predicted"), (lost, "have no most likely effects that were found")):
        if which.size:
            names = ", ".join(found.study.name(i) for i in which[:5])
            log.warning("%d of %d patients %s: %s", which.size, len(found.status), what, names)
    if silent:
        log.info("%d of %d patients have no observations: their posterior is the prior", silent, len(found.status))
