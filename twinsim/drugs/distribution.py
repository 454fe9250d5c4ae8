"""How far a drug spreads in people, where partition by lipids and water does not tell it.

    kp = scale kp of the method,   in `tissues` alone where they are given
    volume 73 kg = bp blood + sum of v kp over all tissues,   in the reference man of `models.pbpk`

A drug that a receptor or a pump holds (digoxin) goes where those are; for others the scale is common to all tissues,
the kp scalar of practice. Source: Jones and Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from twinsim.drugs.citations import Citations
from twinsim.errors import ModelError
from twinsim.models.pbpk._organs import ARTERIAL, ORGANS, TISSUES, VENOUS
from twinsim.population.fields import Fields, Number

# McNally 2014, as in models.pbpk: weight of the man with those organs [kg]
REFERENCE_WEIGHT = 73.0


@dataclass(frozen=True)
class Distribution:
    """The volume of distribution at steady state [L/kg], and the tissues that make up what the method misses."""

    volume: Number
    tissues: tuple[str, ...] = TISSUES

    def numbers(self) -> list[Number]:
        return [self.volume]


def read_distribution(fields: Fields, sources: Citations) -> Distribution | None:
    """The section `distribution` of a file, if there is one."""
    section = fields.section("distribution", None)
    if section is None:
        return None
    meaning = "volume of distribution at steady state, of total plasma"
    bounds = (1e-3, math.inf)
    volume = sources.keyed(section, "volume", "L/kg", meaning, bounds=bounds)
    tissues = section.take("tissues", list(TISSUES))
    if not isinstance(tissues, list) or not tissues or not set(tissues) <= set(TISSUES):
        section.fault("tissues", f"{tissues!r} is no list of tissues", f"choose from {', '.join(TISSUES)}")
        volume = None
    section.done()
    return None if volume is None else Distribution(volume, tuple(tissues))


def spread(kp: Mapping[str, float], distribution: Distribution | None, ratio: float, where: str) -> dict[str, float]:
    """Partition coefficients that make the drug's volume.

    Args:
        kp: of every tissue, by the method.
        distribution: None leaves them as they are.
        ratio: blood to plasma.
        where: of a message.

    Raises:
        ModelError: the other tissues and blood alone hold more.
    """
    if distribution is None:
        return dict(kp)
    held = {tissue: ORGANS[tissue].volume * kp[tissue] for tissue in TISSUES}
    others = ratio * (ARTERIAL + VENOUS) + sum(held[tissue] for tissue in TISSUES if tissue not in distribution.tissues)
    missing = distribution.volume.value * REFERENCE_WEIGHT - others
    if not missing > 0.0:
        least = f"{others / REFERENCE_WEIGHT:.3g} L/kg"
        what = f"blood and the other tissues alone hold {least}"
        raise ModelError(what, where=f"{where}, distribution", do="give a larger volume, or more tissues")
    scale = missing / sum(held[tissue] for tissue in distribution.tissues)
    return {tissue: value * (scale if tissue in distribution.tissues else 1.0) for tissue, value in kp.items()}
