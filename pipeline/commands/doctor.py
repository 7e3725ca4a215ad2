"""`fewshot doctor`: what this machine has, what a run needs, and what to do where the two differ."""

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

PACKAGE = "fewshot-tfx"
MEMORY_GB = 4  # TFX and TensorFlow take 1.5 when imported; the rest is for images and a training step
DISK_GB = 5  # artifacts of a set of 30,000 images and a few runs
CORES = 2
GIGABYTE = 10**9

# In one process, TFDV after TFX: the lock file pairs TFDV with a newer tfx-bsl, and TFX closes the gap when imported.
IMPORTS = "import tensorflow, tfx.components, tensorflow_data_validation, ml_metadata, apache_beam; "
DEVICES = "print('|'.join(d.name for d in tensorflow.config.list_physical_devices('GPU')))"


class Check(NamedTuple):
    """One thing looked at; `advice` is empty where there is nothing to do."""

    name: str
    ok: bool
    found: str
    advice: str


def check(root: str) -> list[Check]:
    """Looks at everything; takes some seconds, for TFX is imported to see whether it can be.

    Args:
      root: where runs are to be kept.
    """
    return [python(), packages(), *imports(), memory(), disk(root), cores(), writable(root)]


def show(checks: list[Check]) -> None:
    """A line a check, and the advice."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for one in checks:
        table.add_row("ok" if one.ok else "[bold]no[/bold]", one.name, f"{one.found}. {one.advice}".rstrip(". ") + ".")
    Console().print(table)


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """TFX with Kubeflow and an ML Metadata that runs everywhere exist for 3.11 only."""
    found = ".".join(str(part) for part in version)
    return _check("python", version[:2] == (3, 11), found, "Install Python 3.11, then run `make setup`")


def packages(package: str = PACKAGE) -> Check:
    """Every direct dependency at a version that is asked for."""
    try:
        asked = [Requirement(line) for line in importlib.metadata.requires(package) or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", False, f"{package} is not installed", "Run `make setup`.")
    asked = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [found for one in asked if (found := _misfit(one))]
    found = "; ".join(wrong) or f"all {len(asked)} direct dependencies fit"
    return _check("packages", not wrong, found, "Run `make setup`")


def imports(program: str = IMPORTS + DEVICES) -> list[Check]:
    """Whether TFX and its neighbours can be imported, and the GPUs that TensorFlow then sees."""
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
            True,  # good to have, not needed
            f"TensorFlow sees {devices[0].replace('|', ', ')}" if devices else "TensorFlow sees none, the CPU is used",
            "There is one: `uv sync --inexact --extra gpu` installs what TensorFlow needs for it." if unused else "",
        ),
    ]


def memory() -> Check:
    """Memory that is free now, within the limit of a container."""
    free = available_memory() / GIGABYTE
    advice = "Close other programs, or lower train_episodes.way and training.meta_batch"
    return _check("memory", free >= MEMORY_GB, f"{free:.1f} GB free of {MEMORY_GB} wanted", advice)


def available_memory(proc: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that a new process may take."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if proc.exists():
        fields = dict(line.split(":", 1) for line in proc.read_text().splitlines() if ":" in line)
        free = int(fields["MemAvailable"].split()[0]) * 1024
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        free = min(free, int(text) - int(used.read_text()))
    return free


def disk(root: str) -> Check:
    """Space where runs are kept."""
    if "://" in root:
        return Check("disk", True, f"{root} is not on this machine", "")
    free = shutil.disk_usage(nearest(root)).free / GIGABYTE
    advice = f"Make room, or choose another --root than {root}"
    return _check("disk", free >= DISK_GB, f"{free:.1f} GB free of {DISK_GB} wanted", advice)


def cores() -> Check:
    """Processors that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check(
        "cores", True, str(count), "" if count >= CORES else "It works, and takes twice as long as documented."
    )


def writable(root: str) -> Check:
    """Whether a run could write; nothing stays behind."""
    if "://" in root:
        return Check("root", True, f"{root} is not on this machine", "")
    place = nearest(root)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Check("root", False, f"{place} cannot be written ({error.strerror})", "Choose another --root.")
    return Check("root", True, f"{os.path.abspath(root)} can be written", "")


def nearest(path: str) -> Path:
    """The nearest existing directory around `path`."""
    here = Path(path).absolute()
    return next(place for place in (here, *here.parents) if place.is_dir())


def _check(name: str, ok: bool, found: str, advice: str) -> Check:
    return Check(name, ok, found, "" if ok else f"{advice}.")


def _misfit(asked: Requirement) -> str:
    try:
        version = importlib.metadata.version(asked.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{asked.name} is missing, expected {asked.specifier}"
    fits = asked.specifier.contains(version, prereleases=True)
    return "" if fits else f"{asked.name} is {version}, expected {asked.specifier}"
