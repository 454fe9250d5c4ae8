"""What was seen of a cohort of whole patients: outputs over time, parameters and bodies, by the names of terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinsim.drugs.composition import composition
from twinsim.errors import UsageError, nearest
from twinsim.models.structure import Structure
from twinsim.patient.terms import Measured, Term, evaluate, measured
from twinsim.population.cohort import Cohort
from twinsim.simulation import Results

Known = Callable[[str], Measured]
# a patient that failed has no values; with more of them a median says nothing
MOST_FAILED = 0.05
_FRACTIONS = ("water", "extracellular_water", "cell_water")


@dataclass(frozen=True, eq=False)
class Seen:
    """A cohort over time.

    Attributes:
        outputs: name -> (time, patient).
        parameters: name -> (patient).
        status: (patient).
        times: [the structure's time unit] (time).
        cohort: the patients, with derived covariates.
        structure: of a patient.
    """

    outputs: Mapping[str, np.ndarray]
    parameters: Mapping[str, np.ndarray]
    status: np.ndarray
    times: np.ndarray
    cohort: Cohort
    structure: Structure

    @classmethod
    def of(cls, results: Results) -> Seen:
        """What a simulation of a cohort gave.

        Raises:
            UsageError: its patients are not a cohort.
        """
        cohort, structure = results.job.cohort, results.job.model.structure
        if cohort is None:
            raise UsageError("the patients are no cohort", where="grading", do="twinsim.patient.standard.standard_men")
        return cls(
            {name: results[name] for name in structure.output_names if name in results.arrays},
            {name: results[f"parameters/{name}"] for name in structure.parameter_names},
            results.status,
            np.asarray(results.job.times),
            cohort,
            structure,
        )

    def known(self, patients: slice, when: Any, quantities: Mapping[str, Term] | None = None) -> Known:
        """What names are, of those of these patients that did not fail.

        Args:
            patients: places in the cohort.
            when: place among the times: then values are (patient); or a slice of them: (time, patient).
            quantities: terms that have names, for quantity.NAME.

        Raises:
            UsageError: more than MOST_FAILED of the patients failed; and, by the function returned, an unknown name.
        """
        well = self.status[patients] == 0
        if np.mean(~well) > MOST_FAILED:
            what = f"{np.sum(~well)} of {well.size} patients failed"
            raise UsageError(what, where="grading", do="use precision=float64, and look at their status")
        outputs = {port.name: port.unit for port in self.structure.gives}
        parameters = {item.name: item.unit for item in self.structure.parameters}

        def chosen(values: np.ndarray) -> np.ndarray:
            return np.asarray(values)[..., patients][..., well]

        def known(name: str) -> Measured:
            kind, _, rest = name.partition(".")
            if kind == "quantity" and rest in (quantities or {}):
                return evaluate((quantities or {})[rest], known, name)
            if kind == "body" and rest in self.cohort.covariates:
                return measured(chosen(np.asarray(self.cohort.covariates[rest])), self.cohort.units[rest])
            if kind == "tissue" and rest:
                return _of_tissue(rest)
            if kind == "start" and rest in self.outputs:
                return measured(chosen(self.outputs[rest])[0], outputs[rest])
            if name in self.outputs:
                return measured(chosen(self.outputs[name])[when], outputs[name])
            if name in self.parameters:
                return measured(chosen(self.parameters[name]), parameters[name])
            raise UsageError(f"the patient has no {name!r}", where="term", do=nearest(name, [*outputs, *parameters]))

        return known


def _of_tissue(name: str) -> Measured:
    tissue, _, part = name.partition(".")
    known = composition().tissues
    if tissue not in known or part not in _FRACTIONS:
        do = f"tissue.NAME.PART with {', '.join(_FRACTIONS)}; {nearest(tissue, known)}"
        raise UsageError(f"no fraction {name!r}", where="term", do=do)
    return measured(getattr(known[tissue], part), "1")
