"""The table of a model's numbers with their sources; what nobody measured is set apart."""

from __future__ import annotations

from typing import Any

from twinsim.report.html import Section, Table, number


def parameter_section(model: Any) -> Section:
    """Every number of a population model with unit, meaning and source.

    Args:
        model: a `PopulationModel`.
    """
    assumed = set(model.assumed())
    rows, marked, references = [], set(), []
    for i, row in enumerate(model.sources()):
        fitted = row.name in model.changed
        source = "changed in this run (fitted or set)" if fitted else row.source
        if source not in references:
            references.append(source)
        rows.append([row.name, number(row.value, 4), row.unit, row.meaning, f"[{references.index(source) + 1}]"])
        if row.name in assumed and not fitted:
            marked.add(i)
    note = ""
    if assumed:
        note = f"Rows in colour are assumed: nobody measured them. They are {', '.join(sorted(assumed))}."
    table = Table(["name", "value", "unit", "meaning", "source"], rows, frozenset({1}), frozenset(marked))
    text = f"Model {model.name}: {model.title}."
    return Section("Parameters and their sources", text, table=table, note=note, references=references)
