"""Every command that the help, README and the guide print can be pasted: it plans a run."""

import re
import shlex
from pathlib import Path

import pytest

from tests.experiments.command import command
from twinsim.cli import HELP

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "help": HELP,
    **{name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/command_line.md")},
}
LINES = sorted(
    {
        (page, line.split("      ")[0].strip())
        for page, text in PAGES.items()
        for line in re.findall(r"python -m twinsim (.*experiment=[a-z_]+.*)$", text, re.MULTILINE)
        # Calibrating takes its time, and tests of the experiments do it.
        if "quickstart" not in line
    }
)


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_documented_command_plans_a_run(page, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_patients.csv").write_text("ID,TIME,AMT,DV,EVID\n1,0,100,.,1\n1,4,.,2,0\n")
    answer = command(*shlex.split(line), "dry_run=true")
    assert answer.code == 0 and "patients" in answer.out, answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["my_patients.csv"]


def test_commands_were_found():
    assert {page for page, _ in LINES} == set(PAGES) and len(LINES) >= 8


def test_every_key_and_group_of_the_guide_exists():
    from twinsim.config import OPEN_KEYS, known_keys

    keys = {*known_keys(), "experiment", "key"}
    for text in PAGES.values():
        typed = re.sub(r"```python.*?```", "", text, flags=re.DOTALL)
        for key in re.findall(r"(?:^|[\s`'(])([a-z_]+(?:\.[a-zA-Z_.]+)?)=[^=\s]", typed):
            assert key in keys or any(key.startswith(f"{place}.") for place in OPEN_KEYS), key


def test_the_picture_of_the_readme_is_there_and_small():
    picture = ROOT / "docs" / "images" / "quickstart.png"
    assert "](docs/images/quickstart.png)" in PAGES["README.md"]
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) < 150_000
