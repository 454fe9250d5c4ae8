"""Whether the place where a search ended is a minimum that says something; in words where it is not."""

from __future__ import annotations

import math

import numpy as np

from twinsim.calibrate.climb import Summit
from twinsim.calibrate.study import Study
from twinsim.calibrate.unknowns import Unknowns
from twinsim.population.model import PopulationModel

LEVEL = 0.05  # curvature of a bounded number's scale, that of a relative standard error of 630 %: it says nothing there
MOVED = 1.0  # on that scale, from where the fit began
SMALL_SD = 1e-3  # of a random effect: none
SINGULAR = 1e-6  # smallest eigenvalue of correlations


def objections(study: Study, unknowns: Unknowns, summit: Summit) -> list[str]:
    """What speaks against the place where a method ended being a minimum, the gravest first."""
    sharp, z, arrived = summit.sharp, summit.point.z, summit.modes.arrived
    lost = [study.name(i) for i in np.flatnonzero(~arrived)]
    found = [] if summit.searched.converged else [summit.searched.reason]
    if lost:
        found.append(f"the most likely random effects of {len(lost)} patients were not found: {', '.join(lost[:5])}")
    found += _at_bound(unknowns, study.model, z, np.diag(sharp.second))
    if sharp.flat.size and not found:
        labels, weights = unknowns.labels(study.model), np.abs(sharp.flat)
        names = [labels[i] for i in np.argsort(-weights) if weights[i] > 0.3 * weights.max()]
        apart = " apart" if names[1:] else ""
        found.append(f"the records do not tell {' and '.join(names)}{apart}: fix one of them")
    elif not sharp.flat.size and not sharp.gain <= summit.gain:
        found.append(f"a Newton step still foretells a change of {sharp.gain:.1g}")
    return found


def _at_bound(unknowns: Unknowns, model: PopulationModel, z: np.ndarray, curvature: np.ndarray) -> list[str]:
    """Unknowns that ran to a bound: what the objective does not care about any more, far from where they began.

    Args:
        curvature: of the objective by each unknown (unknown).
    """
    begin, found = unknowns.begin(model), []
    level = ~(curvature > LEVEL)
    for i, (name, scale) in enumerate(zip(unknowns.names, unknowns.scales, strict=True)):
        way = z[i] - begin[i]
        if not level[i] or abs(way) < MOVED:
            continue
        bound = scale.low if way < 0.0 else scale.high
        if math.isfinite(bound):
            found.append(f"{name} is at its bound {bound:g}: fix it there")
        elif math.isfinite(scale.low) or math.isfinite(scale.high):
            found.append(f"{name} ran off, and the records do not say how far: fix it")
    fitted = unknowns.model(z, model)
    levels = (
        (unknowns.blocks, fitted.omega, fitted.eta_names),
        (unknowns.blocks_occasion, fitted.omega_occasion, fitted.occasion_eta_names),
    )
    place = len(unknowns.names)
    for blocks, omega, names in levels:
        for block in blocks:
            part = omega[np.ix_(block, block)]
            sds = np.sqrt(np.diag(part))
            own = [place + (k + 1) * (k + 2) // 2 - 1 for k in range(len(block))]  # ln L_kk
            place += len(block) * (len(block) + 1) // 2
            fell = [bool(level[k] and z[k] < begin[k]) for k in own]
            alone = len(block) == 1 and fell[0]
            small = [names[i] for i, sd in zip(block, sds, strict=True) if sd < SMALL_SD or alone]
            found += [f"the variance of {name} is at its bound 0: leave this random effect out" for name in small]
            if small or len(block) == 1:
                continue
            if any(fell) or np.linalg.eigvalsh(part / np.outer(sds, sds))[0] < SINGULAR:
                which = ", ".join(names[i] for i in block)
                found.append(f"the covariance of {which} is singular: let fewer of them vary together")
    return found
