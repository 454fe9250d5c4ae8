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


def model_path(source: str | Path) -> Path:
    """The file of a model of the library by its name, or the path of any other model file.

    Raises:
        UsageError: there is neither.
    """
    path = Path(source)
    if isinstance(source, str) and source in library_names():
        return _FOLDER / f"{source}.yaml"
    is_path = path.suffix in (".yaml", ".yml")
    if is_path and path.is_file():
        return path
    if is_path or path.parent != Path("."):
        raise UsageError(f"there is no model file {source}", do="check the path, or name a model of the library")
    raise UsageError(f"there is no model {str(source)!r}", do=nearest(str(source), library_names()))
