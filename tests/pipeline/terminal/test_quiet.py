import logging
import os
import sys

from pipeline.terminal.quiet import quietly


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
