import io

from pipeline.terminal.progress import NodePrinter, counter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(stream) -> str:
    printer = NodePrinter(stream)
    printer.started("StatisticsGen", 2, 14)
    printer.ended("StatisticsGen", 3.21, "executed")
    printer.started("Transform", 3, 14)
    printer.ended("Transform", 0.1, "cached")
    return stream.getvalue()


def test_one_line_per_node():
    lines = printed(io.StringIO()).splitlines()
    assert lines == [" 2/14 StatisticsGen                3.2 s", " 3/14 Transform                   cached"]


def test_a_terminal_shows_the_node_that_runs():
    assert " 2/14 StatisticsGen ...\r" in printed(Terminal())


def test_no_bar_where_no_one_looks():
    stream = io.StringIO()
    with counter(3, stream) as progress:
        progress(2)
    assert stream.getvalue() == ""
