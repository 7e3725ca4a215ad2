"""The history of a root in a bucket, as far as its files tell it.

ML Metadata of such runs belongs to the platform that made them. What lies in the bucket is `serving/<name>/<version>/` with a
manifest in each version, which names the data, the settings, the models before it, the figures, and the artifacts that it was
made from. The paths of these name the run.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from data.sources.bucket import GOOGLE, blobs_below, read_blob
from pipeline.history.address import is_address
from pipeline.history.database import tell
from pipeline.history.values import Artifact, Execution, History, Links, Value

ONLY = (
    "a bucket tells of runs what their pushed models say: runs that pushed nothing, what failed, what came from the cache "
    "and how long it took is known to the platform alone"
)

_VERSION = re.compile(r"(?P<name>[^/]+)/(?:\.rolled-back/)?(?P<version>0|[1-9][0-9]*)/saved_model\.pb")
_MANIFEST = "assets.extra/fewshot.json"
_EVALUATOR = "fewshotevaluator"  # how the name of its task begins on any platform, in small letters


class Node(NamedTuple):
    """A node that a manifest tells of: its outputs, by the key of the output the key in the lineage; its inputs likewise."""

    name: str
    outputs: Mapping[str, str]
    inputs: Mapping[str, str]


# In the order in which they run. The Pusher's output is the version itself.
NODES = (
    Node("Transform", {"transform_graph": "transform_graph"}, {}),
    Node("EpisodeGenerator", {"episodes": "episodes"}, {"transform_graph": "transform_graph"}),
    Node("MetaTrainer", {"model": "model"}, {"episodes": "episodes", "transform_graph": "transform_graph"}),
    Node(
        "FewShotEvaluator",
        {"blessing": "model_blessing", "evaluation": "evaluation"},
        {"episodes": "episodes", "model": "model"},
    ),
    Node(
        "Pusher",
        {"pushed_model": ""},
        {"evaluation": "evaluation", "model": "model", "model_blessing": "model_blessing"},
    ),
)
TYPES = {
    "transform_graph": "TransformGraph",
    "episodes": "Episodes",
    "model": "Model",
    "model_blessing": "ModelBlessing",
    "evaluation": "ModelEvaluation",
    "": "PushedModel",
}


class Version(NamedTuple):
    """A pushed model: where it is, what its manifest says ({} for a model of another tool), and when that was written."""

    name: str
    path: str
    number: int
    manifest: dict[str, Any]
    written: int  # milliseconds since 1970

    def places(self) -> dict[str, str]:
        """The paths of the artifacts that it was made from, by their keys in the lineage, and its own."""
        told = self.manifest.get("lineage", {})
        paths = {key: told[key].get("uri") for key in TYPES if isinstance(told.get(key), dict)}
        return {key: str(path) for key, path in paths.items() if path} | {"": self.path}

    def run(self) -> str:
        """The platform's name of the run; the number of the version if it cannot be told."""
        path = self.places().get("evaluation", "")
        parts = path.split("/")
        tasks = [i for i, part in enumerate(parts) if re.sub(r"\W|_", "", part).lower().startswith(_EVALUATOR)]
        return parts[tasks[0] - 1] if tasks and "://" in path else str(self.number)

    def settings(self) -> dict[str, dict[str, Value]]:
        """What the manifest says of the settings of its nodes."""
        told = self.manifest
        trainer = (
            "learner",
            "learner_settings",
            "base_model",
            "base_model_settings",
            "trainable",
            "image",
            "seed",
            "steps",
        )
        lineage, metrics = told.get("lineage", {}), told.get("metrics", {})
        trained = {key: told[key] for key in (*trainer, "versions") if key in told}
        return {
            "EpisodeGenerator": {"settings": told.get("data", {}) | {"episodes": told.get("episodes")}},
            "MetaTrainer": {"settings": trained | {"warm_start": lineage.get("warm_start_from")}},
            "FewShotEvaluator": {"settings": {"served": metrics.get("served", [])}},
            "Pusher": {"settings": {"run": lineage.get("run")}},
        }


def is_remote(root: str) -> bool:
    """Returns whether a root is neither on this machine nor a database."""
    return "://" in root and not is_address(root)


def pushed_history(root: str) -> History:
    """Returns what the pushed models of a root in a bucket tell of the runs that made them, and says that it is not all.

    It takes a request for a thousand objects of the push destinations, and one for each version.

    Raises:
      ValueError: there is no pushed model, or the bucket cannot be read.
    """
    found = versions_in(root)
    tell(ONLY)
    return history_of(found)


def versions_in(root: str) -> list[Version]:
    """Returns all versions of all push destinations below a root, rolled back ones too, the oldest first."""
    if not root.startswith(GOOGLE):
        raise ValueError(f"--root {root}: expected a directory, a folder of a bucket (gs://...) or mysql://...")
    serving = f"{root.rstrip('/')}/serving"
    blobs, found = blobs_below(serving), []
    for name, blob in blobs.items():
        if told := _VERSION.fullmatch(name):
            directory = name.rpartition("/")[0]
            manifest = blobs.get(f"{directory}/{_MANIFEST}")
            content = _parsed(read_blob(manifest)) if manifest is not None else {}
            written = round((manifest or blob).updated.timestamp() * 1000)
            found.append(Version(told["name"], f"{serving}/{directory}", int(told["version"]), content, written))
    if not found:
        raise ValueError(
            f"--root {root}: no pushed model in {serving}; expected the --root of a pipeline that pushed one"
        )
    return sorted(found, key=lambda version: (version.number, version.path))


def history_of(found: Iterable[Version]) -> History:
    """Returns the history that versions tell of, the oldest first. Who takes an artifact that was there has it from the cache."""
    executions: dict[int, Execution] = {}
    artifacts: dict[int, Artifact] = {}
    ids: dict[str, int] = {}
    for version in found:
        places, settings = version.places(), version.settings()
        for node in NODES:
            outputs = {key: places[told] for key, told in node.outputs.items() if told in places}
            if not outputs:
                continue
            new = {key: path for key, path in outputs.items() if path not in ids}
            for key, path in new.items():
                ids[path] = len(ids) + 1
                kind = node.outputs[key]
                artifacts[ids[path]] = Artifact(ids[path], TYPES[kind], path, _properties(kind, version))
            inputs: Links = {key: [ids[places[told]]] for key, told in node.inputs.items() if places.get(told) in ids}
            number = len(executions) + 1
            executions[number] = Execution(
                id=number,
                node=node.name,
                run_id=version.run(),
                pipeline=version.name,
                state="complete" if new else "cached",
                began=None,
                ended=version.written,
                settings=settings.get(node.name, {}),
                inputs=inputs,
                outputs={key: [ids[path]] for key, path in outputs.items()},
            )
    return History(executions, artifacts, {})


def _properties(kind: str, version: Version) -> dict[str, Value]:
    if kind == "evaluation":
        return {"metrics": version.manifest.get("metrics", {})}
    return {"pushed_destination": version.path} if kind == "" else {}


def _parsed(content: bytes) -> dict[str, Any]:
    """What a manifest says; {} if it is none, as of a model that another tool has pushed."""
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(told, dict) or told.get("format") != 1:
        return {}
    return told if all(isinstance(told.get(key, {}), dict) for key in ("data", "lineage", "metrics")) else {}
