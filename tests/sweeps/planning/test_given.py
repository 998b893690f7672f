"""What a sweep's file says, as plain data."""

import json

import numpy as np
import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.given import check_keys, plain, read_json, read_yaml, shown


def test_yaml_is_read_as_pyyaml_does() -> None:
    text = "a: &x [1, 2.5, 1e-3, 'no', null, true]\nb: {c: *x}\nd:\n  <<: {e: 1}\n  f: 2\n"
    values = [1, 2.5, "1e-3", "no", None, True]  # YAML 1.1 wants a point in 1e-3
    assert read_yaml(text) == {"a": values, "b": {"c": values}, "d": {"e": 1, "f": 2}}
    assert read_yaml("") is None and read_yaml("# nothing\n") is None and read_yaml("3") == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "a is named twice, in lines 1 and 3"),
        ('a:\n- {b: {c: 1,\n "c": 1}}\n', "c is named twice, in lines 2 and 3"),
        ("x: &x {a: 1, b: {c: 1, c: 2}}\ny: *x", "c is named twice, in lines 1 and 1"),
        ("a: [1, 2", "a sweep's file must be YAML: expected ',' or ']', but got '<stream end>' in line 1"),
        ("a: 1\n--- \nb: 2", "a sweep's file must be YAML: but found another document in line 2"),
        ("a: !!python/object/apply:os.system [ls]", "a sweep's file must be YAML: could not determine a constructor"),
        ("a: *b", "a sweep's file must be YAML: found undefined alias 'b' in line 1"),
        ("a: !!int ''", "a sweep's file must be YAML: "),
        ("a: 2024-13-45", "a sweep's file must be YAML: month must be in 1..12"),
        ("a: \x01", "a sweep's file must be YAML: unacceptable character"),
        ("a: " + "[" * 1500, "a sweep's file must be YAML: "),
    ],
)
def test_yaml_that_cannot_be_is_one_sentence(text, sentence) -> None:
    with pytest.raises(SweepError) as caught:
        read_yaml(text)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_what_holds_itself_is_one_sentence() -> None:
    with pytest.raises(SweepError, match=r"^a must hold at most 8 lists and mappings in each other$"):
        plain(read_yaml("a: &x [*x]"), "file")


def test_json_that_cannot_be_is_one_sentence() -> None:
    for text in ("{", "[" * 10**5):
        with pytest.raises(SweepError, match=r"^a sweep's file must be JSON: [^\n]*$"):
            read_json(text)


def test_plain_values_are_what_json_has_words_for() -> None:
    given = {"a": (np.float32(0.5), np.int64(3)), "b": [None, "x", True, 1, 2.5], "c": {}}
    made = plain(given, "set")
    assert made == {"a": [0.5, 3], "b": [None, "x", True, 1, 2.5], "c": {}}
    assert json.loads(json.dumps(made)) == made and [type(value) for value in made["a"]] == [float, int]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": {"b": [1, float("nan")]}}, "b must be finite, got nan"),
        ({"a": np.inf}, "a must be finite, got inf"),
        ({"a": {1, 2}}, "a must be made of numbers, texts, lists and mappings, got {1, 2}"),
        ({"a": {True: 2}}, "a must have texts as keys, got True: put it in quotes"),
    ],
)
def test_other_values_are_one_sentence(value, sentence) -> None:
    with pytest.raises(SweepError) as caught:
        plain(value, "set")
    assert str(caught.value) == sentence


def test_unknown_keys_are_told_what_may_have_been_meant() -> None:
    check_keys({"axes": 1}, ("study", "axes"), "a sweep")
    with pytest.raises(SweepError, match=r"^unknown key 'axis' of a sweep: did you mean axes"):
        check_keys({"axis": 1}, ("study", "axes"), "a sweep")
    with pytest.raises(SweepError, match=r"^unknown key 3 of a sweep: expected one of study, axes"):
        check_keys({3: 1}, ("study", "axes"), "a sweep")


def test_values_are_shown_as_one_writes_them() -> None:
    values = (4.0, 0.001, 1e300, 7, None, (1.0, 2.5), [64, 64], "x", True)
    assert [*map(shown, values)] == ["4", "0.001", "1e+300", "7", "none", "1,2.5", "64,64", "x", "True"]
