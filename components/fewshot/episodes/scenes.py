"""What a detector adapts to, looks at and finds, as tensors: images with boxes around their objects.

A box is float32 [4], ymin, xmin, ymax, xmax, in 0..1 of the image as the network sees it. Scenes differ in their number of
objects, so each is filled up to the largest with objects that are NOTHING.
"""

from typing import NamedTuple

from components.fewshot.tensors import Images, Labels, Tensor

# Labels of objects that are of no class of the episode or split.
STRANGER = -1  # of another class: background to the user, although it looks like an object
IGNORED = -2  # a crowd, or called difficult by its annotator: finding it is neither right nor wrong
NOTHING = -3  # no object at all


class Marked(NamedTuple):
    """Images in which some objects are marked: what a detector adapts to."""

    images: Images  # [I, H, W, C]
    boxes: Tensor  # float32 [B, 4], one for each object that is marked
    box_images: Tensor  # int32 [B], the image that it is in, 0..I-1


class Scenes(NamedTuple):
    """Images with all their objects."""

    images: Images  # [N, H, W, C]
    boxes: Tensor  # float32 [N, M, 4]
    labels: Labels  # int32 [N, M]: a class, STRANGER, IGNORED or NOTHING


class Detections(NamedTuple):
    """What a detector finds in images, at most N objects in each, the surest first."""

    boxes: Tensor  # float32 [Q, N, 4]
    scores: Tensor  # float32 [Q, N], 0..1
    classes: Tensor  # int32 [Q, N], 0..way-1, or -1 where nothing more was found
