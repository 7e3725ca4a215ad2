"""The graph, the same for every target. `create_pipeline` is the table of contents of the project."""

import os
from collections.abc import Sequence
from typing import Literal

from ml_metadata.proto import metadata_store_pb2
from tfx.components import ExampleValidator
from tfx.dsl.components.base import base_component, base_node
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.episode_generator.component import EpisodeGenerator
from components.feature_extractor.component import FeatureExtractor
from components.few_shot_evaluator.component import FewShotEvaluator
from components.image_example_gen.component import image_example_gen
from components.image_example_gen.schema import image_schema
from components.image_example_gen.statistics import image_statistics
from components.image_transform.component import image_transform
from components.meta_trainer.component import MetaTrainer
from components.meta_trainer.settings import TrainerSettings
from components.model_chooser.component import ModelChooser
from components.pusher.component import Pusher
from data.settings import ImageSetSettings
from pipeline.baselines import BASELINES, baselines_of
from pipeline.config import RunSettings
from pipeline.extractions import extractions, features_of
from pipeline.production import destination_of, run_fingerprint

Target = Literal["local", "vertex", "kubeflow"]

# FnApiRunner runs in this process; Beam's default would download a runner. `in_memory` avoids gRPC, because Beam's in-process
# gRPC streams lose elements under load (apache/beam 21104, 21643). Slow steps use all cores by their own thread pools.
BEAM = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


def create_pipeline(
    settings: RunSettings,
    data: ImageSetSettings,
    root: str,
    target: Target = "local",
    data_fingerprint: str = "",
    served: Sequence[str] | None = None,
) -> Pipeline:
    """Returns the pipeline: all components, chained.

    Args:
      settings: the settings of the run.
      data: where the images are.
      root: directory of artifacts, metadata, checkpoints and pushed models. It is a bucket unless the target is local.
      target: the platform that runs the pipeline. Only on this machine the pipeline has a metadata store of its own.
      data_fingerprint: changes when an image changes, so that the cache is not reused.
      served: the directories of the pushed versions that the candidate is compared with; the last is in production. None if
        the run starts later and elsewhere, and is to look for itself.
    """
    # Reads images into tf.Examples, one split for each set of classes. Bad files are set aside.
    examples = image_example_gen(data, data_fingerprint)
    raw = examples.outputs["examples"]

    # Checks class counts and image sizes against the schema. An anomaly stops the run before any training.
    statistics = image_statistics(raw)
    schema = image_schema(settings.schema_file)
    validator = ExampleValidator(statistics.outputs["statistics"], schema.outputs["schema"])

    # The graph that decodes, converts colours and resizes, for the store of images and for the SavedModel.
    transform = image_transform(raw, schema.outputs["schema"], settings.image, data.max_pixels)
    transform_graph = transform.outputs["transform_graph"]

    # Writes the store of images, indexed by class, and the frozen validation and test episodes.
    generator = EpisodeGenerator(raw, transform_graph, settings.episode_generator(), validator.outputs["anomalies"])
    episodes = generator.outputs["episodes"]

    # Computes once for each image what the frozen part of a base model makes of it, where a part is frozen.
    contenders = {name: run.trainer() for name, run in settings.contenders.items()}
    rivals = {name: baseline.settings(settings) for name, baseline in baselines_of(settings).items()}
    extractors = {
        one.features.model_dump_json(): FeatureExtractor(episodes, one.features).with_id(one.node_id)
        for one in extractions([*contenders.values(), *rivals.values()])
    }

    # Trains the candidates, of which the best on validation classes goes on, and the baselines that it must beat.
    def trainer_of(name: str, trainer: TrainerSettings) -> MetaTrainer:
        features = features_of(trainer)
        extracted = extractors[features.model_dump_json()].outputs["features"] if features else None
        return MetaTrainer(episodes, transform_graph, trainer, os.path.join(root, "checkpoints"), name, extracted)

    trainers = {name: trainer_of(name, trainer) for name, trainer in contenders.items()}
    baselines = {name: trainer_of(name, rival).with_id(BASELINES[name].node_id) for name, rival in rivals.items()}
    best: base_component.BaseComponent
    if len(trainers) == 1:
        (best,) = trainers.values()
    else:
        trainers = {name: trainer.with_id(f"MetaTrainer-{name}") for name, trainer in trainers.items()}
        best = ModelChooser(trainers)

    # Evaluates all models on the same frozen episodes, through their signatures. Writes the blessing and the report.
    model, destination = best.outputs["model"], destination_of(settings, root)
    evaluator = FewShotEvaluator(
        episodes,
        model,
        settings.gate,
        {name: baseline.outputs["model"] for name, baseline in baselines.items()},
        destination=destination,
        served=served,
        model_run=best.outputs["model_run"],
        examples=raw,
        configuration=settings.model_dump_json(),
        judged=os.path.join(root, "judged"),
        candidates=None if len(trainers) == 1 else best.inputs["models"],
    )

    # Copies a blessed model to the directory that TF Serving watches.
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        destination=destination,
        keep=settings.push.keep,
        run=run_fingerprint(settings, data_fingerprint),
    )

    nodes: list[base_node.BaseNode] = [examples, statistics, schema, validator, transform, generator]
    nodes += [*extractors.values(), *dict.fromkeys([*trainers.values(), best, *baselines.values()]), evaluator, pusher]
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=os.path.join(root, "artifacts"),
        components=nodes,
        enable_cache=True,
        metadata_connection_config=_metadata(root) if target == "local" else None,
        beam_pipeline_args=BEAM,
    )


def metadata_path(root: str) -> str:
    """Returns the path of the ML Metadata store of the runs in `root`."""
    return os.path.join(root, "metadata.sqlite")


def _metadata(root: str) -> metadata_store_pb2.ConnectionConfig:
    return metadata.sqlite_metadata_connection_config(metadata_path(root))
