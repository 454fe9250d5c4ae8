"""What a patient's body makes of organs' parameters, as entries of a model file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from twinsim.models.structure import Structure
from twinsim.yaml import read_yaml


@lru_cache(maxsize=1)
def _document() -> Mapping[str, Any]:
    return read_yaml(Path(__file__).parent / "data" / "body.yaml")


def body_covariates() -> dict[str, Any]:
    """Covariates with what the typical patient has of them."""
    return {name: dict(entry) for name, entry in _document()["covariates"].items()}


def body_entries(structure: Structure) -> dict[str, dict[str, Any]]:
    """Values and relations of those parameters that the structure has."""
    known = structure.parameter_names
    entries = {name: {**entry} for name, entry in _document()["parameters"].items() if name in known}
    for group in _document()["by"]:
        relation = {key: group[key] for key in ("covariate", "reference", "exponent", "source")}
        for name in group["parameters"]:
            if name in known:
                entry = entries.setdefault(name, default_entry(structure, name))
                entry["relations"] = [*entry.get("relations", []), {"power": {**relation, "fixed": True}}]
    return entries


def default_entry(structure: Structure, name: str) -> dict[str, Any]:
    """A parameter's default as an entry."""
    item = structure.parameter(name)
    unit = "" if item.unit == "1" else f" {item.unit}"
    return {"value": f"{item.default!r}{unit}", "source": item.source}


def with_relations(
    entries: Mapping[str, Mapping[str, Any]], structure: Structure, more: Mapping[str, Iterable[Any]]
) -> dict[str, dict[str, Any]]:
    """The entries with further relations behind their own."""
    found = {name: dict(entry) for name, entry in entries.items()}
    for name, relations in more.items():
        entry = found.setdefault(name, default_entry(structure, name))
        entry["relations"] = [*entry.get("relations", []), *relations]
    return found
