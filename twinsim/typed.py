"""A dataclass from nested mappings of plain values: every key is checked, every fault is told with its key."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from twinsim.errors import nearest


def number(default: Any, least: float | None = None, above: float | None = None, most: float | None = None) -> Any:
    """A field with limits: `least` and `most` may be reached, `above` may not."""
    return dataclasses.field(default=default, metadata={"least": least, "above": above, "most": most})


def keys_of(kind: type, prefix: str = "") -> list[str]:
    """Every key of a dataclass by its path, e.g. population.size."""
    keys = []
    for name, hint in typing.get_type_hints(kind).items():
        keys.append(f"{prefix}{name}")
        if dataclasses.is_dataclass(hint):
            keys += keys_of(typing.cast(type, hint), f"{prefix}{name}.")
    return keys


def build(kind: Any, values: Any, faults: list[str], path: str = "", known: Iterable[str] = ()) -> Any:
    """A dataclass from a mapping; None where that cannot be.

    Args:
        faults: grows by a sentence for each key that is unknown, missing, of another type or out of range.
        path: of the mapping, with a dot behind it.
        known: all keys by their paths, for the nearest one to a misspelt one.
    """
    known = known or keys_of(kind)
    if not isinstance(values, Mapping):
        example = keys_of(kind, path)[0]
        faults.append(f"{path.rstrip('.')}: {values!r} is not a mapping; set its keys, e.g. {example}=")
        return None
    fields = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in fields:
            faults.append(f"{path}{name}: unknown key; {nearest(f'{path}{name}', known)}")
    arguments = {}
    for name, one in fields.items():
        where = f"{path}{name}"
        if name in values and dataclasses.is_dataclass(hints[name]):
            arguments[name] = build(hints[name], values[name], faults, f"{where}.", known)
        elif name in values:
            arguments[name] = _value(hints[name], values[name], where, one.metadata, faults)
        elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            faults.append(f"{where}: missing; choose an experiment: +experiment=NAME")
    return None if faults else kind(**arguments)


def _value(kind: Any, value: Any, path: str, limits: Mapping[str, Any], faults: list[str]) -> Any:
    """A value of the wanted type; a fault and None where it is of another."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _value(arguments[0], value, path, limits, faults)
    if origin is Literal:
        if value not in arguments:
            faults.append(f"{path}: {value!r} is not a choice; {nearest(str(value), arguments)}")
        return value
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, Mapping):
            faults.append(f"{path}: {value!r} is not a list; write {path}=[a,b,c]")
            return None
        return tuple(_value(arguments[0], item, f"{path}[{i}]", {}, faults) for i, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            faults.append(f"{path}: {value!r} is not a mapping; set its keys: {path}.NAME=VALUE")
            return None
        return {str(k): _value(arguments[1], item, f"{path}.{k}", {}, faults) for k, item in value.items()}
    return _scalar(kind, value, path, limits, faults)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _scalar(kind: type, value: Any, path: str, limits: Mapping[str, Any], faults: list[str]) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        int: is_number and float(value).is_integer(),
        float: is_number and abs(value) < float("inf"),
        bool: isinstance(value, bool),
        str: isinstance(value, str),
    }[kind]
    if kind is str and is_number:
        value, fits = str(value), True
    if not fits:
        faults.append(f"{path}: {value!r} is not {_WORDS[kind]}")
        return None
    value = kind(value)
    least, above, most = limits.get("least"), limits.get("above"), limits.get("most")
    if least is not None and value < least:
        faults.append(f"{path}: {value} is less than {least}")
    if above is not None and value <= above:
        faults.append(f"{path}: {value} is not above {above}")
    if most is not None and value > most:
        faults.append(f"{path}: {value} is more than {most:,}, the most that is possible")
    return value
