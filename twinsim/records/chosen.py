"""Which observations of records count, and which are known only to lie below a limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from twinsim.records.record import Records


def without(records: Records, dvids: Collection[str]) -> Records:
    """The records without the observations of some outputs; their rows stay as EVID 2.

    Args:
        dvids: labels of the outputs.
    """
    gone = records.observations & np.isin(records.dvid, list(dvids))
    if not gone.any():
        return records
    units = dict(records.units)
    given = units.get("DV")
    if isinstance(given, Mapping):
        units["DV"] = {label: unit for label, unit in given.items() if label not in dvids}
    note = f"{int(gone.sum())} observations of {', '.join(label or 'DV' for label in dvids)} are left out"
    return replace(
        records,
        evid=np.where(gone, 2, records.evid),
        mdv=np.where(gone, 1, records.mdv),
        dv=np.where(gone, np.nan, records.dv),
        dvid=np.where(gone, "", records.dvid),
        cens=np.where(gone, 0, records.cens),
        limit=np.where(gone, np.nan, records.limit),
        units=units,
        notes=(*records.notes, note),
    )


def censored(records: Records, lloq: Mapping[str, float]) -> Records:
    """The records with values below a limit of quantification known only to be there (CENS 1).

    Args:
        lloq: by label of the output, in the data's unit.
    """
    dv, cens, notes = records.dv.copy(), records.cens.copy(), list(records.notes)
    for label, limit in lloq.items():
        low = records.observations & (records.dvid == label) & (records.cens == 0) & (records.dv < limit)
        dv[low], cens[low] = limit, 1
        notes.append(f"{int(low.sum())} observations of {label or 'DV'} below {limit:g} are censored there")
    return replace(records, dv=dv, cens=cens, notes=tuple(notes))
