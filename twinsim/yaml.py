"""The one reader of YAML files: plain data of YAML 1.2, each key once, nothing that could be executed.

What is refused, each with its line, column and key: tags (`!!python/...`), anchors and aliases (a few lines of which
can fill a memory), a key given twice, dates (write them in quotes), and the words that readers of YAML 1.1 turn into
true and false (yes, no, on, off, y, n) as keys or as bare values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from twinsim.errors import DataError, UsageError

# A library file has some 3 kB; a file a hundred times as large is not one of ours.
LARGEST = 400_000
DEEPEST = 24
_BOOLEAN_WORDS = frozenset("y n yes no on off".split())
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null"))
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


def read_yaml(source: str | Path) -> dict[str, Any]:
    """The mapping a YAML file holds.

    >>> read_yaml("dose: 1e-3\\nroutes: [oral, iv]\\nsteady: true\\n")
    {'dose': 0.001, 'routes': ['oral', 'iv'], 'steady': True}
    >>> read_yaml("cl: 3\\ncl: 4\\n")
    Traceback (most recent call last):
    twinsim.errors.DataError: 'cl' is given twice
      where: text, line 2, column 1, cl
      do: keep one of them

    Args:
        source: a path, or the YAML text itself: a text with a line break or a colon and a space in it.

    Returns:
        Nested dict, list, str, int, float, bool and None; all keys are texts.

    Raises:
        UsageError: there is no such file.
        DataError: the file cannot be read, is too large, is no YAML, or holds what is refused above.
    """
    text, name = _text(source)
    if len(text) > LARGEST:
        raise DataError(f"the file has {len(text)} characters", where=name, why=f"at most {LARGEST} are read")
    reader = YAML(typ="safe", pure=True)
    try:
        _refuse_machinery(reader, text, name)
        node = YAML(typ="safe", pure=True).compose(text)
        if node is None or node.tag != "tag:yaml.org,2002:map":
            raise DataError("the file holds no mapping", where=name, do="write lines of the form  key: value")
        _check(node, name, ())
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = name if mark is None else f"{name}, line {mark.line + 1}, column {mark.column + 1}"
        raise DataError("this is not YAML", where=place, why=str(fault.problem or fault.context or "")) from fault
    except (YAMLError, ValueError, RecursionError) as fault:
        raise DataError("this is not YAML", where=name, why=str(fault).splitlines()[0]) from fault


def _text(source: str | Path) -> tuple[str, str]:
    if isinstance(source, str) and ("\n" in source or ": " in source):
        return source, "text"
    path = Path(source)
    try:
        # The size is looked at first, so that a huge file is never held.
        size = path.stat().st_size
        if size > 4 * LARGEST:
            raise DataError(f"the file has {size} bytes", where=str(path), why=f"at most {LARGEST} are read")
        return path.read_bytes().decode("utf-8"), str(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as fault:
        raise UsageError(f"there is no file {path}", do="check the path") from fault
    except UnicodeDecodeError as fault:
        raise DataError("the file is not UTF-8 text", where=str(path), do="save it as UTF-8") from fault
    except OSError as fault:
        raise DataError("the file cannot be read", where=str(path), why=str(fault)) from fault


def _refuse_machinery(reader: YAML, text: str, name: str) -> None:
    """Anchors, aliases, tags, second documents and towers of brackets, found before anything is built."""
    depth, documents = 0, 0
    for event in reader.parse(text):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        documents += kind == "DocumentStartEvent"
        version = getattr(event, "version", None)
        what = ""
        if kind == "AliasEvent" or getattr(event, "anchor", None):
            what = "anchors (&name) and aliases (*name) are not read"
        elif getattr(event, "tag", None):
            what = f"the tag {event.tag} is not read"
        elif version not in (None, (1, 2)):
            what = "YAML 1.2 alone is read"
        elif depth > DEEPEST:
            what = f"this is nested more than {DEEPEST} deep"
        elif documents > 1:
            what = "a second document (---) is not read"
        if what:
            raise _fault(what, name, event, (), do="write the values themselves")


def _check(node: Any, name: str, path: tuple[str, ...]) -> None:
    """Keys once, keys that are texts, values of plain types."""
    if node.tag == _TIMESTAMP:
        do = f'write it in quotes: "{node.value}"'
        raise _fault(f"{node.value} would be read as a date", name, node, path, do=do)
    if node.tag not in _PLAIN:
        raise _fault(f"the type {node.tag} is not read", name, node, path)
    if isinstance(node.value, str):
        _refuse_boolean_word(node, name, path)
        return
    seen: set[str] = set()
    for key, value in _children(node):
        if key is None:
            _check(value, name, path)
            continue
        if key.tag != "tag:yaml.org,2002:str":
            shown = key.value if isinstance(key.value, str) else "this"
            raise _fault(f"the key {shown} is no text", name, key, path, do=f'write it in quotes: "{shown}"')
        here = (*path, key.value)
        _refuse_boolean_word(key, name, here)
        if key.value in seen:
            raise _fault(f"{key.value!r} is given twice", name, key, here, do="keep one of them")
        seen.add(key.value)
        _check(value, name, here)


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
    for child in node.value:
        yield child if isinstance(child, tuple) else (None, child)


def _refuse_boolean_word(node: Any, name: str, path: tuple[str, ...]) -> None:
    # In quotes the word is a text in every version of YAML.
    if node.style is None and node.value.lower() in _BOOLEAN_WORDS:
        do = f'write true or false, or put it in quotes: "{node.value}"'
        raise _fault(f"the bare word {node.value} is true or false to some readers", name, node, path, do=do)


def _fault(what: str, name: str, mark: Any, path: tuple[str, ...], do: str = "") -> DataError:
    place = f"{name}, line {mark.start_mark.line + 1}, column {mark.start_mark.column + 1}"
    return DataError(what, where=", ".join((place, ".".join(path))) if path else place, do=do)
