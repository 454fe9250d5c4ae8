"""Model files are plain data of YAML 1.2; everything else is refused with its place."""

import pytest

from twinsim.errors import DataError, UsageError
from twinsim.yaml import LARGEST, read_yaml


def test_numbers_and_words_are_those_of_yaml_1_2():
    data = read_yaml('a: 1e-3\nb: 1.5E3\nc: -2\nd: true\ne: null\nf: "no"\ng: [1, 2.5]\nh: {i: 3 mg/L}\nj: 0x1F\n')
    assert data == {
        "a": 0.001,
        "b": 1500.0,
        "c": -2,
        "d": True,
        "e": None,
        "f": "no",
        "g": [1, 2.5],
        "h": {"i": "3 mg/L"},
        "j": 31,
    }


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\na: 2\n", "line 2, column 1, a", "given twice"),
        ("a:\n  - {b: 1, b: 2}\n", "line 2, column 12, a.b", "given twice"),
        ("no: 1\n", "line 1, column 1, no", "true or false"),
        ("a:\n  b: off\n", "line 2, column 6, a.b", "true or false"),
        ("Y: 1\n", "line 1, column 1, Y", "true or false"),
        ("1: 2\n", "line 1, column 1", "no text"),
        ("a: 2018-01-01\n", "line 1, column 4, a", "date"),
        ("a: &x 1\nb: *x\n", "line 1, column 4", "anchors"),
        ("a: !!python/object:os.system ls\n", "line 1, column 4", "tag"),
        ("a: !x 1\n", "line 1, column 4", "tag"),
        ("a: [1\nb: 2\n", "line 2, column 2", "not YAML"),
        ("a: 1\n---\nb: 2\n", "line 2", "second document"),
        ("%YAML 1.1\n---\na: 1\n", "line 2", "1.2 alone"),
        ("a: " + "[" * 60 + "]" * 60 + "\n", "line 1", "deep"),
        ("- 1\n- 2\n", "text", "no mapping"),
        ("a: 1\n\tb: 2\n", "line 2", "not YAML"),
        ("a: \x00 b\n", "text", "not YAML"),
    ],
)
def test_refusals_name_the_place(text, place, words):
    with pytest.raises(DataError) as caught:
        read_yaml(text)
    assert place in caught.value.where
    assert words in caught.value.what


def test_files(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("a: 1\n")
    assert read_yaml(path) == read_yaml(str(path)) == {"a": 1}
    with pytest.raises(UsageError, match="there is no file"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(UsageError, match="there is no file"):
        read_yaml(tmp_path)
    path.write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_yaml(path)
    path.write_text("a: 1\n" + "# long\n" * LARGEST)
    with pytest.raises(DataError, match="characters|bytes"):
        read_yaml(path)
