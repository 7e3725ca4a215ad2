"""An ordinary Faster R-CNN whose classifier is fine-tuned for each task, with all that it looks at a region by.

Wang et al. 2020 (https://arxiv.org/abs/2003.06957) compare it with a new head alone. The maps and the proposals stay, so a
step is one of a small part of the network, and the task state holds that part.
"""

from keras import ops

from components.fewshot.episodes.scenes import Marked
from components.fewshot.learners.detection.adam import descended
from components.fewshot.learners.detection.detector import crops_at, in_a_row
from components.fewshot.learners.detection.heads import against_background
from components.fewshot.learners.detection.losses import region_loss
from components.fewshot.learners.detection.transfer import OrdinaryDetector, places
from components.fewshot.learners.interface import Part, TaskState, Weights
from components.fewshot.settings.detectors import FineTuneDetectorSettings
from components.fewshot.tensors import Labels, Scalar, Tensor, Way


class FineTuneDetector(OrdinaryDetector):
    """Task state: that of its head, and under `base/` the weights that moved."""

    Settings = FineTuneDetectorSettings
    settings: FineTuneDetectorSettings

    def adapt(self, weights: Weights, support: Marked, labels: Labels, way: Way) -> TaskState:
        """The mean directions and the weights of `roi_head`, and the steps from there."""
        maps, _ = self.maps(weights, support.images, training=False)
        head = self.fit(weights, self.marked(weights, maps, support), labels, way)
        near, shown = places(support, labels)
        crops = in_a_row(crops_at(maps, near, support.box_images))

        def loss(at: list[Tensor]) -> Scalar:
            vectors = self.looked_at(self._moved(weights, at[2:]), crops)["embedding"]
            return region_loss(against_background(vectors, at[0], weights.own[0], at[1]), shown)

        start = [head["directions"], head["background"], *(weights.base[place] for place in self._places())]
        directions, background, *moved = descended(loss, start, self.settings.steps, self.settings.rate)
        named = dict(zip(self._names(), moved, strict=True))
        return {"directions": directions, "background": background, **named}

    def tuned(self, weights: Weights, task_state: TaskState) -> Weights:
        """The weights with those that moved."""
        return self._moved(weights, [task_state[name] for name in self._names()])

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The new head, and the weights that moved."""
        variables = self.base.model.trainable_variables
        moved = (Part(tuple(variables[place].shape)) for place in self._places())
        return {**super().task_state_parts(way), **dict(zip(self._names(), moved, strict=True))}

    def _moved(self, weights: Weights, moved: list[Tensor]) -> Weights:
        base = list(weights.base)
        for place, value in zip(self._places(), moved, strict=True):
            base[place] = ops.convert_to_tensor(value)
        return weights._replace(base=base)

    def _places(self) -> list[int]:
        """Places in `Weights.base` of what is fine-tuned."""
        own = {id(variable) for variable in self.base.model.get_layer("roi_head").trainable_variables}
        return [place for place, variable in enumerate(self.base.model.trainable_variables) if id(variable) in own]

    def _names(self) -> list[str]:
        variables = self.base.model.trainable_variables
        return [f"base/{self.base.weights[id(variables[place])].name}" for place in self._places()]
