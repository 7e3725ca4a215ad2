"""A platform that runs compiled pipelines on this machine: it does with the file what Vertex AI and Kubeflow Pipelines do.

Of a pipeline it knows only the file. Each task is its own process, started by the command and the arguments that the file names;
artifacts and values go from one to the next by protocol buffers. What it remembers between jobs is a JSON file.

A process begins as a copy of one that has imported TensorFlow and TFX and done nothing else: importing them takes longer than
most tasks.
"""

import hashlib
import json
import multiprocessing
import os
import re
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import yaml

RESULT = "executor_output.json"
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["keras", "tfx.components.evaluator.executor", "tfx.orchestration.portable.outputs_utils"]
)
Value = str | int | float


class Outputs(NamedTuple):
    """What a task left: its artifacts by the name of the output, and its values."""

    artifacts: dict[str, dict[str, Any]]
    values: dict[str, Value]


class Job(NamedTuple):
    """What became of a job: the outputs of each task, and the tasks that ran and did not come from the cache."""

    outputs: dict[str, Outputs]
    ran: list[str]


class Platform:
    """Runs compiled pipelines.

    Args:
      directory: of what it remembers, and the place where tasks start.
      environment: of the tasks, over that of this process.
      read: reads the text at a path, which may be in a bucket.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        read: Callable[[str], str] = lambda path: Path(path).read_text(),
    ) -> None:
        self.directory, self.environment, self.read = directory, environment or {}, read
        directory.mkdir(parents=True, exist_ok=True)
        self._memory = directory / "cache.json"

    def run(self, compiled: Path, name: str) -> Job:
        """Runs a job under a name of its own.

        Raises:
          RuntimeError: a task failed; the message ends with what it printed.
        """
        spec, root = _read(compiled)
        memory = json.loads(self._memory.read_text()) if self._memory.exists() else {}
        job = Job({}, [])
        for task in _in_order(spec["root"]["dag"]["tasks"]):
            place = f"{root}/{name}/{task}"
            component = spec["components"][spec["root"]["dag"]["tasks"][task]["componentRef"]["name"]]
            container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
            if (given := _inputs(spec["root"]["dag"]["tasks"][task], job.outputs)) is None:
                continue
            key = _key(component, container, given)
            cached = spec["root"]["dag"]["tasks"][task].get("cachingOptions", {}).get("enableCache")
            if cached and key in memory:
                job.outputs[task] = Outputs(*memory[key])
                continue
            job.outputs[task] = self._execute(container, component, given, place)
            job.ran.append(task)
            memory[key] = job.outputs[task]
            self._memory.write_text(json.dumps(memory))  # a job that fails later begins here again
        return job

    def _execute(self, container: dict[str, Any], component: dict[str, Any], given: Outputs, place: str) -> Outputs:
        asked = _executor_input(component, given, place)
        words = [word.replace("{{$}}", json.dumps(asked)) for word in [*container["command"], *container["args"]]]
        assert words[:2] == ["python", "-m"]
        log = self.directory / "task.log"
        task = FORKED.Process(target=_run_module, args=(words[2], words[3:], self.directory, self.environment, log))
        task.start()
        task.join()
        if task.exitcode:
            raise RuntimeError(f"{place}: {log.read_text()[-3000:]}")
        left = json.loads(self.read(asked["outputs"]["outputFile"]))
        found = {}
        for key, artifacts in asked["outputs"]["artifacts"].items():
            (artifact,), (told,) = artifacts["artifacts"], left.get("artifacts", {}).get(key, {}).get("artifacts", [{}])
            found[key] = artifact | {field: told[field] for field in ("name", "uri", "metadata") if field in told}
        return Outputs(found, left.get("parameterValues", {}))


def _run_module(module: str, words: list[str], directory: Path, environment: Mapping[str, str], log: Path) -> None:
    """What `python -m MODULE WORDS` does."""
    with open(log, "w") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    os.chdir(directory)
    os.environ |= environment
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _read(compiled: Path) -> tuple[dict[str, Any], str]:
    """The specification of the pipeline, and the directory that it writes to."""
    job = yaml.safe_load(compiled.read_text())
    if "pipelineSpec" in job:
        return job["pipelineSpec"], job["runtimeConfig"]["gcsOutputDirectory"]
    assert "resolver" not in json.dumps(job["deploymentSpec"]), (
        "resolver not implemented yet"
    )  # says Kubeflow's compiler
    return job, job["defaultPipelineRoot"]


def _in_order(tasks: dict[str, Any]) -> Iterator[str]:
    for task in tasks.values():
        assert set(task.get("dependentTasks", ())) <= set(tasks)
    return TopologicalSorter({name: task.get("dependentTasks", ()) for name, task in tasks.items()}).static_order()


def _inputs(task: dict[str, Any], done: Mapping[str, Outputs]) -> Outputs | None:
    """What a task gets; None if it is skipped, by its condition or because one before it was.

    A producer that there is not, or that it does not wait for, is an error, as there.
    """
    found = Outputs({}, {})
    before = set(task.get("dependentTasks", ()))
    if not before <= set(done):
        return None
    for key, given in task.get("inputs", {}).get("artifacts", {}).items():
        source = given["taskOutputArtifact"]
        assert source["producerTask"] in before
        found.artifacts[key] = done[source["producerTask"]].artifacts[source["outputArtifactKey"]]
    for key, given in task.get("inputs", {}).get("parameters", {}).items():
        if source := given.get("taskOutputParameter"):
            assert source["producerTask"] in before
            found.values[key] = done[source["producerTask"]].values[source["outputParameterKey"]]
        else:
            constant = given["runtimeValue"]
            ((kind, value),) = constant.get("constantValue", constant).items()
            found.values[key] = int(value) if kind == "intValue" else value  # JSON has such numbers as text
    return found if _holds(task.get("triggerPolicy", {}).get("condition", ""), found) else None


def _holds(condition: str, given: Outputs) -> bool:
    """Whether a condition holds; of the language that conditions are in it knows what this project writes."""
    if not condition:
        return True
    form = r"\(inputs\.artifacts\['(.+)'\]\.artifacts\[0\]\.metadata\['(.+)'\] == (.+)\)"
    match = re.fullmatch(form, condition)
    assert match, condition
    return float(given.artifacts[match[1]]["metadata"][match[2]]) == float(match[3])


def _key(component: dict[str, Any], container: dict[str, Any], given: Outputs) -> str:
    """What the cache of the platform goes by: the interface, the command, the values, and the names of the artifacts."""
    names = {key: artifact["name"] for key, artifact in given.artifacts.items()}
    command = {key: container[key] for key in ("image", "command", "args") if key in container}
    return hashlib.sha256(json.dumps([component, command, given.values, names], sort_keys=True).encode()).hexdigest()


def _executor_input(component: dict[str, Any], given: Outputs, place: str) -> dict[str, Any]:
    """The `ExecutorInput` of a task whose outputs go below `place`."""
    declared = component.get("outputDefinitions", {})
    outputs = {
        key: {"artifacts": [{"name": f"{place}/{key}", "uri": f"{place}/{key}", "type": one["artifactType"]}]}
        for key, one in declared.get("artifacts", {}).items()
    }
    values = {key: {"outputFile": f"{place}/{key}.value"} for key in declared.get("parameters", {})}
    legacy = any("type" in one for one in component.get("inputDefinitions", {}).get("parameters", {}).values())
    inputs: dict[str, Any] = {"artifacts": {key: {"artifacts": [one]} for key, one in given.artifacts.items()}}
    if legacy:
        inputs["parameters"] = {key: {_kind(value): value} for key, value in given.values.items()}
    else:
        inputs["parameterValues"] = given.values
    return {
        "inputs": inputs,
        "outputs": {"artifacts": outputs, "parameters": values, "outputFile": f"{place}/{RESULT}"},
    }


def _kind(value: Value) -> str:
    return "stringValue" if isinstance(value, str) else "doubleValue" if isinstance(value, float) else "intValue"
