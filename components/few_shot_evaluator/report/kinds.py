"""What the report of each kind of task has of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from components.few_shot_evaluator.draw_images import draw_episode, pictures_of
from components.few_shot_evaluator.draw_scenes import SIDE as SCENE_SIDE
from components.few_shot_evaluator.draw_scenes import draw_scenes, no_pictures
from components.few_shot_evaluator.report import detection_plots, plots
from components.few_shot_evaluator.report.numbers import percent
from components.few_shot_evaluator.report_inputs import Drawn
from components.fewshot.episodes.episode import Episode
from components.fewshot.images.store import ImageStore
from components.fewshot.images.thumbnail import SIDE
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION


class Column(NamedTuple):
    """A column of the table of models."""

    heading: str
    key: str  # of metrics.json, and of a rival in it
    written: Callable[[float], str]


class Page(NamedTuple):
    """What the report of a kind has of its own.

    Attributes:
      template: that fills the blocks of `template.html.j2`.
      columns: of the table of models, beside the figure.
      counted: what the figures of a domain are of; the key is the same word.
      plots: of metrics, by name; one without data is left out.
      draw: what is shown of an episode.
      pictures: of classes, by their names.
      side: of pictures, at most, in pixels.
    """

    template: str
    columns: Sequence[Column]
    counted: str
    plots: Callable[[Mapping[str, Any]], dict[str, str]]
    draw: Callable[[Any, ImageStore, Episode], Drawn]
    pictures: Callable[[ImageStore, Mapping[str, Any]], dict[str, bytes]]
    side: int


PAGES: Mapping[str, Page] = {
    CLASSIFICATION: Page(
        "classification.html.j2",
        [Column("log loss", "log_loss", "{:.3f}".format), Column("ECE, %", "ece", percent)],
        "queries",
        plots.of_images,
        draw_episode,
        pictures_of,
        SIDE,
    ),
    DETECTION: Page(
        "detection.html.j2",
        [
            Column("mAP, %", "mean_ap", percent),
            Column("recall, %", "recall", percent),
            Column("false alarms an image", "false_positives", "{:.2f}".format),
        ],
        "objects",
        detection_plots.of_scenes,
        draw_scenes,
        no_pictures,
        SCENE_SIDE,
    ),
}
