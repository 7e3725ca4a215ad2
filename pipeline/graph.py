"""The graph, the same for every target. `create_pipeline` is the table of contents of the project."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from tfx.components import ExampleValidator
from tfx.dsl.components.base import base_beam_component, base_component, base_node
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.pipeline import Pipeline

from components.drift_detector.component import DriftDetector
from components.episode_generator.component import EpisodeGenerator
from components.feature_extractor.component import FeatureExtractor
from components.few_shot_evaluator.component import FewShotEvaluator
from components.image_example_gen.component import ImageExampleGen
from components.image_example_gen.listing import ImageListing
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
from pipeline.history.pruning import JUDGED
from pipeline.production import destination_of, recipe_fingerprint, run_fingerprint


def create_pipeline(
    settings: RunSettings,
    data: ImageSetSettings,
    root: str,
    data_fingerprint: str | None = None,
    served: Sequence[str] | None = None,
    suffix: str = "",
) -> Pipeline:
    """Returns the pipeline: all components, chained.

    Args:
      settings: the settings of the run.
      data: where the images are.
      root: directory of artifacts, checkpoints and pushed models; a bucket, if a cluster runs it.
      data_fingerprint: changes when an image changes, so that the cache is not used. None if the run starts later and elsewhere:
        a node then lists the images.
      served: the directories of the pushed versions that the candidate is compared with; the last is in production. None if
        the run starts later and elsewhere, and is to look for itself.
      suffix: what the name of the pipeline ends with where ML Metadata is shared by many roots.
    """
    # Reads images into tf.Examples, one split for each set of classes. Bad files are set aside.
    listing = ImageListing(settings=data.model_dump_json()) if data_fingerprint is None else None
    listed = listing.outputs["fingerprint"].future()[0].value if listing else data_fingerprint
    examples = ImageExampleGen(data, listed)
    raw = examples.outputs["examples"]

    # Checks class counts and image sizes against the schema. An anomaly stops the run before any training.
    statistics = image_statistics(raw)
    schema = image_schema(settings.schema_file, settings.kind)
    validator = ExampleValidator(statistics.outputs["statistics"], schema.outputs["schema"])

    # The graph that decodes, converts colours and resizes, for the store of images and for the SavedModel.
    transform = image_transform(raw, schema.outputs["schema"], settings.image, data.max_pixels)
    transform_graph = transform.outputs["transform_graph"]

    # Writes the store of images, indexed by class, and the frozen validation and test episodes.
    generator = EpisodeGenerator(raw, transform_graph, settings.episode_generator(), validator.outputs["anomalies"])
    episodes = generator.outputs["episodes"]

    # Compares images that came in spans with those that the model in production knows. The run may end with that.
    destination, recipe = destination_of(settings, root), recipe_fingerprint(settings)
    drift = DriftDetector(episodes, settings.drift, destination, served, recipe) if data.arrives else None
    with _going_on(drift):
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
        model = best.outputs["model"]
        evaluator = FewShotEvaluator(
            episodes,
            model,
            settings.gate,
            {name: baseline.outputs["model"] for name, baseline in baselines.items()},
            destination=destination,
            served=served,
            model_run=best.outputs["model_run"],
            examples=raw,
            configuration=settings.content,
            judged=os.path.join(root, JUDGED),
            candidates=None if len(trainers) == 1 else best.inputs["models"],
            drift=drift.outputs["drift"] if drift else None,
        )

        # Copies a blessed model to the directory that TF Serving watches.
        pusher = Pusher(
            model=model,
            model_blessing=evaluator.outputs["blessing"],
            evaluation=evaluator.outputs["evaluation"],
            destination=destination,
            keep=settings.push.keep,
            run=run_fingerprint(settings, data_fingerprint or ""),
            recipe=recipe,
        )

    nodes: list[base_node.BaseNode] = [
        *([listing] if listing else ()),
        examples,
        statistics,
        schema,
        validator,
        transform,
        generator,
        *([drift] if drift else ()),
    ]
    nodes += [*extractors.values(), *dict.fromkeys([*trainers.values(), best, *baselines.values()]), evaluator, pusher]
    for node in nodes:
        if isinstance(node, base_beam_component.BaseBeamComponent):
            node.with_beam_pipeline_args(settings.platform.machine_of(type(node).__name__).engine)
    return Pipeline(
        pipeline_name=f"{settings.name}{suffix}",
        pipeline_root=os.path.join(root, "artifacts"),
        components=nodes,
        enable_cache=True,
    )


def _going_on(drift: DriftDetector | None) -> AbstractContextManager[None]:
    """Returns the context of the nodes that run only if the DriftDetector says so; of all nodes where there is none."""
    return Cond(drift.outputs["drift"].future()[0].custom_property("goes_on") == 1) if drift else nullcontext()
