"""Who a job's patients are: a cohort, or a source that samples them while the job runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twinsim.errors import UsageError
from twinsim.patient.cohort import Patients
from twinsim.population.anatomy.source import Anatomical
from twinsim.population.cohort import Cohort, digest, sample_cohort
from twinsim.population.resample import AsIs
from twinsim.population.source import Source, find_source


def patients_of(source: Any, size: int | None) -> tuple[Cohort | None, Source | None, int]:
    """The cohort or the source that patients come from, and how many there are."""
    found = source if isinstance(source, Cohort) else find_source(source)
    if isinstance(found, AsIs):
        found = sample_cohort(None, found)
    cohort, generator = (found, None) if isinstance(found, Cohort) else (None, found)
    count = size if size is not None else cohort.size if cohort is not None else None
    if count is None or count < 1:
        raise UsageError("how many patients?", where="population.size", do="give size=1000, say")
    if cohort is not None and count > cohort.size:
        raise UsageError(f"{count:,} patients of a cohort of {cohort.size:,}", where="population.size")
    return cohort, generator, count


def name_of(source: Any) -> str:
    """A source in settings: its name, or its kind; with conditions, all that a patient's numbers depend on."""
    if isinstance(source, Patients):
        return f"{name_of(source.source)}, conditions={source.given}, drawn={source.drawn}"
    if isinstance(source, Anatomical):
        table = getattr(source.source, "table", None)
        people = repr(source.source) if table is None else digest(table.columns)
        return f"{people}, wanted={source.wanted}, cirrhosis={source.cirrhosis}, ckd={source.ckd}"
    table = getattr(source, "table", None)
    if table is not None:
        return f"{type(source).__name__} of {digest(table.columns)}"
    return str(source) if isinstance(source, str | Path) else type(source).__name__
