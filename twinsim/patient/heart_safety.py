"""What a drug in patients' plasma does to a cell of their hearts: their free concentration and potassium, cell by cell.

    free concentration [nmol/L] = 10^6 fu c/molar mass,    c [mg/L] in plasma, molar mass [g/mol]

Every patient has two cells of `organs/ventricular_myocyte`: both with the patient's potassium, one with the drug.
What patients have else, nerves, ischaemia, the conductances of their own channels, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from twinsim.errors import UsageError
from twinsim.pacing import Beat, beat_times, channel_drug, drugged, last_beat, paced
from twinsim.simulation import simulate

_PER_MILLIGRAM = 1e6  # nmol g/(mg mol)
_WIDTH = 1.0  # ms; at 3 mmol/L of potassium CiPA's half a millisecond does not reach the threshold
HOW = {"precision": "float64", "rtol": 1e-4, "dense": True, "solver": "stiff", "endpoints": ()}


@dataclass(frozen=True)
class HeartCells:
    """Measures of patients' cells; see `heart_cells`.

    Attributes:
        without, under: of the last beat without the drug and under it, each (patient).
        status: of the solver, the worse of both (patient).
    """

    without: Beat
    under: Beat
    status: np.ndarray

    @property
    def prolongation(self) -> np.ndarray:
        """APD90 under the drug less that without it [ms]; nan where a cell did not fire or not repolarise (patient)."""
        fired = self.under.fired & self.without.fired
        return np.where(fired, self.under.apd90 - self.without.apd90, np.nan)


def free_concentration(plasma: Any, fu: Any, molar_mass: float) -> np.ndarray:
    """Free concentration [nmol/L].

    >>> free_concentration(1.5, 1.0, 272.36).round(0).item()
    5507.0

    Args:
        plasma: all that is in plasma [mg/L].
        fu: the unbound fraction [1].
        molar_mass: [g/mol].
    """
    return np.asarray(_PER_MILLIGRAM * np.asarray(plasma, np.float64) * np.asarray(fu, np.float64) / molar_mass)


def heart_cells(
    drug: str, concentration: Any, potassium: Any, *, beats: int = 50, cycle: float = 2000.0, **options: Any
) -> HeartCells:
    """Cells of patients, paced without and with what is in their plasma.

    Args:
        drug: one of `twinsim.pacing.channel_drugs`.
        concentration: free [nmol/L] (patient).
        potassium: in plasma [mmol/L] (patient).
        beats, cycle: how many stimuli, one every `cycle` ms. What binds slowly, or moves ions, takes hundreds.
        options: of `twinsim.simulate`, in place of `HOW`.

    Raises:
        UsageError: no such drug; concentrations and potassium of different patients, or none.
    """
    channel_drug(drug)
    free, outside = np.atleast_1d(np.asarray(concentration, np.float64)), np.asarray(potassium, np.float64)
    if free.ndim != 1 or free.size == 0 or outside.shape not in ((), free.shape):
        what = f"concentrations of shape {free.shape}, potassium of {outside.shape}"
        raise UsageError(what, where="heart_cells", do="give one of each for every patient")
    cells = [(None, 0.0)] * free.size + [(drug, value) for value in free]
    both = np.tile(np.broadcast_to(outside, free.shape), 2)
    model, cohort = drugged(cells, {"plasma_potassium": both})
    how = {**HOW, **options}
    stimuli, times = paced(beats, cycle, width=_WIDTH), beat_times(beats, cycle)
    run = simulate(model, cohort, stimuli, times=times, outputs=["potential", "qnet"], **how)
    beat, size = last_beat(run), free.size
    without, under = (Beat(**{k: v[part] for k, v in vars(beat).items()}) for part in (slice(size), slice(size, None)))
    return HeartCells(without, under, np.maximum(run.status[:size], run.status[size:]))
