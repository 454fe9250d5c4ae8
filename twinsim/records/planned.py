"""Records of a study that is planned: patients, doses, and times at which they will be observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from twinsim.errors import UsageError
from twinsim.events import ADD, KINDS, PER, RATE, Events, target_route
from twinsim.models.structure import Structure
from twinsim.population.cohort import Cohort
from twinsim.records.nonmem import read_records
from twinsim.records.record import Records

TO_COME = 1.0  # in place of a value that nobody has observed yet


def planned_records(structure: Structure, cohort: Cohort, doses: Events, times: Any, outputs: Sequence[str]) -> Records:
    """The records, every observation 1 in its output's unit.

    Args:
        cohort: patients with constant covariates.
        doses: of everyone, see `twinsim.regimen`.
        times: of observations [h] (time).
        outputs: that are observed at each time.

    Raises:
        UsageError: events that a table of records cannot hold, an amount per kg of patients whose weight is not known.
    """
    given = [_dose(structure, doses, i) for i in range(doses.size)]
    seen = [{"TIME": time, "EVID": 0, "DV": TO_COME, "DVID": name} for time in np.asarray(times) for name in outputs]
    plan = pd.DataFrame([*given, *seen]).sort_values("TIME", kind="stable")
    table = cohort.to_pandas().reset_index(names="ID").merge(plan, how="cross")
    size = _sizes(cohort, table.pop("PER") if given else None, len(plan))
    for item in {"AMT", "RATE"} & set(table):
        # -1 and -2 stand for modelled rates and durations.
        table[item] = table[item].where(~(table[item] > 0.0), table[item] * size)
    units = {name: cohort.units[name] for name in cohort.covariates}
    if given:
        units["AMT"] = _amount_unit(structure, given)
    values = {name: structure.output(name).unit for name in outputs}
    return read_records(table, units={**units, "DV": values}, structure=structure)


def _dose(structure: Structure, doses: Events, i: int) -> dict[str, Any]:
    """One row of doses with NONMEM's items."""
    if doses.kind[i] not in (ADD, RATE) or not doses.shared:
        what = f"a planned study has doses of everyone, not {KINDS[doses.kind[i]]!r} or those of one patient"
        raise UsageError(what, where=f"event {i + 1}", do="give the doses by twinsim.regimen")
    state = target_route(structure, doses.targets[doses.target[i]]).to
    row = {"TIME": doses.time[i], "EVID": 1, "CMT": 1 + structure.state_names.index(state), "PER": PER[doses.per[i]]}
    row |= {"AMT": doses.value[i], "II": doses.interval[i], "ADDL": doses.additional[i], "SS": doses.steady[i]}
    if doses.kind[i] == RATE:
        row["RATE"] = doses.rate[i] if np.isfinite(doses.rate[i]) else doses.value[i] / doses.duration[i]
    return row


def _sizes(cohort: Cohort, per: Any, rows: int) -> np.ndarray:
    """What amounts are multiplied by (row of the table), patient after patient."""
    size = np.ones(cohort.size * rows)
    known = cohort.derived().covariates
    for word, name in (("kg", "weight"), ("m2", "bsa")):
        mine = np.zeros(len(size), bool) if per is None else per.to_numpy() == word
        if mine.any() and name not in known:
            raise UsageError(f"doses per {word} need {name}", where="cohort", do=f"sample patients with {name}")
        if mine.any():
            size[mine] = np.repeat(np.asarray(known[name]), rows)[mine]
    return size


def _amount_unit(structure: Structure, given: Sequence[Mapping[str, Any]]) -> str:
    """The unit of the states that doses go to."""
    units = {structure.states[row["CMT"] - 1].unit for row in given}
    if len(units) > 1:
        raise UsageError(f"doses in {' and in '.join(sorted(units))}", do="give doses of one unit")
    return units.pop()
