"""Structures by name: "pk/two_compartment_oral" is twinsim/models/pk/two_compartment_oral.py."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import import_module

from twinsim import models
from twinsim.errors import ModelError, UsageError, nearest
from twinsim.models.dimensions import check_dimensions
from twinsim.models.structure import Structure

_registered: dict[str, Structure] = {}


def structures() -> tuple[str, ...]:
    """The names of all structures, shipped and registered; none of them is imported.

    >>> "pk/two_compartment_oral" in structures()
    True
    """
    return tuple(sorted({*_shipped(), *_registered}))


def structure(name: str | Structure) -> Structure:
    """A structure by name, its units checked; a structure is returned as it is.

    >>> structure("pk/two_compartment_oral").state_names
    ('depot', 'central', 'peripheral')
    >>> structure("pk/two_compartment_orla")
    Traceback (most recent call last):
    twinsim.errors.UsageError: no structure 'pk/two_compartment_orla'
      do: did you mean pk/two_compartment_oral or ...?

    Raises:
        UsageError: no structure has that name; near ones are given.
    """
    if isinstance(name, Structure):
        return name
    if name in _registered:
        return _registered[name]
    if name not in _shipped():
        raise UsageError(f"no structure {name!r}", do=_advice(name))
    found = import_module(f"{models.__name__}.{name.replace('/', '.')}").structure
    check_dimensions(found)  # kept after the first time
    return found


def register(structure: Structure) -> Structure:
    """Make a structure of one's own known by its name in this process, after checking its units.

    Raises:
        ModelError: the name is taken.
        UnitError: an equation does not come out in its unit.
    """
    if structure.name in _shipped() or _registered.get(structure.name, structure) is not structure:
        raise ModelError(f"there is a structure {structure.name!r} already", do="give yours another name")
    check_dimensions(structure)
    _registered[structure.name] = structure
    return structure


@lru_cache(maxsize=1)
def _shipped() -> tuple[str, ...]:
    """Every module in a package below this one, by its path; the names before which an underscore stands are parts."""
    return tuple(sorted(name for name in _walk(models.__path__, "") if "/" in name))


def _walk(paths: Iterable[str], prefix: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(paths):
        if module.name.startswith("_"):
            continue
        if module.ispkg:
            yield from _walk([f"{path}/{module.name}" for path in paths], f"{prefix}{module.name}/")
        else:
            yield prefix + module.name


def _advice(name: str) -> str:
    known = structures()
    # two_compartment_oral without its folder is the commonest slip
    homes = [each for each in known if each.rsplit("/", 1)[-1] == name]
    return f"did you mean {' or '.join(homes)}?" if homes else nearest(str(name), known)
