"""The command line before Hydra sees it: what is misspelt is answered here, with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from twinsim.config import OPEN_KEYS, known_keys
from twinsim.errors import UsageError, nearest

GROUPS = ("population", "regimen", "solver", "runner")


def conf_folder() -> Path:
    """The shipped configuration: twinsim/conf in an installed package, ../conf in a clone."""
    here = Path(__file__).resolve().parent
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def folders_of(arguments: list[str]) -> list[Path]:
    """Configuration folders: ours, and the user's --config-dir."""
    folders = [conf_folder()]
    for at, text in enumerate(arguments):
        name, _, value = text.partition("=")
        if name in {"--config-dir", "-cd"}:
            value = value or (arguments[at + 1] if at + 1 < len(arguments) else "")
            if not Path(value).is_dir():
                raise UsageError(f"there is no folder {value!r}", where="--config-dir")
            folders.append(Path(value))
    return folders


def _choices(folders: Iterable[Path], group: str) -> dict[str, Path]:
    return {path.stem: path for folder in folders for path in sorted((folder / group).glob("*.yaml"))}


def experiments_in(folders: Iterable[Path]) -> dict[str, str]:
    """Name and one-line description of every experiment, without loading YAML."""
    found = {}
    for name, path in _choices(folders, "experiment").items():
        line = re.search(r"^help:\s*(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        found[name] = line.group(1).strip().strip("\"'") if line else ""
    return found


def menu(experiments: dict[str, str]) -> str:
    width = max(map(len, experiments), default=0)
    return "\n".join(["experiments:", *(f"  {name:<{width}}  {text}" for name, text in experiments.items())])


_KEY = re.compile(r"^(?P<mark>\+\+|\+|~)?(?P<key>[\w./@]+)(?P<rest>=.*)?$", re.DOTALL)


def friendly(arguments: list[str]) -> list[str]:
    """The arguments as Hydra wants them; misspelt names are answered here, before it sees them.

    Raises:
        UsageError: no experiment, or a name that does not exist.
    """
    folders = folders_of(arguments)
    experiments = experiments_in(folders)
    is_sweep = bool({"-m", "--multirun"} & set(arguments))
    result, options, chosen = [], [], False
    for text in arguments:
        match = _KEY.match(text)
        if match is None or match["rest"] is None:
            options.append(text)
            continue
        mark, key, value = match["mark"] or "", match["key"], match["rest"][1:]
        if key == "experiment":
            chosen, mark = True, "+"
            for name in value.split(",") if is_sweep else [value]:
                if name not in experiments:
                    raise UsageError(
                        f"there is no experiment {name!r}",
                        where=f"+experiment={value}",
                        do=f"{nearest(name, experiments)}; python -m twinsim --help lists them",
                    )
        elif key in GROUPS:
            mark = _check_choice(key, value, folders, is_sweep)
        elif not key.startswith("hydra"):
            mark = _check_key(key, mark)
        result.append(f"{mark}{key}={value}")
    names = {option.split("=")[0] for option in options}
    if refused := sorted({"--experimental-rerun", "--config-path", "-cp", "--config-name", "-cn"} & names):
        raise UsageError(f"{refused[0]} is not offered", do="add your own experiments with --config-dir FOLDER")
    if not chosen and not {"--info", "--version", "--shell-completion", "-sc", "--hydra-help"} & names:
        raise UsageError("no experiment was chosen", do=f"python -m twinsim +experiment=NAME\n\n{menu(experiments)}")
    # Hydra's parser wants them in one row; options may take the word after them.
    return [*result, "hydra.sweep.subdir=.", *options]


def _check_choice(group: str, value: str, folders: list[Path], is_sweep: bool) -> str:
    options = _choices(folders, group)
    for name in value.split(",") if is_sweep else [value]:
        if name not in options:
            raise UsageError(f"{group} has no choice {name!r}", where=f"{group}={value}", do=nearest(name, options))
    return ""


def _check_key(key: str, mark: str) -> str:
    """The mark Hydra needs before a key; where the user chooses the names (parameters.cl) it is one that adds."""
    if any(key.startswith(f"{place}.") for place in OPEN_KEYS):
        return "++"
    known = [k for k in known_keys() if k not in {"help", "needs", "kind", "experiment", *GROUPS}]
    if key not in known and key not in {"kind", "help", "needs"}:
        raise UsageError(f"there is no key {key!r}", where=key, do=nearest(key, known))
    return "~" if mark == "~" else "++" if key in OPEN_KEYS else ""


# What the Python API takes as an argument, and how the same is typed on a command line.
_UNITS = re.compile(r"(?:pass )?units=\{(?P<items>[^{}]*)\}")
_PAIR = re.compile(r'"(?P<column>[^"]+)": "(?P<unit>[^"]+)"')
_PYTHON_ONLY = re.compile(r',? or (?:on_refused="drop"|pass units=\{).*')
_WHICH_OUTPUT = re.compile(r"say which one it is: outputs=\{'(?P<label>[^']*)': '(?P<output>[^']*)'\}")
_LONGEST_LINE = 400


def in_keys(text: str) -> str:
    """An error of the library in the words of the command line, without lines that would fill the screen.

    >>> in_keys('do: pass units={"AMT": "mg", "DV": "mg/L"}')
    'do: add columns.AMT=mg columns.DV=mg/L'
    """
    lines = []
    for line in text.splitlines():
        line = _UNITS.sub(_as_keys, _PYTHON_ONLY.sub("", line)).replace("units= names", "columns names")
        line = _WHICH_OUTPUT.sub(r"say which one it is: dvid.\g<label>=\g<output> (null leaves it out)", line)
        cut = len(line) - _LONGEST_LINE
        lines.append(line if cut <= 0 else f"{line[: _LONGEST_LINE // 2]} ... {line[-_LONGEST_LINE // 2 :]}")
    return "\n".join(lines)


def _as_keys(match: re.Match[str]) -> str:
    return "add " + " ".join(f"columns.{m['column']}={m['unit']}" for m in _PAIR.finditer(match["items"]))
