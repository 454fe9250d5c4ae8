"""Reading the text of PTX, NVIDIA's assembly: variables of a module, and the statements of one kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|^\s*\.(?:loc|file|version|target|address_size)\b[^\n]*", re.DOTALL | re.M)
# Inner scopes only rename registers, which the compiler keeps apart anyway: their braces mean nothing here.
_PART = re.compile(r"\s*(?:[{}]|(?P<label>[\w$]+)\s*:(?!:)|(?P<statement>[^;]+);)")
_VARIABLE = re.compile(
    r"(?P<how>(?:\.\w+\s+)*?)\.(?P<space>global|const|local|shared)\s+(?:\.align\s+(?P<align>\d+)\s+)?(?:\.\w+\s+)*?"
    r"\.(?P<kind>[bsuf]\d+)\s+(?P<name>[\w$%]+)\s*(?:\[(?P<count>\d*)\])?\s*(?:=\s*(?P<values>.*))?$",
    re.DOTALL,
)
_PARAMETER = re.compile(r"\.param\s+\.[bus]64(?:\s+\.ptr)?(?:\s+\.(?:global|const))?(?:\s+\.align\s+\d+)?\s+([\w$]+)$")


@dataclass(frozen=True)
class Variable:
    """An array of a module or of a thread."""

    name: str
    space: str
    kind: str
    count: int
    align: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Instruction:
    """`@guard opcode.modifiers operands;`"""

    text: str
    guard: str
    opcode: str
    modifiers: tuple[str, ...]
    operands: tuple[str, ...]

    def kind(self, *allowed: str) -> str:
        """The type, which comes last; all other modifiers must be known to be harmless or handled."""
        if not set(self.modifiers[:-1]) <= set(allowed):
            raise NotImplementedError(self.text)
        return self.modifiers[-1]


@dataclass(frozen=True)
class Label:
    """A place to jump to."""

    name: str


@dataclass
class Kernel:
    """All that a thread does and has."""

    parameters: tuple[str, ...]
    variables: list[Variable]  # of the module
    local: list[Variable] = field(default_factory=list)
    registers: dict[str, str] = field(default_factory=dict)  # name: kind
    targets: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of indexed branches
    body: list[Instruction | Label] = field(default_factory=list)


def split(text: str) -> tuple[str, ...]:
    """Parts between the commas outside all brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "{[(") - (character in "}])")
        if character == "," and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
    last = text[start:].strip()
    return (*parts, last) if last else tuple(parts)


def parse(ptx: str, name: str) -> Kernel:
    """The kernel of that name with the variables around it."""
    text = _COMMENT.sub("", ptx)
    variables: list[Variable] = []
    found: Kernel | None = None
    body = ""
    while text := text.strip():
        head = re.match(r"[^;{]*", text)
        assert head
        end = head.end()
        if text[end : end + 1] == "{" and re.search(r"\.(entry|func)\b", head[0]):
            inside, text = _braced(text[end:])
            entry = re.search(r"\.entry\s+([\w$]+)\s*(?:\((.*)\))?", head[0], re.DOTALL)
            if entry and entry[1] == name:
                found, body = Kernel(_parameters(entry[2] or ""), variables), inside
            continue
        statement, _, text = text.partition(";")
        if not re.search(r"\.(func|entry|extern|pragma|alias)\b", statement):
            variables.append(_variable(statement.strip()))
    if found is None:
        raise KeyError(f"no kernel {name} in the PTX")
    _statements(found, body)
    return found


def _braced(text: str) -> tuple[str, str]:
    """What is inside the braces a text begins with, and what follows them."""
    depth = 0
    for brace in re.finditer(r"[{}]", text):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return text[1 : brace.start()], text[brace.end() :]
    raise ValueError("a brace is never closed")


def _parameters(text: str) -> tuple[str, ...]:
    found = [(_PARAMETER.match(parameter), parameter) for parameter in split(text)]
    for match, parameter in found:
        if not match:
            raise NotImplementedError(f"parameter that is no pointer: {parameter}")
    return tuple(match[1] for match, _ in found if match)


def _variable(text: str) -> Variable:
    match = _VARIABLE.match(text)
    if not match or match["space"] == "shared":
        raise NotImplementedError(text)
    values = (match["values"] or "").strip()
    initial = split(values[1:-1]) if values.startswith("{") else (values,) if values else ()
    count = 1 if match["count"] is None else int(match["count"] or len(initial))
    align = int(match["align"] or int(match["kind"][1:]) // 8)
    return Variable(match["name"], match["space"], match["kind"], count, align, initial)


def _statements(kernel: Kernel, text: str) -> None:
    label, place = "", 0
    while match := _PART.match(text, place):
        place = match.end()
        if match["statement"]:
            _statement(kernel, " ".join(match["statement"].split()), label)
        elif match["label"]:
            label = match["label"]
            if not text[place : place + 200].lstrip().startswith(".branchtargets"):
                kernel.body.append(Label(label))
    if rest := text[place:].strip():
        raise NotImplementedError(rest)


def _statement(kernel: Kernel, text: str, label: str) -> None:
    if text.startswith(".reg"):
        kind, names = re.fullmatch(r"\.reg \.(\w+) (.*)", text).groups()  # pyright: ignore[reportOptionalMemberAccess]
        for name in split(names):
            many = re.fullmatch(r"(.*)<(\d+)>", name)
            for one in [f"{many[1]}{i}" for i in range(int(many[2]))] if many else [name]:
                if kernel.registers.setdefault(one, kind) != kind:
                    raise NotImplementedError(f"two kinds of register {one}")
    elif text.startswith(".branchtargets"):
        kernel.targets[label] = split(text.removeprefix(".branchtargets"))
    elif text.startswith((".local", ".shared")):
        kernel.local.append(_variable(text))
    elif not text.startswith(".pragma"):
        kernel.body.append(_instruction(text))


def _instruction(text: str) -> Instruction:
    match = re.fullmatch(r"(?:@(!?[\w%$]+) )?([\w.:]+)(?: (.*))?", text)
    if not match:
        raise NotImplementedError(text)
    opcode, *modifiers = match[2].split(".")
    return Instruction(text, match[1] or "", opcode, tuple(modifiers), split(match[3] or ""))
