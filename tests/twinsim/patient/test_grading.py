"""The grade of standard men beside reference tables and studies is held; the list of rows is complete."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, UnitError, UsageError
from twinsim.patient.challenges import REST, SETTLE, autoregulation, grade_challenges, known_challenges, study
from twinsim.patient.graded_rows import KINDS, read_list, row_list
from twinsim.patient.grading import as_data, check_complete, counts, error_of, grade_of, grade_rest, reasons
from twinsim.patient.reference_tables import read_tables, reference_folder
from twinsim.patient.seen import Seen
from twinsim.patient.standard import standard_men
from twinsim.patient.terms import read_term

LIST = """
quantities: {half: {product: ["0.5", a]}}
computed: {S: {X: quantity.half}}
given: {S: {V: b}}
duplicates: {S: {Z: S/X}}
left_out: [{kind: constant, reason: it is, rows: {S: [W, "W#2"]}}]
"""


@pytest.fixture(scope="module")
def tables(reference_data):
    return read_tables(reference_folder(reference_data))


@pytest.fixture(scope="module")
def seen():
    """Sixty men at rest and three in each challenge, one run."""
    model = twinsim.whole_patient()
    men = study(model.structure, at_rest=60, each=3)
    results = twinsim.simulate(
        model, men.cohort, men.events, times=men.times, settle=SETTLE, precision="float64", endpoints=()
    )
    return Seen.of(results), men.groups


@pytest.fixture(scope="module")
def rest(seen, tables):
    return grade_rest(seen[0], seen[1][REST], tables)


def test_nobody_fails(seen):
    assert (seen[0].status == 0).all()


def test_the_grade_at_rest(rest):
    """At least 120 rows, of these 85 % good and at most 3 bad, on the half kept for grading too."""
    found = counts(rest)
    for half, least in (("all", 120), ("kept", 50)):
        size = sum(found[half].values())
        assert size >= least
        assert found[half]["good"] >= 0.85 * size, found
        assert found[half]["bad"] <= 3, found
    assert found["computed"]["good"] >= 0.85 * sum(found["computed"].values()), found


def test_every_bad_row_has_a_reason(rest, seen):
    graded = [*rest, *grade_challenges(*seen)]
    assert not [row.name for row in graded if row.grade == "bad" and not row.reason]
    named = {row.name for row in graded}
    assert not [name for name in reasons() if name not in named and not name.startswith("autoregulation/")]


def test_the_grade_of_challenges(seen):
    found = counts(grade_challenges(*seen))["all"]
    assert sum(found.values()) == sum(len(each.readings) for each in known_challenges().values())
    assert found["good"] >= 24 and found["bad"] <= 6, found


def test_sodium_balance_is_found_within_a_week(seen):
    found = {row.name: row for row in grade_challenges(*seen)}["sodium/excretion over intake"]
    assert found.value == pytest.approx(100.0, abs=5.0)


def test_autoregulation():
    """Within 10 % of Pulse from 70 to 120 mmHg; not beyond, which is known."""
    found = {float(row.name.split()[-2]): row for row in autoregulation(4)}
    assert [found[pressure].grade for pressure in (70, 80, 90, 100, 120)] == ["good"] * 5
    assert all(row.reason for row in found.values() if row.grade == "bad")


def test_the_list_is_complete(tables):
    rows = row_list()
    check_complete(rows, tables)
    assert len(rows.rows) + len(rows.left_out) == 475
    assert {row.kind for row in rows.left_out} <= set(KINDS) and all(row.reason for row in rows.left_out)
    halves = np.mean([row.tuning for row in rows.rows])
    assert 0.35 < halves < 0.65


def test_a_list_that_does_not_fit_the_tables(tables):
    short = dict(list(tables.items())[1:])
    with pytest.raises(DataError, match="1 rows are not in the tables"):
        check_complete(row_list(), short)
    with pytest.raises(DataError, match="1 rows are not listed"):
        check_complete(row_list(), {**tables, "Cardiovascular/Other": tables["Cardiovascular/CardiacOutput"]})


def test_a_list_is_read(tmp_path):
    rows = read_list(LIST)
    assert [(row.name, row.given) for row in rows.rows] == [("S/X", False), ("S/V", True)]
    assert [(row.name, row.kind) for row in rows.left_out] == [
        ("S/Z", "duplicate"), ("S/W", "constant"), ("S/W#2", "constant"),
    ]  # fmt: skip
    assert "duplicate of S/X" in as_data((), (), rows)["left_out"][0]["reason"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: constant", "kind: bother", "unknown kind"),
        ("Z: S/X", "Z: S/Q", "which is not graded"),
        ("[W, ", "[X, ", "listed twice"),
        ("reason: it is, ", "", "reason is missing"),
    ],
)
def test_lists_that_cannot_be_read(old, new, words):
    with pytest.raises(DataError, match=words):
        read_list(LIST.replace(old, new))


def test_errors_and_grades():
    assert error_of(95.0, [(100.0, 110.0)]) == pytest.approx(0.05)
    assert error_of(-20.0, [(-32.0, -32.0)]) == pytest.approx(0.375)
    assert error_of(8.0, [(1.0, 2.0), (9.0, 10.0)]) == pytest.approx(1.0 / 9.0)
    assert error_of(0.1, [(0.0, 0.0)]) == error_of(float("nan"), [(1.0, 2.0)]) == float("inf")
    assert [grade_of(error) for error in (0.0, 0.1, 0.11, 0.3, 0.31)] == ["good", "good", "fair", "fair", "bad"]


def some_seen(failed=0):
    structure = twinsim.structure("organs/circumstances")
    outputs = {port.name: np.full((2, 10), 5.0) for port in structure.gives}
    parameters = {item.name: np.full(10, 2.0) for item in structure.parameters}
    status = np.where(np.arange(10) < failed, 3, 0)
    return Seen(outputs, parameters, status, np.array([0.0, 1.0]), standard_men(10), structure)


def test_what_names_mean():
    known = some_seen().known(slice(0, 4), -1, {"twice": read_term({"product": ["2", "oxygen_consumption"]})})
    assert known("quantity.twice").in_unit("mL/min") == pytest.approx([10.0] * 4)
    assert known("body.weight").in_unit("kg") == pytest.approx([73.0] * 4)
    assert known("tissue.muscle.extracellular_water").in_unit("1") == pytest.approx(0.118)
    assert known("start.oxygen_consumption").in_unit("mL/min") == pytest.approx([5.0] * 4)
    assert known("respiratory_quotient").in_unit("1") == pytest.approx([2.0] * 4)
    for name in ("oxygen", "body.wings", "quantity.half", "tissue.muscle.fat", "start.respiratory_quotient"):
        with pytest.raises(UsageError):
            known(name)
    with pytest.raises(UnitError):
        known("oxygen_consumption").in_unit("mmHg")


def test_a_median_of_too_few_is_refused():
    with pytest.raises(UsageError, match="3 of 10 patients failed"):
        some_seen(failed=3).known(slice(0, 10), -1)
    with pytest.raises(UsageError, match="groups of 0"):
        study(twinsim.whole_patient().structure, at_rest=0)
