"""The manifest of an exported model, `assets.extra/fewshot.json`: what a user must know to call the model and to trust it."""

import hashlib
import os
from importlib import metadata

import tensorflow as tf
from pydantic import BaseModel, ConfigDict, ValidationError

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.settings.image import MAX_PIXELS, ImageSpec

FILE = os.path.join("assets.extra", "fewshot.json")


class Manifest(BaseModel):
    """Facts about a model that its graph does not contain.

    Attributes:
      kind: of task (`components.fewshot.kinds.KINDS`).
      base_model_weights: what tells the weights that the base model brought from outside apart from others; None if it brought
        none.
      trainable: what of the base model was trained: all, none, or its last layers.
      trunk: the digest of what was not trained before that; empty without such a part.
      max_pixels: of the largest image file that the model reads.
      fixed_way: the only number of classes that a learner with a fixed head takes; None if it takes any number.
      batch_norm: where batch normalisation takes its statistics at test time: running, support, transductive or none.
      inductive: a query's prediction never depends on other queries.
      validation: of the exported weights, on meta-validation classes: step, accuracy, ci95.
      none_of_these: the threshold of familiarity below which a query is of none of the classes, and what it did on validation
        episodes: `training.none_of_these.Threshold`; empty if it was not chosen.
      score_threshold: the score from which on a detector shows what it finds, and what that did on validation episodes:
        `training.scene_validation.ScoreThreshold`; empty if it was not chosen.
      metrics: of the evaluator, with confidence intervals; filled in when the model is pushed.
      data: fingerprints of the training and test data.
      lineage: ids of executions and artifacts in ML Metadata.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = 1
    kind: str = "classification"
    learner: str
    learner_settings: dict[str, object] = {}
    base_model: str
    base_model_settings: dict[str, object] = {}
    base_model_weights: str | None = None
    trainable: str = "all"
    trunk: str = ""
    image: ImageSpec
    max_pixels: int = MAX_PIXELS
    episodes: EpisodeSpec
    fixed_way: int | None = None
    batch_norm: str
    inductive: bool
    seed: int
    steps: int
    validation: dict[str, object] = {}
    none_of_these: dict[str, float] = {}
    score_threshold: dict[str, float] = {}
    metrics: dict[str, object] = {}
    data: dict[str, object] = {}
    lineage: dict[str, object] = {}
    versions: dict[str, str] = {}

    @property
    def reading(self) -> str | None:
        """What tells apart what a model sees in an image: models in which it is equal read images by the same transform graph and
        have the same trunk, if they have one. None where no transform graph is known."""
        graph = self.lineage.get("transform_graph")
        return hashlib.sha256(repr([self.trunk, graph]).encode()).hexdigest()[:16] if graph else None

    @property
    def embedding(self) -> str | None:
        """What tells its features apart, where nothing of the base model was trained. None for any other model."""
        return self.reading if self.trainable == "none" else None

    @staticmethod
    def read(model_dir: str) -> "Manifest":
        """The manifest of the SavedModel in `model_dir`.

        Raises:
          FileNotFoundError: there is none.
          ValueError: it is not a manifest of this format.
        """
        path = os.path.join(model_dir, FILE)
        if not tf.io.gfile.exists(path):
            raise FileNotFoundError(f"no few-shot model at {model_dir}: expected a SavedModel with {FILE}")
        with tf.io.gfile.GFile(path) as file:
            try:
                return Manifest.model_validate_json(file.read())
            except ValidationError as error:
                raise ValueError(f"{path} is not a manifest of format 1: {error.errors()[0]['msg']}") from error

    def write(self, model_dir: str) -> None:
        """Writes the manifest into the SavedModel in `model_dir`."""
        path = os.path.join(model_dir, FILE)
        tf.io.gfile.makedirs(os.path.dirname(path))
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(self.model_dump_json(indent=2))


def versions() -> dict[str, str]:
    """Versions of the packages that were used to make a model."""
    names = ("fewshot-tfx", "tensorflow", "keras", "numpy", "tfx", "apache-beam", "tensorflow-transform")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
