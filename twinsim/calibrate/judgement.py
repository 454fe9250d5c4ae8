"""Whether the place where a search ended is a minimum that says something; in words where it is not."""

from __future__ import annotations

import math

import numpy as np

from twinsim.calibrate.climb import Summit
from twinsim.calibrate.study import Study
from twinsim.calibrate.unknowns import Unknowns
from twinsim.population.model import PopulationModel

EDGE = 14.0  # from 0 on the unbounded scale: a number within a millionth of its bound
SMALL_SD = 1e-3  # of a random effect: none
SINGULAR = 1e-6  # smallest eigenvalue of correlations


def objections(study: Study, unknowns: Unknowns, summit: Summit) -> list[str]:
    """What speaks against the place where a method ended being a minimum, the gravest first."""
    sharp, z, arrived = summit.sharp, summit.point.z, summit.modes.arrived
    lost = [study.name(i) for i in np.flatnonzero(~arrived)]
    found = [] if summit.searched.converged else [summit.searched.reason]
    if lost:
        found.append(f"the most likely random effects of {len(lost)} patients were not found: {', '.join(lost[:5])}")
    found += _at_bound(unknowns, study.model, z)
    if sharp.flat.size:
        labels = unknowns.labels(study.model)
        order = np.argsort(-np.abs(sharp.flat))
        names = [labels[i] for i in order if abs(sharp.flat[i]) > 0.3]
        apart = " apart" if names[1:] else ""
        found.append(f"the records do not tell {' and '.join(names)}{apart}: fix one of them")
    elif not sharp.gain <= summit.gain:
        found.append(f"a Newton step still foretells a change of {sharp.gain:.1g}")
    return found


def _at_bound(unknowns: Unknowns, model: PopulationModel, z: np.ndarray) -> list[str]:
    """Unknowns that ran to a bound."""
    found = []
    for name, scale, place in zip(unknowns.names, unknowns.scales, z, strict=False):
        if math.isfinite(scale.low) and place < -EDGE:
            found.append(f"{name} is at its bound {scale.low:g}: fix it there")
        if math.isfinite(scale.high) and place > EDGE:
            found.append(f"{name} is at its bound {scale.high:g}: fix it there")
    fitted = unknowns.model(z, model)
    levels = (
        (unknowns.blocks, fitted.omega, fitted.eta_names),
        (unknowns.blocks_occasion, fitted.omega_occasion, fitted.occasion_eta_names),
    )
    for blocks, omega, names in levels:
        for block in blocks:
            part = omega[np.ix_(block, block)]
            sds = np.sqrt(np.diag(part))
            small = [names[i] for i, sd in zip(block, sds, strict=True) if sd < SMALL_SD]
            found += [f"the variance of {name} is at its bound 0: leave this random effect out" for name in small]
            if not small and len(block) > 1 and np.linalg.eigvalsh(part / np.outer(sds, sds))[0] < SINGULAR:
                which = ", ".join(names[i] for i in block)
                found.append(f"the covariance of {which} is singular: let fewer of them vary together")
    return found
