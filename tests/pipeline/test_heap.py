"""Memory of tensors is kept, by the command and in the image alike."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# Page faults while 40 MB are written again and again in memory that was freed before.
PROGRAM = """
import numpy, resource
for _ in range(3): numpy.ones(5 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): numpy.ones(5 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(program: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="another C library")
def test_freed_memory_is_used_again():
    usual = faults(PROGRAM)
    assert faults(f"from pipeline.heap import keep_freed_memory; keep_freed_memory(){PROGRAM}") < usual / 10
    image = (Path(__file__).parents[2] / "Dockerfile").read_text()
    assert faults(PROGRAM, **dict(re.findall(r"(MALLOC_\w+_)=(\d+)", image))) < usual / 10
