"""A history as plain values, wherever it was read from."""

from typing import NamedTuple, TypeAlias

from pipeline.history.failures import Failure

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"  # as JSON has it
Links = dict[str, list[int]]  # from the key of an input or output to the ids of its artifacts


class Artifact(NamedTuple):
    """An output of a node."""

    id: int
    type: str
    uri: str
    properties: dict[str, Value]
    live: bool = True  # whether its files are there, as far as ML Metadata knows

    @property
    def pushed_to(self) -> str | None:
        """The directory that this model was pushed to, or None."""
        directory = self.properties.get("pushed_destination")
        return directory if isinstance(directory, str) and directory else None


class Execution(NamedTuple):
    """One node in one run. Times are in milliseconds since 1970; `began` is None where only the end is known."""

    id: int
    node: str
    run_id: str
    pipeline: str
    state: str  # complete, cached, failed, running, canceled
    began: int | None
    ended: int
    settings: dict[str, Value]
    inputs: Links
    outputs: Links


class History(NamedTuple):
    """All executions and artifacts, by id, and why runs failed."""

    executions: dict[int, Execution]
    artifacts: dict[int, Artifact]
    failures: dict[str, Failure]  # by the id of the run

    @property
    def runs(self) -> list[str]:
        """The ids of all runs, in the order in which they began."""
        return [*dict.fromkeys(execution.run_id for _, execution in sorted(self.executions.items()))]

    def maker(self, artifact: int) -> Execution | None:
        """Returns the execution that made an artifact. Later executions with it among their outputs took it from the cache."""
        makers = [e for e in self.executions.values() if any(artifact in ids for ids in e.outputs.values())]
        return min(makers, key=lambda execution: execution.id, default=None)

    def started_from(self, execution: Execution) -> list[int]:
        """Returns the id of the model that a training started from: a pushed version or an exported model, by its directory."""
        settings = execution.settings.get("settings")
        directory = settings.get("warm_start") if isinstance(settings, dict) else None
        if not isinstance(directory, str):
            return []
        pushes = [a.id for a in self.artifacts.values() if a.pushed_to == directory]
        pushed = [maker.inputs.get("model", []) for i in pushes if (maker := self.maker(i))]
        exported = [a.id for a in self.artifacts.values() if a.type == "Model" and directory.startswith(f"{a.uri}/")]
        return [*pushed[0]] if pushed else exported[:1]
