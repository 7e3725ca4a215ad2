"""Errors as one sentence on standard error, and the exit codes of the commands."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click
import typer

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130


@contextmanager
def errors_as_sentences(debug: bool) -> Iterator[None]:
    """Prints an error as one sentence and exits.

    The exit code is 2 if the call was wrong, and 1 if a run failed. With `debug` the traceback is printed first.
    """
    try:
        yield
    except (click.exceptions.Exit, click.ClickException):
        raise
    except BrokenPipeError:  # the reader has closed the pipe, as `| head` does
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # Python flushes standard output when it exits
        raise typer.Exit(0) from None
    except (ValueError, OSError) as error:
        if debug:
            traceback.print_exc()
        failed = type(error).__name__ == "NodeError"  # known by name: its module imports TFX
        print(f"fewshot: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(FAILED if failed else BAD_USAGE) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        said = next(iter(str(error).strip().splitlines()), "")
        print(f"fewshot: {type(error).__name__}: {said} (use --debug to see the traceback)", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        print("fewshot: interrupted; run the same command again to continue from here", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
