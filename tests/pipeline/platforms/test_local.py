"""The local runner's own parts: what an error says, one run at a time."""

import pytest

from pipeline.platforms.local import locked, sentence_of


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_what_beam_wraps_around_an_error_is_taken_off():
    error = raised(ValueError("way 7 is too large [while running 'Draw/ParDo(_Draw)-ptransform-24']"))
    assert sentence_of(error) == "way 7 is too large"


def test_the_innermost_of_ours_speaks():
    outer = RuntimeError("Executor failed")
    outer.__cause__ = ValueError("the cause")
    assert sentence_of(outer) == "the cause"


def test_an_error_of_a_library_names_its_kind():
    assert sentence_of(raised(KeyError("image"))) == "KeyError: 'image'"
    assert sentence_of(raised(RuntimeError())) == "RuntimeError: no message"


def test_one_run_at_a_time(tmp_path):
    root = str(tmp_path / "root")
    with locked(root), pytest.raises(ValueError, match="another run uses it now"), locked(root):
        pass
    with locked(root):
        pass
