"""Ratios of endpoints of the same people under two circumstances, alone and beside published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from twinsim.drugs.clinical_interactions import guest_limits

if TYPE_CHECKING:
    from twinsim.report import Section


def ratio_section(
    heading: str, ratios: Mapping[str, np.ndarray], over: str, studies: Sequence[tuple[str, str, float, str]] = ()
) -> list[Section]:
    """A table of ratios, and one of those that studies found, where there are any.

    simulated = exp(mean of ln ratio);   agrees within the limits of Guest et al. 2011

    Args:
        ratios: name of an endpoint -> its ratio (patient); values that are not finite are left out.
        over: what stands above and below the line, in words.
        studies: name of an endpoint, circumstances of the study, ratio it found, its source.
    """
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    rows, found = [], {}
    for name, values in ratios.items():
        kept = values[np.isfinite(values) & (values > 0.0)]
        if not kept.size:
            continue
        found[name] = float(np.exp(np.mean(np.log(kept))))
        low, high = np.quantile(kept, [0.05, 0.95])
        rows.append([name, *(number(float(each), 3) for each in (found[name], low, high)), f"{kept.size:,}"])
    if not rows:
        return []
    head = ["endpoint", "geometric mean", "5 %", "95 %", "people"]
    text = f"Each person's own ratio: {over}. Areas count up to the last time of the run."
    sections = [Section(heading, text, table=Table(head, rows, frozenset({1, 2, 3, 4})))]
    rows = []
    for name, circumstances, seen, source in studies:
        if name not in found:
            continue
        low, high = guest_limits(seen)
        verdict = "within" if low <= found[name] <= high else "outside"
        rows.append([name, circumstances, number(found[name], 3), number(seen, 3), number(low, 3), number(high, 3)])
        rows[-1] += [verdict, source]
    if rows:
        head = ["endpoint", "study", "simulated", "found", "from", "to", "limits", "source"]
        text = "Ratios of studies with the limits of Guest et al. 2011, which narrow towards a ratio of 1."
        sections.append(Section(f"{heading}: studies", text, table=Table(head, rows, frozenset({2, 3, 4, 5}))))
    return sections
