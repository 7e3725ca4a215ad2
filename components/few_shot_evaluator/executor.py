"""Executor of the FewShotEvaluator: it connects artifacts with the work in the modules beside it."""

import json
import os
from typing import Any

import apache_beam as beam
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.few_shot_evaluator.arrivals import NOTHING, arrivals
from components.few_shot_evaluator.baselines import BASELINES
from components.few_shot_evaluator.case import MAIN, STORE, STRANGERS, Case
from components.few_shot_evaluator.evaluate import (
    CANDIDATE,
    MODEL,
    PRODUCTION,
    check_complete,
    choose_episodes,
    read_results,
)
from components.few_shot_evaluator.figures import FACTS, Results, few_encoded, figures
from components.few_shot_evaluator.judged import Judged
from components.few_shot_evaluator.judging import EmbedImages, JudgeEpisodes, forget, image_store, served_model
from components.few_shot_evaluator.report import render
from components.few_shot_evaluator.report.kinds import PAGES
from components.few_shot_evaluator.report_inputs import ReportInputs
from components.few_shot_evaluator.rivals import earlier_models
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot import integrity
from components.fewshot.episodes.episode import EpisodeSpec, images_of
from components.fewshot.episodes.frozen import read_frozen
from components.fewshot.episodes.strangers import with_strangers
from components.fewshot.evaluation.features import FeatureStore, deal_out
from components.fewshot.evaluation.kinds import EVALUATIONS
from components.fewshot.evaluation.results import to_json
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.versions import SERVED_AGAIN, served_versions
from components.fewshot.training.history import CHOICE, HISTORY

FEATURES = "features"  # beside the results, until all episodes are judged


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
        case = read_case(input_dict, exec_properties)
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        judged = Judged(exec_properties.get("judged", ""), case.store.fingerprint, exec_properties["code_fingerprint"])
        model = served_model(case.models[MODEL])
        kind = model.manifest.kind
        results = self._judge(case, evaluation, judged, kind)
        gate = GateSettings.model_validate_json(exec_properties["gate"])
        metrics = figures(case, model, results, gate, facts_of(input_dict, case, model.manifest))
        draw, shown = PAGES[kind].draw, choose_episodes(results[MAIN][MODEL])
        times = EVALUATIONS[kind].latency(model, few_encoded(case, kind))
        inputs = ReportInputs(
            metrics=metrics,
            latency=times,
            history=read_json(input_dict.get("model_run"), HISTORY),
            configuration=json.loads(exec_properties["configuration"]),
            data_summary=read_json(input_dict.get("examples"), "summary.json"),
            rejected=read_json(input_dict.get("examples"), "rejected.json"),
            lineage=lineage_of(input_dict, model.manifest),
            episodes=[draw(model, case.store, case.episodes[i]) for i in shown],
            duplicates=read_json(input_dict.get("examples"), "duplicates.json"),
            classes=read_json(input_dict.get("episodes"), "classes.json"),
            pictures=PAGES[kind].pictures(case.store, metrics),
            drift=read_json(input_dict.get("drift"), "drift.json"),
        )
        write(evaluation, "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False))
        write(evaluation, "latency.json", json.dumps(times, indent=2))
        write(evaluation, "report.html", render(inputs))
        bless(output_dict, input_dict, metrics["blessed"], case.models)
        integrity.seal(*integrity.places(output_dict))
        forget()

    def _judge(self, case: Case, output: str, before: Judged, kind: str) -> Results:
        """Returns the results of models of a kind; it also leaves them as lines of text beside the metrics.

        What was judged `before` is not judged again.
        """
        sets = {name: case.models_on(name) for name in case.sets}
        places = {
            (name, one): before.place(path, case.serialized(name))
            for name, them in sets.items()
            for one, path in them.items()
        }
        known = {key: lines for key, place in places.items() if (lines := before.read(place)) is not None}
        for name, them in sets.items():
            lines = [f"{one}\t{line}" for one in them for line in known.get((name, one), ())]
            if lines:
                write(output, f"results-{name}-judged-before", "\n".join(lines))
        new = {
            name: {one: path for one, path in them.items() if (name, one) not in known} for name, them in sets.items()
        }
        if any(new.values()):
            self._judge_new(case, output, {name: them for name, them in new.items() if them})
        results = {name: read_results(_lines(os.path.join(output, f"results-{name}-*")), kind) for name in sets}
        for name, them in sets.items():
            check_complete(results[name], them, len(case.sets[name]))
            for one in new[name]:
                before.keep(places[name, one], [to_json(result) for result in results[name][one]])
        return results

    def _judge_new(self, case: Case, output: str, sets: dict[str, dict[str, str]]) -> None:
        """Judges models on sets of episodes in a Beam pipeline, and writes the results as lines of text.

        Args:
          case: the episodes and their images.
          output: directory of the results.
          sets: for each set the directories of the models that are judged on it.
        """
        directory = os.path.join(output, FEATURES)
        features = self._embed(case, directory, sets)
        with self._make_beam_pipeline() as pipeline:
            for name, models in sets.items():
                _ = (
                    pipeline
                    | f"Read[{name}]" >> beam.Create(case.serialized(name))
                    | f"Judge[{name}]" >> JudgeEpisodes(models, case.directory, features)
                    | f"Lines[{name}]" >> beam.MapTuple(lambda model, result: f"{model}\t{result}")
                    | f"Write[{name}]" >> beam.io.WriteToText(os.path.join(output, f"results-{name}"), num_shards=1)
                )
        if features:
            fileio.rmtree(directory)

    def _embed(self, case: Case, directory: str, sets: dict[str, dict[str, str]]) -> dict[str, str]:
        """Embeds the images of sets of episodes in a Beam pipeline, each once for all models.

        Returns:
          The directory of the features of each model that takes some, below `directory`.

        Raises:
          Incomplete: features are missing.
        """
        models = {one: path for them in sets.values() for one, path in them.items()}
        features = {
            one: os.path.join(directory, model.manifest.embedding or one)
            for one, path in models.items()
            if (model := served_model(path)).takes_features
        }
        if features:
            by_place = {place: models[one] for one, place in features.items()}
            shares = deal_out(by_place, images_of(one for name in sets for one in case.sets[name]))
            with self._make_beam_pipeline() as pipeline:
                _ = pipeline | beam.Create(range(shares)) | EmbedImages(by_place, case.directory)
        for place in features.values():
            FeatureStore(place)  # opened to see that it is complete
        return features


def read_case(inputs: dict[str, list[types.Artifact]], properties: dict[str, Any]) -> Case:
    """Returns what is to be judged: the models of this run and earlier ones, on the frozen episodes.

    Raises:
      Damaged: an earlier model has other bytes than were written.
      Incomplete: an episode is missing.
    """
    artifact = artifact_utils.get_single_instance(inputs["episodes"])
    split = artifact_utils.get_split_uri([artifact], "test")
    spec = EpisodeSpec.model_validate_json(artifact.get_string_custom_property("spec_test"))
    store, models = image_store(os.path.join(split, STORE)), models_of(inputs)
    served = served_versions(properties["destination"], properties["served"])
    integrity.verify(*served, mend=SERVED_AGAIN)
    manifest = Manifest.read(models[MODEL])
    earlier = earlier_models(served, manifest, spec, store.index.names)
    also = json.loads(artifact.get_string_custom_property("also"))
    counts = {MAIN: artifact.get_int_custom_property("test_episodes")}
    counts |= {f"also-{i}": one["episodes"] for i, one in enumerate(also)}
    sets = {name: read_frozen(split, name, count) for name, count in counts.items()}
    strangers = with_strangers(sets[MAIN], len(store.index.names)) if manifest.none_of_these else []
    sets |= {STRANGERS: strangers} if strangers else {}
    come = NOTHING
    if PRODUCTION in earlier.models:
        spans = json.loads(artifact.get_string_custom_property("spans") or "[]")
        both = [manifest, Manifest.read(earlier.models[PRODUCTION])]
        come = arrivals(both, store, spec, artifact.get_int_custom_property("seed"), spans)
    return Case(split, spec, store, sets | come.sets, also, models | earlier.models, earlier, served, come)


def models_of(inputs: dict[str, list[types.Artifact]]) -> dict[str, str]:
    """Returns the directories of the SavedModels of the model, its baselines and the candidates beside it by name."""
    found = {name: artifacts[0] for name in (MODEL, *BASELINES) if (artifacts := inputs.get(name))}
    chosen = read_json(inputs.get("model_run"), CHOICE)
    for model in inputs.get("candidates", []):
        title = model.get_string_custom_property("title")
        if chosen and title != chosen["chosen"]:
            found[f"{CANDIDATE}{title}"] = model
    return {name: path_utils.serving_model_path(model.uri) for name, model in found.items()}


def facts_of(inputs: dict[str, list[types.Artifact]], case: Case, manifest: Manifest) -> dict[str, object]:
    """Returns the facts about the model and the episodes that metrics.json names."""
    episodes = artifact_utils.get_single_instance(inputs["episodes"])
    choice = read_json(inputs.get("model_run"), CHOICE)
    return {
        "chosen": choice["chosen"] if choice else None,
        "validation": manifest.validation or None,
        **case.spec.model_dump(include={"way", "shot", "query"}),
        **manifest.model_dump(include=set(FACTS)),
        "seed": episodes.get_int_custom_property("seed"),
        "episodes_hash": episodes.get_string_custom_property("hash_test"),
        "served": case.served,
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


def bless(
    outputs: dict[str, list[types.Artifact]],
    inputs: dict[str, list[types.Artifact]],
    blessed: bool,
    models: dict[str, str],
) -> None:
    """Marks the blessing of the candidate in the way that TFX's Pusher and resolver expect."""
    blessing = artifact_utils.get_single_instance(outputs["blessing"])
    model = artifact_utils.get_single_instance(inputs[MODEL])
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
