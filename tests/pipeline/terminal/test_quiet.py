import logging
import os
import sys
from pathlib import Path

import pytest

from pipeline.terminal.quiet import noise_to, quietly


def make_noise():
    os.write(2, b"from a C library\n")
    logging.info("from a logger")
    print("from a command", file=sys.stderr)


def test_noise_goes_to_a_log_and_messages_to_the_terminal(tmp_path, capfd):
    with quietly(str(tmp_path), "run"):
        make_noise()
    (log,) = (tmp_path / "logs").glob("run-*.log")
    assert "from a C library" in log.read_text() and "from a logger" in log.read_text()
    assert capfd.readouterr().err == "from a command\n"


def test_without_a_local_root_noise_is_discarded(capfd):
    for root in (None, "gs://bucket/fewshot"):
        with quietly(root, "run"):
            make_noise()
        assert capfd.readouterr().err == "from a command\n"


class NodeError(ValueError):
    """Has the attribute of the runner's error."""

    node = "MetaTrainer"


@pytest.mark.parametrize("error", [NodeError("too few"), RuntimeError("nobody foresaw it")])
def test_the_log_has_the_traceback_and_the_error_says_where(tmp_path, error):
    with pytest.raises(type(error)) as raised, quietly(str(tmp_path), "run") as log:
        raise error from OSError("the cause")
    told = Path(log).read_text()
    assert "Traceback" in told and "OSError: the cause" in told and str(error) in told
    assert raised.value.__notes__ == [f"the traceback is in {log}"]


def test_a_mistake_of_the_user_needs_no_traceback(tmp_path):
    with pytest.raises(ValueError, match="no such setting") as raised, quietly(str(tmp_path), "run"):
        raise ValueError("no such setting")
    assert not hasattr(raised.value, "__notes__")


def test_names_of_any_bytes_can_be_printed(tmp_path, capfd):
    with quietly(str(tmp_path), "run"):
        print("caf\udce9.png", file=sys.stderr)
    assert capfd.readouterr().err == "caf\\udce9.png\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_costs_the_log_and_nothing_else(capfd):
    with noise_to("/dev/full"):
        logging.info("from a logger")
        print("from a command", file=sys.stderr)
    with pytest.raises(RuntimeError, match="the roof is on fire"), noise_to("/dev/full"):
        raise RuntimeError("the roof is on fire")
    assert capfd.readouterr().err == "from a command\n"
