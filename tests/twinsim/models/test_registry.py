"""Structures by name."""

import subprocess
import sys
from dataclasses import replace

import pytest

from twinsim.errors import ModelError, UnitError, UsageError
from twinsim.models import registry


def test_names_are_the_paths_of_the_files():
    names = registry.structures()
    assert {"pk/one_compartment_iv", "pd/sigmoid_emax", "pkpd/one_compartment_oral_turnover"} <= set(names)
    assert names == tuple(sorted(names)) and all(name.count("/") >= 1 for name in names)


def test_one_name_imports_one_file():
    code = (
        "import sys; from twinsim.models.registry import structure, structures; structures(); "
        "structure('pk/one_compartment_iv'); "
        "print(*[m for m in sys.modules if m.startswith(('twinsim.models.pk.', 'twinsim.models.pd.'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["twinsim.models.pk.one_compartment_iv"]


def test_a_structure_is_returned_as_it_is():
    found = registry.structure("pk/one_compartment_iv")
    assert registry.structure(found) is found
    assert registry.structure("pk/one_compartment_iv") is found


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pk/two_compartment_orl", "did you mean pk/two_compartment_oral"),
        ("two_compartment_oral", "did you mean pk/two_compartment_oral"),
        ("structure", "known: "),
        ("../secrets", "known: "),
        ("pk", "known: "),
        ("", "known: "),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(name, says):
    with pytest.raises(UsageError) as refused:
        registry.structure(name)
    assert says in str(refused.value)


def test_ones_own_structure_is_registered_after_a_check(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})
    shipped = registry.structure("pk/one_compartment_iv")
    with pytest.raises(ModelError, match="already"):
        registry.register(shipped)
    with pytest.raises(UnitError):
        registry.register(replace(shipped, name="mine", rates=lambda t, x, p, u: {"central": -p.cl * x.central}))
    mine = registry.register(replace(shipped, name="mine"))
    assert registry.structure("mine") is mine and "mine" in registry.structures()
    assert registry.register(mine) is mine
    with pytest.raises(ModelError, match="already"):
        registry.register(replace(shipped, name="mine", source="another"))
