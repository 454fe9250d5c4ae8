"""Drugs as data: what a molecule is and how the body clears it, one YAML file each; docs/drugs.md explains them.

>>> drug_titles()["midazolam"]
'Midazolam'
"""

from __future__ import annotations

from pathlib import Path

from twinsim.errors import UsageError, nearest
from twinsim.yaml import read_yaml

_FOLDER = Path(__file__).parent / "library"


def drug_names() -> tuple[str, ...]:
    """Names of the drugs that come with twinsim, in order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def drug_titles() -> dict[str, str]:
    """Name -> title of the drugs that come with twinsim, in order."""
    return {name: str(read_yaml(_FOLDER / f"{name}.yaml").get("title", "")) for name in drug_names()}


def drug_path(source: str | Path) -> Path:
    """The file of a drug of the library by its name, or the path of any other drug file.

    Raises:
        UsageError: there is neither.
    """
    path = Path(source)
    if isinstance(source, str) and source in drug_names():
        return _FOLDER / f"{source}.yaml"
    is_path = path.suffix in (".yaml", ".yml")
    if is_path and path.is_file():
        return path
    if is_path or path.parent != Path("."):
        raise UsageError(f"there is no drug file {source}", do="check the path, or name a drug of the library")
    raise UsageError(f"there is no drug {str(source)!r}", do=nearest(str(source), drug_names()))
