"""The wheel, installed elsewhere and run from another folder, has everything it needs and nothing of this clone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def command(*words, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel's packages alone; what they depend on comes from this environment."""
    folder = tmp_path_factory.mktemp("installed")
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target", folder, wheel]
    command(*words, cwd=folder, PIP_DISABLE_PIP_VERSION_CHECK="1")
    return folder


def test_the_wheel_holds_configuration_and_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "twinsim/conf/config.yaml",
        "twinsim/conf/experiment/quickstart.yaml",
        "twinsim/report/template.html",
        "twinsim/population/data/adults_fit.csv",
        "twinsim/drugs/data/rodgers_rowland.csv",
        "twinsim/drugs/library/midazolam.yaml",
        "experiments/data/theophylline.csv",
        "kernels/__init__.py",
    ):
        assert wanted in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"twinsim", "kernels", "experiments"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    shipped = {p.relative_to(ROOT).as_posix() for p in (ROOT / "conf").rglob("*.yaml")}
    assert shipped == {name.removeprefix("twinsim/") for name in names if name.startswith("twinsim/conf/")}


def test_it_runs_from_another_folder(installed, tmp_path):
    where = command("-c", "import twinsim; print(twinsim.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(where.strip()).is_relative_to(installed)
    out = command("-m", "twinsim", "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "  quickstart " in out
    out = command("-m", "twinsim", "+experiment=quickstart", "--cfg", "job", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "kind: quickstart" in out
    assert not list(tmp_path.iterdir())


def test_the_command_is_installed(installed, tmp_path):
    out = command(installed / "bin" / "twinsim", "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert out.startswith("twinsim: virtual patients")
