"""Executor of the FewShotEvaluator: it connects artifacts with the work in the modules beside it."""

import json
import os
from typing import Any, cast

import apache_beam as beam
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.few_shot_evaluator.baselines import BASELINES
from components.few_shot_evaluator.evaluate import (
    BEST,
    MODEL,
    PRODUCTION,
    check_complete,
    choose_episodes,
    draw_episode,
    independence_of,
    read_results,
    verdict,
)
from components.few_shot_evaluator.judged import Judged
from components.few_shot_evaluator.judging import JudgeEpisodes, forget, image_store, served_model
from components.few_shot_evaluator.metrics_json import Metrics, Rival
from components.few_shot_evaluator.report import render
from components.few_shot_evaluator.report_inputs import ReportInputs
from components.few_shot_evaluator.rivals import earlier_models, served_versions
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot import integrity
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.evaluation.checks import label_spread, latency
from components.fewshot.evaluation.judging import encode_episode
from components.fewshot.evaluation.metrics import EpisodeResult, summarise, to_json
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import SERVED_AGAIN

FEW = 10  # episodes on which latency and label spread are measured
FACTS = ("learner", "base_model", "batch_norm", "inductive")


class Executor(tfx_evaluator.Executor):  # Vertex AI recognises the origin of a blessing by this base class
    """Evaluates models on frozen episodes and writes metrics, a report and a blessing."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates every model on the same episodes, writes metrics and report, and blesses the candidate or does not.

        Raises:
          Damaged: an input or an earlier model has other bytes than were written.
          Incomplete: an episode or a result is missing.
        """
        integrity.verify(*integrity.places(input_dict))
        episodes = artifact_utils.get_single_instance(input_dict["episodes"])
        split = artifact_utils.get_split_uri([episodes], "test")
        spec = EpisodeSpec.model_validate_json(episodes.get_string_custom_property("spec_test"))
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        store = image_store(os.path.join(split, "store"))
        candidate, models = models_of(input_dict)
        served = served_versions(exec_properties["destination"], exec_properties["served"])
        integrity.verify(*served, mend=SERVED_AGAIN)
        earlier = earlier_models(served, Manifest.read(models[MODEL]), spec, store.index.names)
        models |= earlier.models
        also = json.loads(episodes.get_string_custom_property("also"))
        frozen = read_frozen(split, count=episodes.get_int_custom_property("test_episodes"))
        counts = {"episodes": len(frozen)} | {f"also-{i}": one["episodes"] for i, one in enumerate(also)}
        judged = Judged(exec_properties.get("judged", ""), store.fingerprint, exec_properties["code_fingerprint"])
        results = self._judge(split, evaluation.uri, models, counts, judged)

        model = served_model(models[MODEL])
        gate = GateSettings.model_validate_json(exec_properties["gate"])
        independence, warm = independence_of(model, store, frozen), model.manifest.lineage.get("warm_start_from")
        decision = verdict(results["episodes"], gate, independence, earlier.unfit, cast(str | None, warm))
        rivals = {**decision["baselines"], PRODUCTION: decision["production"], BEST: decision["best"]}
        for name, rival in rivals.items():
            if rival is None:
                continue
            if name in models:
                rival.update(cast(Rival, Manifest.read(models[name]).model_dump(include=set(FACTS))))
            if name in earlier.models:
                rival["version"] = os.path.basename(earlier.models[name])
        first = [encode_episode(store, episode) for episode in frozen[:FEW]]
        times = latency(model, first)
        further = {
            "also": [
                {**one["spec"], "name": one["name"], **summarise(results[f"also-{i}"][MODEL])}
                for i, one in enumerate(also)
            ],
            "label_spread": label_spread(model, first) if model.manifest.fixed_way else None,
        }
        facts = facts_of(episodes, spec, model.manifest) | {"served": served}
        metrics = cast(Metrics, {**decision, **facts, **further})
        by_number = {episode.index: episode for episode in frozen}
        drawn = [draw_episode(model, store, by_number[i]) for i in choose_episodes(results["episodes"][MODEL])]
        inputs = ReportInputs(
            metrics=metrics,
            latency=times,
            history=read_json(input_dict.get("model_run"), "history.json"),
            configuration=json.loads(exec_properties["configuration"]),
            data_summary=read_json(input_dict.get("examples"), "summary.json"),
            rejected=read_json(input_dict.get("examples"), "rejected.json"),
            lineage=lineage_of(input_dict, model.manifest),
            episodes=drawn,
            duplicates=read_json(input_dict.get("examples"), "duplicates.json"),
            classes=read_json(input_dict.get("episodes"), "classes.json"),
        )
        write(evaluation.uri, "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False))
        write(evaluation.uri, "latency.json", json.dumps(times, indent=2))
        write(evaluation.uri, "report.html", render(inputs))
        bless(artifact_utils.get_single_instance(output_dict["blessing"]), metrics["blessed"], candidate, models)
        integrity.seal(*integrity.places(output_dict))
        forget()

    def _judge(
        self, split: str, output: str, models: dict[str, str], counts: dict[str, int], before: Judged
    ) -> dict[str, dict[str, list[EpisodeResult]]]:
        """Returns the results by set of episodes, then by model; it also leaves them as lines of text beside the metrics.

        `counts` says how many episodes each set has. On the first all models are evaluated, on the others only the candidate.
        What was judged `before` is not judged again.
        """
        sets = {name: models if name == "episodes" else {MODEL: models[MODEL]} for name in counts}
        patterns = {name: os.path.join(split, f"{name}-*.tfrecord") for name in sets}
        places = {(name, one): before.place(models[one], patterns[name]) for name, them in sets.items() for one in them}
        known = {key: lines for key, place in places.items() if (lines := before.read(place)) is not None}
        for name, them in sets.items():
            lines = [f"{one}\t{line}" for one in them for line in known.get((name, one), ())]
            if lines:
                write(output, f"results-{name}-judged-before", "\n".join(lines))
        new = {
            name: {one: path for one, path in them.items() if (name, one) not in known} for name, them in sets.items()
        }
        if any(new.values()):
            self._judge_new(
                patterns, os.path.join(split, "store"), output, {name: them for name, them in new.items() if them}
            )
        results = {name: read_results(_lines(os.path.join(output, f"results-{name}-*"))) for name in sets}
        for name, them in sets.items():
            check_complete(results[name], them, counts[name])
            for one in new[name]:
                before.keep(places[name, one], [to_json(result) for result in results[name][one]])
        return results

    def _judge_new(self, patterns: dict[str, str], store: str, output: str, sets: dict[str, dict[str, str]]) -> None:
        """Judges models on sets of episodes in a Beam pipeline, and writes the results as lines of text.

        Args:
          patterns: of the files of each set of episodes.
          store: directory of the image store.
          output: directory of the results.
          sets: for each set the directories of the models that are judged on it.
        """
        with self._make_beam_pipeline() as pipeline:
            for name, models in sets.items():
                _ = (
                    pipeline
                    | f"Read[{name}]" >> beam.io.ReadFromTFRecord(patterns[name])
                    | f"Judge[{name}]" >> JudgeEpisodes(models, store)
                    | f"Lines[{name}]" >> beam.MapTuple(lambda model, result: f"{model}\t{result}")
                    | f"Write[{name}]" >> beam.io.WriteToText(os.path.join(output, f"results-{name}"), num_shards=1)
                )


def models_of(inputs: dict[str, list[types.Artifact]]) -> tuple[types.Artifact, dict[str, str]]:
    """Returns the candidate, and the directories of the SavedModels of candidate and baselines by name."""
    found = {name: artifacts[0] for name in (MODEL, *BASELINES) if (artifacts := inputs.get(name))}
    return found[MODEL], {name: path_utils.serving_model_path(model.uri) for name, model in found.items()}


def facts_of(episodes: types.Artifact, spec: EpisodeSpec, manifest: Manifest) -> dict[str, object]:
    """Returns the facts about the model and the episodes that metrics.json names."""
    return {
        **spec.model_dump(include={"way", "shot", "query"}),
        **manifest.model_dump(include=set(FACTS)),
        "seed": episodes.get_int_custom_property("seed"),
        "episodes_hash": episodes.get_string_custom_property("hash_test"),
    }


def read_json(artifacts: list[types.Artifact] | None, name: str) -> Any:
    """Returns the content of a JSON file in the first artifact, or None if there is no artifact or no such file."""
    path = os.path.join(artifacts[0].uri, name) if artifacts else ""
    if not path or not fileio.exists(path):
        return None
    with fileio.open(path) as file:
        return json.load(file)


def lineage_of(inputs: dict[str, list[types.Artifact]], manifest: Manifest) -> dict[str, object]:
    """Returns the ids and paths of all inputs, the fingerprints of the data and the versions of the packages."""
    artifacts = {key: {"id": a[0].id, "uri": a[0].uri} for key, a in sorted(inputs.items()) if a}
    return {"artifacts": artifacts, "data": manifest.data, "versions": manifest.versions}


def bless(blessing: types.Artifact, blessed: bool, model: types.Artifact, models: dict[str, str]) -> None:
    """Marks the blessing in the way that TFX's Pusher and resolver expect."""
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if PRODUCTION in models:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, models[PRODUCTION])
    write(blessing.uri, constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME, "")
    value = constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)


def write(directory: str, name: str, content: str) -> None:
    """Writes a text file on any file system."""
    io_utils.write_string_file(os.path.join(directory, name), content)


def _lines(pattern: str) -> list[str]:
    lines = []
    for path in sorted(fileio.glob(pattern)):
        with fileio.open(path) as file:
            lines += [line.rstrip("\n") for line in file if line.strip()]
    return lines
