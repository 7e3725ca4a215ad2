"""Errors as one sentence on standard error, and the exit codes of the commands."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click
import typer

from components.fewshot.faults import sentence_of

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130
FAILURES = (
    "NodeError",
    "RootError",
    "SendError",
)  # of a run, and not of the call; by name, because a module of theirs imports TFX


@contextmanager
def errors_as_sentences(debug: bool) -> Iterator[None]:
    """Prints an error as one sentence, its notes as a line each, and exits.

    The exit code is 2 if the call was wrong, and 1 if a run failed. With `debug` the traceback is printed first.
    """
    try:
        yield
    except (typer.Exit, click.exceptions.Exit, click.ClickException):  # Typer's exit is not always Click's
        raise
    except BrokenPipeError:  # the reader has closed the pipe, as `| head` does
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # Python flushes standard output when it exits
        raise typer.Exit(0) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        sentence = sentence_of(error)
        notes: list[str] = getattr(error, "__notes__", [])
        if sentence is None:  # nobody foresaw it
            said = next(iter(str(error).strip().splitlines()), "")
            sentence = f"{type(error).__name__}: {said}"
            sentence += "" if notes else " (use --debug to see the traceback)"
        print("\n  ".join([f"fewshot: {sentence}", *notes]), file=sys.stderr)
        failed = sentence_of(error) is None or type(error).__name__ in FAILURES
        raise typer.Exit(FAILED if failed else BAD_USAGE) from None
    except KeyboardInterrupt:
        print("fewshot: interrupted; run the same command again to continue from here", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
