"""The rules of the house that a machine can check: who imports whom, who prints, what a config may say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("kernels", "twinsim", "experiments")
FORBIDDEN = {
    "kernels": {"twinsim", "experiments", "benchmarks", "tests"},
    "twinsim": {"experiments", "benchmarks", "tests"},
    "experiments": {"kernels", "benchmarks", "tests"},
}
# Plain helpers of a kernel: numerics and the standard library's harmless parts, no files, clocks, logging or config.
KERNELS_NEVER = {"logging", "time", "datetime", "os", "pathlib", "io", "h5py", "pandas", "hydra", "omegaconf", "random"}
FILE_LINES = 300


def modules(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """Names of all modules a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            yield node.module or ""


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package):
    found = {
        short(p): name for p in modules(package) for name in imported(p) if name.split(".")[0] in FORBIDDEN[package]
    }
    assert not found


def test_kernels_know_no_files_clocks_or_config():
    found = {short(p): name for p in modules("kernels") for name in imported(p) if name.split(".")[0] in KERNELS_NEVER}
    assert not found


def test_hydra_lives_in_the_command_line_alone():
    users = {
        short(p) for p in modules(*PACKAGES) for name in imported(p) if name.split(".")[0] in {"hydra", "omegaconf"}
    }
    assert users == {"twinsim/cli.py"}


def test_nothing_prints_but_the_command_line():
    printing = []
    for path in modules(*PACKAGES):
        if short(path) == "twinsim/cli.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                printing.append(f"{short(path)}:{node.lineno}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.__stdout__"}:
                printing.append(f"{short(path)}:{node.lineno}")
    assert not printing


def test_inputs_are_never_executed():
    """No eval, exec or pickle in the packages; no _target_ in the configuration."""
    found = []
    for path in modules(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                found.append(f"{short(path)}:{node.lineno}")
        found += [
            f"{short(path)}: {name}" for name in imported(path) if name.split(".")[0] in {"pickle", "cloudpickle"}
        ]
    for path in [*(ROOT / "conf").rglob("*.yaml"), *(ROOT / "twinsim").rglob("*.yaml")]:
        if "_target_" in path.read_text(encoding="utf-8"):
            found.append(short(path))
    assert not found


def test_conf_holds_yaml_only():
    assert {path.suffix for path in (ROOT / "conf").rglob("*") if path.is_file()} == {".yaml"}


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "experiment").glob("*.yaml")), ids=lambda p: p.stem)
def test_an_experiment_says_what_it_is(path):
    from twinsim.kinds import KINDS

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# @package _global_\n")
    kind = re.search(r"^kind: (\w+)$", text, re.MULTILINE)
    assert kind and kind[1] in KINDS
    assert re.search(r"^help: \S.{20,110}$", text, re.MULTILINE)


def test_files_are_short():
    long = {
        short(p): n for p in modules(*PACKAGES, "tests") if (n := len(p.read_text("utf-8").splitlines())) > FILE_LINES
    }
    assert not long


def test_modules_say_what_they_are():
    assert not [short(p) for p in modules(*PACKAGES) if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
