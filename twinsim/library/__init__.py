"""Published population models as data: one YAML file each, every number with its source. docs/models.md explains them.

>>> library()["theophylline"]
'Theophylline in healthy adults after one oral dose'
"""

from __future__ import annotations

from pathlib import Path

from twinsim.errors import UsageError, nearest
from twinsim.yaml import read_yaml

_FOLDER = Path(__file__).parent


def library_names() -> tuple[str, ...]:
    """Names of the models that come with twinsim, in order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def library() -> dict[str, str]:
    """Name -> title of the models that come with twinsim, in order."""
    return {name: str(read_yaml(_FOLDER / f"{name}.yaml").get("title", "")) for name in library_names()}


def library_path(name: str) -> Path:
    """The file of a model that comes with twinsim.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in library_names():
        raise UsageError(f"there is no model {name!r} in the library", do=nearest(name, library_names()))
    return _FOLDER / f"{name}.yaml"
