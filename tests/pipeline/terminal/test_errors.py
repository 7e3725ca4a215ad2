"""Errors become one sentence and an exit code."""

import click
import pytest
import typer

from pipeline.terminal.errors import errors_as_sentences


class NodeError(ValueError):
    """Has the name of the runner's error."""


class RootError(ValueError):
    """Has the name of the error about what is under a root."""


def exit_code(error: BaseException, debug: bool = False) -> int:
    with pytest.raises(typer.Exit) as end, errors_as_sentences(debug):
        raise error
    return end.value.exit_code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("no such\n  setting"), 2, "fewshot: no such setting\n"),
        (FileNotFoundError("no such file"), 2, "fewshot: no such file\n"),
        (RootError("the disk is full"), 1, "fewshot: the disk is full\n"),
        (NodeError("MetaTrainer: too few classes"), 1, "fewshot: MetaTrainer: too few classes\n"),
        (
            RuntimeError("the roof is on fire\nand more"),
            1,
            "fewshot: RuntimeError: the roof is on fire (use --debug to see the traceback)\n",
        ),
        (KeyboardInterrupt(), 130, "fewshot: interrupted; run the same command again to continue from here\n"),
    ],
)
def test_one_sentence_and_an_exit_code(error, code, said, capsys):
    assert exit_code(error) == code
    assert capsys.readouterr().err == said


def test_notes_are_lines_of_their_own(capsys):
    error = NodeError("MetaTrainer: too few classes")
    error.add_note("the same command goes on from MetaTrainer")
    error.add_note("the traceback is in runs/logs/run-1.log")
    assert exit_code(error) == 1
    said = "fewshot: MetaTrainer: too few classes\n  the same command goes on from MetaTrainer\n"
    assert capsys.readouterr().err == said + "  the traceback is in runs/logs/run-1.log\n"


def test_no_number_of_an_error_is_shown(capsys, tmp_path):
    with pytest.raises(OSError, match="Errno") as raised:
        tmp_path.read_bytes()
    assert exit_code(raised.value) == 2
    assert capsys.readouterr().err == f"fewshot: {tmp_path}: a directory stands where a file is needed\n"


@pytest.mark.parametrize("error", [ValueError("wrong"), RuntimeError("wrong")])
def test_debug_prints_the_traceback(error, capsys):
    exit_code(error, debug=True)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error", [typer.Exit(1), click.UsageError("no such option")])
def test_errors_of_the_command_line_pass_through(error):
    with pytest.raises(type(error)), errors_as_sentences(False):
        raise error


def test_a_closed_pipe_is_no_error(monkeypatch):
    import sys

    monkeypatch.setattr(sys, "stdout", sys.stdout)  # restores it afterwards
    assert exit_code(BrokenPipeError()) == 0
    sys.stdout.close()


@pytest.mark.parametrize("end", [typer.Exit(3), click.exceptions.Exit(3)])
def test_an_exit_is_no_error(end, capsys):
    with pytest.raises(type(end)), errors_as_sentences(debug=False):
        raise end
    assert capsys.readouterr().err == ""
