"""The rules that a row has to keep, each with the reason and with what to write instead.

Source: NONMEM Users Guide part IV chapter VI and part VI chapter III (PREDPP): data items, EVID, SS, ADDL, RATE.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twinsim.records.draft import Draft
from twinsim.records.table import Column


def check(d: Draft, structure: Any = None) -> None:
    """Every rule, in the order in which a reader of the table would meet them."""
    _check_order(d)
    _check_events(d)
    _check_amounts(d)
    _check_rates(d)
    _check_schedules(d)
    _check_values(d)
    _check_compartments(d, structure)
    _note_oddities(d)


def _check_order(d: Draft) -> None:
    """One block of rows per patient, in the order of time; only a reset may turn the clock back."""
    refuse, time = d.faults.refuse, d["TIME"]
    missing = np.isnan(time) & ~d.given("TIME")
    refuse(missing, "TIME", "the time is missing", "write the time since the patient's first record")
    refuse(time < 0, "TIME", "times start at 0", "shift this patient's times so that the first is 0")
    same = np.concatenate([[False], d.patient[1:] == d.patient[:-1]])
    back = np.zeros(len(time), bool)
    back[1:] = time[1:] < time[:-1]
    refuse(
        back & same & ~np.isin(d["EVID"], (3, 4)), "TIME", "time runs backwards within the patient",
        "sort the patient's rows by time, or mark the start of a new period with EVID 3 or 4",
    )  # fmt: skip
    starts = np.flatnonzero(~same)
    again = np.ones(len(starts), bool)
    again[np.unique(d.patient[starts], return_index=True)[1]] = False
    returns = np.zeros(len(time), bool)
    returns[starts[again]] = True
    refuse(
        returns, "ID", "this patient had rows further up, with others in between",
        "keep a patient's rows together, or give the new patient a new ID",
    )  # fmt: skip


def _check_events(d: Draft) -> None:
    evid, mdv = d["EVID"], d["MDV"]
    unknown = ~np.isin(evid, (0, 1, 2, 3, 4)) & ~np.isnan(evid)
    beyond = np.isin(evid, (5, 6, 7))
    d.faults.refuse(
        beyond, "EVID", "EVID 5, 6 and 7 (rxode2's replace, multiply, phantom) are not read",
        "write 0 observation, 1 dose, 2 other, 3 reset or 4 reset and dose",
    )  # fmt: skip
    d.faults.refuse(
        unknown & ~beyond, "EVID", "there is no such event",
        "write 0 observation, 1 dose, 2 other, 3 reset or 4 reset and dose",
    )  # fmt: skip
    d.faults.refuse(~np.isin(mdv, (0, 1)), "MDV", "MDV is 0 or 1", "write 1 where DV is not a value, else 0")


def _check_amounts(d: Draft) -> None:
    refuse, amt, dose = d.faults.refuse, d["AMT"], d.dose
    constant = (d["SS"] == 1) & ((d["RATE"] > 0) | (d["RATE"] == -1))
    refuse(dose & (amt < 0), "AMT", "an amount is not negative", "write the amount given")
    unreadable = d.table.items["AMT"].unreadable if "AMT" in d.table.items else np.zeros(len(amt), bool)
    refuse(
        dose & (amt == 0) & ~constant & ~unreadable, "AMT", "a dose has an amount",
        "write the amount, or SS=1 with RATE>0 for a constant infusion at steady state",
    )  # fmt: skip
    refuse(d.observation & (amt != 0), "AMT", "an observation (EVID 0) gives no drug", "write EVID 1, or AMT 0")
    refuse((d["EVID"] == 2) & (amt != 0), "AMT", "EVID 2 gives no drug", "write EVID 1, or AMT 0")
    refuse((d["EVID"] == 3) & (amt != 0), "AMT", "a reset (EVID 3) gives no drug", "write EVID 4 for reset and dose")


def _check_rates(d: Draft) -> None:
    refuse, dose, amt, rate, duration = d.faults.refuse, d.dose, d["AMT"], d["RATE"], d["DUR"]
    modelled = (rate == -1) | (rate == -2)
    refuse(
        dose & (rate < 0) & ~modelled, "RATE", "a rate is positive, -1 (modelled rate) or -2 (modelled duration)",
        "write the amount per time, -1, -2, or 0 for a bolus",
    )  # fmt: skip
    refuse(
        dose & (duration < 0), "DUR", "a duration is not negative", "write the time the infusion takes, 0 for a bolus"
    )
    refuse(
        dose & modelled & (duration > 0), "DUR", "RATE -1 or -2 says that the model has rate or duration",
        "write DUR 0, or RATE 0 to use this duration",
    )  # fmt: skip
    both = dose & (rate > 0) & (duration > 0)
    # a part in a thousand: tables carry rounded rates such as 8.333
    differs = both & (np.abs(rate * duration - amt) > 1e-3 * np.abs(amt))
    refuse(differs, "DUR", "RATE times DUR is not AMT", "give one of RATE and DUR")
    if (both & ~differs).any():
        d.notes.append(f"{int((both & ~differs).sum())} doses have RATE and DUR that agree: RATE is used, as in NONMEM")
        d.items["DUR"] = np.where(both & ~differs, 0.0, duration)


def _check_schedules(d: Draft) -> None:
    refuse, dose = d.faults.refuse, d.dose
    amt, ss, ii, addl = d["AMT"], d["SS"], d["II"], d["ADDL"]
    constant = dose & (ss == 1) & (amt == 0) & (d["RATE"] != 0)
    refuse(
        dose & ~np.isin(ss, (0, 1, 2)), "SS", "SS is 0, 1 (steady state) or 2 (added to what is there)",
        'write 0 for none, or leave the column out: columns={"SS": None}',
    )  # fmt: skip
    refuse(
        dose & np.isin(ss, (1, 2)) & ~constant & (ii <= 0), "II", "steady state needs the time between doses",
        "write II>0, or SS=0",
    )  # fmt: skip
    refuse(
        constant & ((ii > 0) | (addl > 0)), "II", "a constant infusion at steady state (AMT=0) has no interval",
        "write II=0 and ADDL=0, or the AMT of each infusion",
    )  # fmt: skip
    refuse(dose & (ii < 0), "II", "an interval is not negative", "write the time between doses")
    refuse(
        dose & (addl < 0), "ADDL", "a count of further doses is not negative", "write how many doses follow this one"
    )
    refuse(
        dose & (addl > 0) & ~(ii > 0) & ~constant,
        "II",
        "further doses (ADDL) need an interval",
        "write II>0, or ADDL=0",
    )
    idle = dose & (ii > 0) & (addl == 0) & ~np.isin(ss, (1, 2))
    if idle.any():
        d.notes.append(f"II has no effect on {int(idle.sum())} doses without ADDL or SS")
    for item in ("RATE", "DUR", "ADDL", "II", "SS"):
        stray = ~dose & (d[item] != 0)
        if stray.any():
            d.notes.append(f"{item} has no effect on {int(stray.sum())} rows that are no doses")
        d.items[item] = np.where(dose, d[item], 0.0)


def _check_values(d: Draft) -> None:
    refuse, seen, values = d.faults.refuse, d.observation, d.table.items.get("DV")
    if values is not None and d.has_values:
        refuse(seen & values.missing, "DV", "an observation without a value", "write the value, or MDV=1 (EVID=2)")
        _check_value_texts(d, values)
    cens, limit = d["CENS"], d["LIMIT"]
    refuse(seen & ~np.isin(cens, (-1, 0, 1)), "CENS", "CENS is 0, 1 (below) or -1 (above)", "write 0, 1 or -1")
    with np.errstate(invalid="ignore"):
        crossed = ((cens == 1) & (limit >= d["DV"])) | ((cens == -1) & (limit <= d["DV"]))
    refuse(
        seen & crossed, "LIMIT", "the value lies between LIMIT and DV, and these are crossed",
        "with CENS=1 write LIMIT below DV, with CENS=-1 above it",
    )  # fmt: skip
    if "DVID" in d.table.items:
        refuse(seen & (d.dvid == ""), "DVID", "the observation does not say of what", "write the DVID of the output")


def _check_value_texts(d: Draft, values: Column) -> None:
    """A value such as <0.5 is a censored one; any other text is a slip."""
    unreadable = d.observation & values.unreadable
    if not unreadable.any():
        return
    codes, unique = pd.factorize(values.labels())
    words = ("BLQ", "BQL", "BLOQ", "LLOQ", "LOQ", "ND")
    limits = np.array([text.startswith(("<", ">")) or text.upper() in words for text in unique], dtype=bool)[codes]
    d.faults.refuse(
        unreadable & limits, "DV", "a value beyond the limit of quantification is written with CENS",
        "write the limit in DV and CENS=1 (below it) or CENS=-1 (above it); LIMIT may hold the other bound",
    )  # fmt: skip
    d.faults.refuse(
        unreadable & ~limits, "DV", "the value is not a finite number", "write a number, or MDV=1 where there is none"
    )


def _check_compartments(d: Draft, structure: Any) -> None:
    refuse, cmt = d.faults.refuse, d["CMT"]
    refuse(
        cmt < 0, "CMT", "a negative CMT turns a compartment off, which is not supported",
        "write the compartment's number; end an infusion by its AMT and RATE",
    )  # fmt: skip
    if structure is None:
        return
    names = ", ".join(f"{at} {state.name}" for at, state in enumerate(structure.states, start=1))
    refuse(
        cmt > len(structure.states),
        "CMT",
        "the model has no such compartment",
        f"write one of {names}, or 0 for the default",
    )


def _note_oddities(d: Draft) -> None:
    """What is allowed, and often a slip."""
    seen = d.observation
    keys = pd.DataFrame({"patient": d.patient, "time": d["TIME"], "dvid": d.dvid, "cmt": d["CMT"]})[seen]
    twice = keys.duplicated().to_numpy()
    if twice.any():
        rows = d.table.row[seen][twice]
        d.notes.append(
            f"{len(rows)} observations repeat an earlier one's patient, time, DVID and CMT "
            f"(row {rows[0]} is the first): they count as replicates"
        )
    if (d["EVID"] == 0).sum() == 0:
        d.notes.append("there are no observations")
    undosed = np.setdiff1d(np.unique(d.patient), np.unique(d.patient[d.dose]))
    if 0 < undosed.size < len(d.ids):
        first = d.labels[undosed[0]] if d.labels else d.ids[undosed[0]]
        d.notes.append(f"{undosed.size} patients have no dose (the first is {first})")
