"""The graph: one for every target. Read `create_pipeline` as the table of contents of the project."""

import os
from typing import Any, Literal

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
from pipeline.config import RunSettings
from pipeline.history.resolvers import BlessedBefore, BlessedOnOtherData

Target = Literal["local", "vertex", "kubeflow"]

# In this process (the default would fetch a runner from the net), without gRPC: Beam's in-process gRPC streams lose elements
# under load (apache/beam 21104, 21643). Steps that take long use every core by a pool of threads of their own.
BEAM = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


def create_pipeline(
    settings: RunSettings,
    data: ImageSetSettings,
    root: str,
    target: Target = "local",
    data_fingerprint: str = "",
) -> Pipeline:
    """Chains the components.

    Args:
      settings: of the run.
      data: the images, wherever they come from.
      root: directory of artifacts, metadata, checkpoints and pushed models; a bucket unless the target is local.
      target: where it will run; the graph is the same but for how earlier models are found.
      data_fingerprint: changes when an image does.
    """
    # Images to tf.Examples, one split per set of classes; bad files set aside.
    examples = image_example_gen(data, data_fingerprint)
    raw = examples.outputs["examples"]

    # Class counts and image sizes against the schema; an anomaly stops the run before any training.
    statistics = image_statistics(raw)
    schema = image_schema(settings.schema_file)
    validator = ExampleValidator(statistics.outputs["statistics"], schema.outputs["schema"])

    # Decode, colour, resize: the graph that also goes into the SavedModel.
    transform = image_transform(raw, schema.outputs["schema"], settings.image)
    transform_graph = transform.outputs["transform_graph"]

    # Class-indexed store; frozen validation and test episodes.
    generator = EpisodeGenerator(
        raw, transform.outputs["transformed_examples"], settings.episode_generator(), validator.outputs["anomalies"]
    )
    episodes = generator.outputs["episodes"]

    # The model that a warm start begins with.
    earlier = earlier_model(target, "warm_start_model", BlessedOnOtherData, episodes=episodes)

    # The learner, and what it has to beat: ordinary learners on the same images.
    checkpoints = os.path.join(root, "checkpoints")
    trainer = MetaTrainer(
        episodes, transform_graph, settings.trainer(), checkpoints, earlier.outputs["model"], settings.learner.name
    )
    baselines = {
        name: MetaTrainer(episodes, transform_graph, baseline, checkpoints, title=name).with_id(node_id)
        for node_id, (name, baseline) in zip(
            ("Baseline", "Untrained", "Pixels"), settings.baselines().items(), strict=True
        )
    }

    # Every model on the same frozen episodes, through its signatures; the blessing and the report.
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

    # Blessed models to where TF Serving finds them.
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
    """Resolver of an earlier blessed model; away from home only the platform's own strategy is at hand."""
    channels: dict[str, types.BaseChannel] = {
        "model": types.Channel(type=standard_artifacts.Model),
        "model_blessing": types.Channel(type=standard_artifacts.ModelBlessing),
    }
    if target == "local":
        return resolver.Resolver(strategy_class=strategy, **channels, **standpoint).with_id(node_id)
    return resolver.Resolver(strategy_class=LatestBlessedModelStrategy, **channels).with_id(node_id)


def metadata_path(root: str) -> str:
    """The file of ML Metadata of the runs under `root`."""
    return os.path.join(root, "metadata.sqlite")


def _metadata(root: str) -> Any:
    return metadata.sqlite_metadata_connection_config(metadata_path(root))
