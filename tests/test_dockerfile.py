"""The container image, without Docker: what its file says, and its steps in a fresh folder."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[1]


class Step(NamedTuple):
    """An instruction and its words; `stage` counts the images."""

    stage: int
    instruction: str
    words: str


def steps() -> list[Step]:
    found, stage = [], -1
    text = re.sub(r"\\\n", " ", (REPOSITORY / "Dockerfile").read_text())
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            instruction, _, words = line.partition(" ")
            stage += instruction == "FROM"
            found.append(Step(stage, instruction, words))
    return found


def of(instruction: str, stage: int) -> list[str]:
    return [step.words for step in steps() if (step.stage, step.instruction) == (stage, instruction)]


def test_it_is_slim_and_built_in_stages():
    bases = [step.words for step in steps() if step.instruction == "FROM"]
    assert bases == ["python:3.11-slim AS build", "python:3.11-slim"]
    assert of("COPY", 1) == ["--from=build /opt/fewshot /opt/fewshot"]  # nothing of what it was built with


def test_it_does_not_run_as_root():
    (user,) = of("USER", 1)
    assert user.isdigit() and int(user) > 0
    assert [step.instruction for step in steps()][-1] == "CMD"


def test_it_installs_what_is_locked():
    installs = [words for words in of("RUN", 0) if "sync" in words]
    assert len(installs) == 2 and all("--frozen" in words and "--no-dev" in words for words in installs)
    assert "gpu" in tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_everything_it_copies_is_here_and_is_sent():
    sent = {
        line.removeprefix("!") for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for words in of("COPY", 0):
        *sources, _ = words.split()
        assert set(sources) <= sent and all((REPOSITORY / source).exists() for source in sources)


def uv() -> str | None:
    found = sorted(REPOSITORY.glob(".uv/**/bin/uv"))
    return shutil.which("uv") or (str(found[0]) if found else None)


@pytest.mark.skipif(uv() is None, reason="there is no uv")
def test_its_steps_in_a_fresh_folder(tmp_path):
    """Those of the first image but the installation of uv, and the check of the second."""
    here = {"/source": tmp_path / "source", "/opt/fewshot": tmp_path / "installed", "/home/fewshot": tmp_path / "home"}
    here["/tmp/runs"] = tmp_path / "runs"
    for folder in here.values():
        folder.mkdir()
    environment = {**os.environ, "PATH": f"{Path(str(uv())).parent}:{os.environ['PATH']}", "EXTRAS": ""}
    for name in ("VIRTUAL_ENV", "PYTHONPATH"):
        environment.pop(name, None)

    def run(words: str, folder: Path) -> None:
        done = subprocess.run(words, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"

    def mapped(words: str) -> str:
        for there, folder in here.items():
            words = words.replace(there, str(folder))
        return words

    for step in steps():
        folder = here["/source" if step.stage == 0 else "/home/fewshot"]
        if step.instruction == "ENV":
            for one in shlex.split(mapped(step.words)):
                name, _, value = one.partition("=")
                environment[name] = value.replace("$PATH", environment["PATH"])
            environment["UV_COMPILE_BYTECODE"] = "0"  # which saves a container's start and takes minutes
        elif step.instruction == "COPY" and step.stage == 0:
            *sources, target = step.words.split()
            for source in sources:
                copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copy
                copy(REPOSITORY / source, folder / (target if target != "./" else source))
        elif step.instruction == "RUN" and not step.words.startswith(("python -m pip", "useradd")):
            run(mapped(step.words), folder)
    where = subprocess.run(
        [here["/opt/fewshot"] / "bin" / "python", "-c", "import pipeline; print(pipeline.__file__)"],
        cwd=here["/home/fewshot"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.startswith(str(here["/opt/fewshot"])), where
