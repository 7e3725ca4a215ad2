"""Beam's portable job service and an external pool of worker processes. Flink and Spark run pipelines by the same protocol."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

# The service gives every pipeline one worker, whatever is asked for. And without the second line its buffers are flushed once a
# second by a thread whose lock the writer does not take, so that elements are lost under load.
SERVICE = """
from apache_beam.runners.portability import local_job_service_main
from apache_beam.runners.portability.fn_api_runner import fn_runner, worker_handlers
worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = 0
make = fn_runner.FnApiRunner.__init__
def with_workers(self, *given, **named):
    make(self, *given, **named)
    self._num_workers = {workers}
fn_runner.FnApiRunner.__init__ = with_workers
local_job_service_main.run(["--port_file={port}"])
"""
POOL = """
import time
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
address, server = BeamFnExternalWorkerPoolServicer.start(use_process=True, data_buffer_time_limit_ms=0)
print("pool", address, flush=True)
time.sleep(10**6)
"""


class Engine(NamedTuple):
    """A job service with its pool."""

    job_endpoint: str
    pool: str
    log: Path

    @property
    def beam(self) -> tuple[str, ...]:
        """The arguments of Beam."""
        kind = ("--environment_type=EXTERNAL", f"--environment_config={self.pool}")
        return ("--runner=PortableRunner", f"--job_endpoint={self.job_endpoint}", *kind)

    @property
    def started(self) -> int:
        """The number of worker processes that the pool has started."""
        return len(re.findall("Starting worker with command", self.log.read_text()))


@contextmanager
def portable_engine(directory: Path, workers: int) -> Iterator[Engine]:
    """A job service and a pool that starts so many worker processes for each pipeline."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the pool starts workers by the name `python`
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "GRPC_VERBOSITY": "ERROR",
    }
    port, log = directory / "port", directory / "pool.log"
    service = SERVICE.format(workers=workers, port=port)
    with open(log, "w") as told, open(directory / "service.log", "w") as also:
        pool = subprocess.Popen([sys.executable, "-c", POOL], env=environment, stdout=told, stderr=told)
        jobs = subprocess.Popen([sys.executable, "-c", service], env=environment, stdout=also, stderr=also)
        try:
            address = _waited(lambda: re.search(r"pool (\S+)", log.read_text()))
            number = _waited(lambda: re.search(r"\d+", port.read_text() if port.exists() else ""))
            yield Engine(f"localhost:{number[0]}", address[1], log)
        finally:
            for process in (jobs, pool):
                process.terminate()
                process.wait()


def _waited(look: Callable[[], re.Match[str] | None]) -> re.Match[str]:
    for _ in range(1200):
        if found := look():
            return found
        time.sleep(0.1)
    raise TimeoutError("the engine did not start")
