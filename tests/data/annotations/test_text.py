import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.annotations.text import decoded, is_true, name_of, number, shown


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((7, 7), (7.5, 7.5), ("7", 7), (" 7,5\n", 7.5), ("-.5", -0.5), ("1e2", 100), ("+3.", 3)),
        *((True, None), (None, None), ("", None), ("1_0", None), ("１", None), ("nan", None), (math.inf, None)),
        *((10**400, None), ("1e999", None), ("1.2.3", None), ("1,2,3", None), ([], None), ({}, None)),
    ],
)
def test_numbers(value, found):
    assert number(value) == found


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_itself_as_a_text_too(value):
    assert number(value) == number(repr(value)) == value


def test_names():
    assert name_of("  traffic \n light ") == "traffic light"
    assert name_of("e\u0301") == "é"
    assert name_of(7) == "7" and name_of(0) == "0"
    assert name_of(None) == name_of([]) == name_of(True) == name_of(10**5000) == ""
    assert name_of("\ud800").encode() == b"\\ud800"


@given(st.text())
def test_every_text_in_utf_8_is_itself(text):
    assert decoded(b"\xef\xbb\xbf" + text.encode()) == text
    assert decoded(b"\xff\xfe\0\0" + text.encode("utf-32-le")) == text


@given(st.binary())
def test_every_file_has_a_text(content):
    assert isinstance(decoded(content), str)


def test_values_in_sentences_are_short():
    assert shown("x" * 100) == f"'{'x' * 59}..."
    assert shown(10**5000) == "a very long int"
    assert shown("\ud800").isascii()


def test_flags():
    assert all(map(is_true, (1, "1", True, "true", "True", 1.0)))
    assert not any(map(is_true, (0, "0", False, None, "", "false", [], 2)))
