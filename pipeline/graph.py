"""The graph, the same for every target. `create_pipeline` is the table of contents of the project."""

import os
from typing import Literal

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.components import ExampleValidator
from tfx.dsl.components.base import base_node
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.episode_generator.component import EpisodeGenerator
from components.few_shot_evaluator.component import FewShotEvaluator
from components.image_example_gen.component import image_example_gen
from components.image_example_gen.schema import image_schema
from components.image_example_gen.statistics import image_statistics
from components.image_transform.component import image_transform
from components.meta_trainer.component import MetaTrainer
from components.pusher.component import Pusher
from data.settings import ImageSetSettings
from pipeline.baselines import BASELINES
from pipeline.config import RunSettings
from pipeline.history.resolvers import BlessedBefore, BlessedOnOtherData

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
) -> Pipeline:
    """Returns the pipeline: all components, chained.

    Args:
      settings: the settings of the run.
      data: where the images are.
      root: directory of artifacts, metadata, checkpoints and pushed models. It is a bucket unless the target is local.
      target: the platform that runs the pipeline. Only the way of finding earlier models depends on it.
      data_fingerprint: changes when an image changes, so that the cache is not reused.
    """
    # Reads images into tf.Examples, one split for each set of classes. Bad files are set aside.
    examples = image_example_gen(data, data_fingerprint)
    raw = examples.outputs["examples"]

    # Checks class counts and image sizes against the schema. An anomaly stops the run before any training.
    statistics = image_statistics(raw)
    schema = image_schema(settings.schema_file)
    validator = ExampleValidator(statistics.outputs["statistics"], schema.outputs["schema"])

    # Decodes, converts colours and resizes. The same graph goes into the SavedModel.
    transform = image_transform(raw, schema.outputs["schema"], settings.image)
    transform_graph = transform.outputs["transform_graph"]

    # Writes the store of images, indexed by class, and the frozen validation and test episodes.
    generator = EpisodeGenerator(
        raw, transform.outputs["transformed_examples"], settings.episode_generator(), validator.outputs["anomalies"]
    )
    episodes = generator.outputs["episodes"]

    # Finds the model that a warm start begins with.
    earlier = earlier_model(target, "warm_start_model", BlessedOnOtherData, episodes=episodes)

    # Trains the model and the baselines that it must beat.
    checkpoints = os.path.join(root, "checkpoints")
    trainer = MetaTrainer(
        episodes, transform_graph, settings.trainer(), checkpoints, earlier.outputs["model"], settings.learner.name
    )
    baselines = {
        name: MetaTrainer(episodes, transform_graph, baseline.settings(settings), checkpoints, title=name).with_id(
            baseline.node_id
        )
        for name, baseline in BASELINES.items()
    }

    # Evaluates all models on the same frozen episodes, through their signatures. Writes the blessing and the report.
    model = trainer.outputs["model"]
    previous = earlier_model(target, "latest_blessed_model", BlessedBefore, current=model)
    evaluator = FewShotEvaluator(
        episodes,
        model,
        settings.gate,
        {name: baseline.outputs["model"] for name, baseline in baselines.items()},
        baseline_model=previous.outputs["model"],
        model_run=trainer.outputs["model_run"],
        examples=raw,
        configuration=settings.model_dump_json(),
    )

    # Copies a blessed model to the directory that TF Serving watches.
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        destination=settings.push.destination or os.path.join(root, "serving", settings.name),
        keep=settings.push.keep,
    )

    nodes: list[base_node.BaseNode] = [examples, statistics, schema, validator, transform, generator, earlier, trainer]
    nodes += [*baselines.values(), previous, evaluator, pusher]
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=os.path.join(root, "artifacts"),
        components=nodes,
        enable_cache=True,
        metadata_connection_config=_metadata(root) if target == "local" else None,
        beam_pipeline_args=BEAM,
    )


def earlier_model(target: Target, node_id: str, strategy: type, **standpoint: types.BaseChannel) -> resolver.Resolver:
    """Returns a resolver of an earlier blessed model.

    Vertex AI and Kubeflow run only TFX's own strategies, so there it takes the latest blessed model.

    Args:
      target: the platform that runs the pipeline.
      node_id: id of the resolver's node.
      strategy: the strategy of the local target.
      standpoint: the artifacts that the strategy compares earlier models with.
    """
    channels: dict[str, types.BaseChannel] = {
        "model": types.Channel(type=standard_artifacts.Model),
        "model_blessing": types.Channel(type=standard_artifacts.ModelBlessing),
    }
    if target == "local":
        return resolver.Resolver(strategy_class=strategy, **channels, **standpoint).with_id(node_id)
    return resolver.Resolver(strategy_class=LatestBlessedModelStrategy, **channels).with_id(node_id)


def metadata_path(root: str) -> str:
    """Returns the path of the ML Metadata store of the runs in `root`."""
    return os.path.join(root, "metadata.sqlite")


def _metadata(root: str) -> metadata_store_pb2.ConnectionConfig:
    return metadata.sqlite_metadata_connection_config(metadata_path(root))
