"""`fewshot doctor`: checks whether this machine has what a run needs, and says what to do if it has not."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from pipeline.commands.disk import nearest

PACKAGE = "fewshot-tfx"
MEMORY_GB = 4  # importing TFX and TensorFlow takes 1.5; images and a training step need the rest
DISK_GB = 5  # enough for the artifacts of a few runs on 30,000 images
CORES = 2
GIGABYTE = 10**9

# TFDV must be imported after TFX: the lock file pairs it with a newer tfx-bsl, and importing TFX makes the two fit.
IMPORTS = "import tensorflow, tfx.components, tensorflow_data_validation, ml_metadata, apache_beam; "
DEVICES = "print('|'.join(d.name for kind in ('GPU', 'TPU') for d in tensorflow.config.list_physical_devices(kind)))"


class Check(NamedTuple):
    """The result of one check. `advice` is empty if there is nothing to do."""

    name: str
    ok: bool
    found: str
    advice: str


def check(root: str) -> list[Check]:
    """Returns the results of all checks. This takes some seconds, because it imports TFX.

    Args:
      root: directory for the runs.
    """
    return [python(), packages(), *imports(), memory(), disk(root), cores(), writable(root)]


def show(checks: list[Check]) -> None:
    """Prints one line per check, with the advice."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for one in checks:
        table.add_row("ok" if one.ok else "[bold]no[/bold]", one.name, f"{one.found}. {one.advice}".rstrip(". ") + ".")
    Console().print(table)


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Checks the version of Python. TFX with Kubeflow and an ML Metadata that runs on all systems exist only for 3.11."""
    found = ".".join(str(part) for part in version)
    return _check("python", version[:2] == (3, 11), found, "Install Python 3.11, then run `make setup`")


def packages(package: str = PACKAGE) -> Check:
    """Checks that every direct dependency has a version that fits."""
    try:
        asked = [Requirement(line) for line in importlib.metadata.requires(package) or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", False, f"{package} is not installed", "Run `make setup`.")
    asked = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [found for one in asked if (found := _misfit(one))]
    found = "; ".join(wrong) or f"all {len(asked)} direct dependencies fit"
    return _check("packages", not wrong, found, "Run `make setup`")


def imports(program: str = IMPORTS + DEVICES) -> list[Check]:
    """Checks that TFX and related packages can be imported, and looks for the GPUs that TensorFlow finds."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | quiet)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return [Check("imports", False, f"TFX cannot be imported: {said}", "Remove .venv and run `make setup`.")]
    devices = [name for name in done.stdout.strip().splitlines()[-1:] if name]
    unused = shutil.which("nvidia-smi") is not None and not devices
    return [
        Check("imports", True, "tensorflow, tfx, tensorflow_data_validation, ml_metadata, apache_beam", ""),
        Check(
            "gpu",
            True,  # a GPU is not required
            f"TensorFlow finds {devices[0].replace('|', ', ')}"
            if devices
            else "TensorFlow finds none; the CPU is used",
            "To use the one here, run `uv sync --inexact --extra gpu`." if unused else "",
        ),
    ]


def memory() -> Check:
    """Checks the memory that is free now, within the limit of the container."""
    free = available_memory() / GIGABYTE
    advice = "Close other programs, or lower train_episodes.way and training.meta_batch"
    return _check("memory", free >= MEMORY_GB, f"{free:.1f} GB free, {MEMORY_GB} needed", advice)


def available_memory(proc: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Returns the number of bytes that a new process can use."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if proc.exists():
        fields = dict(line.split(":", 1) for line in proc.read_text().splitlines() if ":" in line)
        free = int(fields["MemAvailable"].split()[0]) * 1024
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        free = min(free, int(text) - int(used.read_text()))
    return free


def disk(root: str) -> Check:
    """Checks the free disk space for runs."""
    if "://" in root:
        return Check("disk", True, f"{root} is not on this machine", "")
    free = shutil.disk_usage(nearest(root)).free / GIGABYTE
    advice = f"Free some space, or choose another --root than {root}"
    return _check("disk", free >= DISK_GB, f"{free:.1f} GB free, {DISK_GB} needed", advice)


def cores() -> Check:
    """Checks the number of processors that this process can use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check(
        "cores", True, str(count), "" if count >= CORES else "Runs work, but take about twice as long as documented."
    )


def writable(root: str) -> Check:
    """Checks that a run can write its files. The check leaves nothing behind."""
    if "://" in root:
        return Check("root", True, f"{root} is not on this machine", "")
    place = nearest(root)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Check("root", False, f"{place} cannot be written ({error.strerror})", "Choose another --root.")
    return Check("root", True, f"{os.path.abspath(root)} can be written", "")


def _check(name: str, ok: bool, found: str, advice: str) -> Check:
    return Check(name, ok, found, "" if ok else f"{advice}.")


def _misfit(asked: Requirement) -> str:
    try:
        version = importlib.metadata.version(asked.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{asked.name} is missing, expected {asked.specifier}"
    fits = asked.specifier.contains(version, prereleases=True)
    return "" if fits else f"{asked.name} is {version}, expected {asked.specifier}"
