"""A stricter world than production: no GPU, two threads, a home of its own, deterministic kernels."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_HOME = tempfile.mkdtemp(prefix="fewshot-tests-")
os.environ |= {  # before TensorFlow, matplotlib or TFX are imported; child processes inherit it
    "CUDA_VISIBLE_DEVICES": "-1",
    "GRPC_VERBOSITY": "ERROR",
    "HOME": _HOME,
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.path.join(_HOME, "keras"),
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": os.path.join(_HOME, "matplotlib"),
    "OMP_NUM_THREADS": "2",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_NUM_INTEROP_THREADS": "2",
    "TF_NUM_INTRAOP_THREADS": "2",
    "XDG_CONFIG_HOME": os.path.join(_HOME, "config"),
}

import pytest  # noqa: E402
from absl import flags  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("any machine", deadline=None)  # a test that takes long says how busy the machine is
settings.load_profile("any machine")
flags.FLAGS.mark_as_parsed()  # TFX and TFDV read flags that only their own main programs parse
del sys.argv[1:]  # and would take pytest's `-v` for one of theirs


@pytest.fixture(scope="session", autouse=True)
def _home() -> Iterator[Path]:
    """The home directory of this test run, removed at its end."""
    yield Path(_HOME)
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Any]:
    """A database server of this test run (`tests.mariadb.MariaDB`)."""
    from tests.mariadb import missing, serving

    if reason := missing():
        pytest.skip(reason)
    with serving() as server:
        yield server


@pytest.fixture
def team(mariadb: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new database; its password is set."""
    from pipeline.history.address import PASSWORD as VARIABLE
    from tests.mariadb import PASSWORD

    monkeypatch.setenv(VARIABLE, PASSWORD)
    return str(mariadb.database())


class Result(NamedTuple):
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def fewshot(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process, down to the file descriptors; TensorFlow is imported once for all."""
    from pipeline.cli import app

    def run(*words: str) -> Result:
        capfd.readouterr()
        code = 0
        try:
            app(list(words))
        except SystemExit as end:
            code = int(end.code or 0)
        return Result(code, *capfd.readouterr())

    return run
