"""Patients' concentrations and potassium in cells of their hearts: what cardiologists know of both."""

import numpy as np
import pytest

from twinsim.errors import UsageError
from twinsim.patient.heart_safety import free_concentration, heart_cells


@pytest.fixture(scope="module")
def cells():
    """Five patients: sotalol from none to CiPA's therapeutic concentration, and with little potassium."""
    return heart_cells("sotalol", [0.0, 3000.0, 14690.0, 14690.0, 14690.0], [4.2, 4.2, 4.2, 3.0, 5.0], beats=3)


def test_more_of_the_drug_and_less_potassium_are_longer_action_potentials(cells):
    assert cells.status.tolist() == [0] * 5 and cells.under.fired.all() and cells.under.repolarised.all()
    none, some, much, low, high = cells.prolongation
    assert none == pytest.approx(0.0, abs=0.05) and 3.0 < some < much
    assert low > much > high  # hypokalaemia, the companion of torsades under sotalol
    assert cells.without.apd90[3] > cells.without.apd90[0] > cells.without.apd90[4]
    assert cells.under.qnet[2] < cells.without.qnet[2]


def test_free_concentration():
    # 1 mmol/L of a drug of 272.36 g/mol is 272.36 mg/L
    np.testing.assert_allclose(free_concentration([272.36, 2.7236], [1.0, 0.5], 272.36), [1e6, 5e3])


@pytest.mark.parametrize(
    ("drug", "free", "potassium", "words"),
    [("sotallol", [1.0], [4.2], "did you mean sotalol"), ("sotalol", [1.0, 2.0], [4.2] * 3, "give one of each")],
)
def test_what_cannot_be(drug, free, potassium, words):
    with pytest.raises(UsageError, match=words):
        heart_cells(drug, free, potassium)
