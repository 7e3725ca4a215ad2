"""Faster R-CNN (Ren et al. 2015, https://arxiv.org/abs/1506.01497), small, for objects of classes that it is not told of.

Three models in one, which a detector calls by name (`PureModel.part`):

- `features`: images to one map. Maps of several strides are merged into the finest (Lin et al. 2017,
  https://arxiv.org/abs/1612.03144; here into one map instead of a pyramid).
- `rpn`: the map to proposals, as objectness and displacements of anchors.
- `roi_head`: what the map holds within a box, to an embedding and a better box, the same for all classes.

As a whole it makes of an image the map, the objectness, and as its vector the embedding of the whole image as one box.
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers, ops

from components.fewshot.base_models.efficientnet_lite import efficientnet_lite0
from components.fewshot.base_models.layers import Shape, normalise
from components.fewshot.boxes.anchors import anchors_of
from components.fewshot.boxes.roi_align import roi_align
from components.fewshot.tensors import Tensor

CELLS = 7  # along a side of what is cut out of the map
COARSEST = 32  # stride; the sides of an image are multiples of it
SIZES = (0.1, 0.18, 0.32, 0.6)
RATIOS = (0.5, 1.0, 2.0)
PARTS = frozenset({"features", "rpn", "roi_head"})


def faster_rcnn(
    shape: Shape,
    trunk: str = "conv",
    stride: int = 4,
    filters: int = 64,
    embedding: int = 128,
    sizes: Sequence[float] = SIZES,
    ratios: Sequence[float] = RATIOS,
    frozen: bool = False,
    plain: int = 0,
    weights: str | None = "imagenet",
) -> keras.Model:
    """From float32 images [B, H, W, C] in 0..1 to `map` [B, H / stride, W / stride, filters + plain], `vector` [B, embedding +
    plain], and `objectness` [B, anchors].

    Args:
      trunk: one of `TRUNKS`: `conv` begins with random weights, `efficientnet_lite0` with those of ImageNet.
      stride: of the map, one of those of the trunk: 4, 8 or 16 of `conv`, 8, 16 or 32 of `efficientnet_lite0`.
      filters: of the map.
      embedding: numbers that describe what is in a box.
      sizes: roots of the areas of anchors, as shares of the root of the image's area.
      ratios: heights of anchors over their widths.
      frozen: whether the weights of the trunk stay as they are.
      plain: numbers beside the embedding that describe what the trunk itself sees in a box, whatever is learnt above it: what a
        trunk from outside knows of all kinds of things, a few training classes would narrow down.
      weights: of a trunk that has some from outside; None for random ones.

    Raises:
      ValueError: there is no such trunk or stride, a side of the images is no multiple of 32, or `plain` is below 0.
    """
    if trunk not in TRUNKS:
        raise ValueError(f"trunk: expected one of {', '.join(TRUNKS)}, got {trunk!r}")
    if any(side % COARSEST for side in shape[:2]):
        raise ValueError(f"images: expected sides that are multiples of {COARSEST}, got {shape[0]} x {shape[1]}")
    if plain < 0:
        raise ValueError(f"plain: expected 0 or more, got {plain}")
    features = _features(TRUNKS[trunk](shape, weights), stride, filters, frozen, plain)
    rpn = _rpn(features.output_shape[1:], filters, sizes, ratios)
    head = _roi_head(filters, embedding, plain)
    inputs = keras.Input(shape)
    found = features(inputs)
    outputs = {"map": found, "objectness": rpn(found)["objectness"], "vector": head(Whole()(found))["embedding"]}
    return keras.Model(inputs, outputs, name="faster_rcnn")


def finds_objects(model: keras.Model) -> bool:
    """Whether a model has the parts that a detector calls."""
    return {layer.name for layer in model.layers} >= PARTS


def conv_trunk(shape: Shape, weights: str | None = None) -> keras.Model:
    """3x3 convolutions with batch normalisation, to maps of strides 4, 8 and 16: narrow where they are large. There are no
    `weights` of it from outside."""
    inputs = x = keras.Input(shape)
    maps = []
    for filters, strides in ((16, 2), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(normalise(x))
        if strides == 1:
            maps.append(x)
    return keras.Model(inputs, maps, name="trunk")


def efficientnet_trunk(shape: Shape, weights: str | None = "imagenet") -> keras.Model:
    """EfficientNet-Lite0 with weights of ImageNet, to maps of strides 8, 16 and 32: the last of each stride."""
    whole = efficientnet_lite0(shape, weights)
    last = {shape[0] // layer.output.shape[1]: layer.output for layer in whole.layers if len(layer.output.shape) == 4}
    return keras.Model(whole.input, [last[stride] for stride in (8, 16, 32)], name="trunk")


TRUNKS: dict[str, Callable[[Shape, str | None], keras.Model]] = {
    "conv": conv_trunk,
    "efficientnet_lite0": efficientnet_trunk,
}


@keras.saving.register_keras_serializable("fewshot")
class Doubled(layers.Layer):
    """A map [B, h, w, C] with each place four times, [B, 2 h, 2 w, C].

    As repeats of axes: the gradient of a resized image adds up in any order on a GPU.
    """

    def call(self, maps: Tensor) -> Tensor:
        """The larger map."""
        batch, (height, width, channels) = ops.shape(maps)[0], maps.shape[1:]
        apart = ops.reshape(maps, (batch, height, 1, width, 1, channels))
        repeated = ops.broadcast_to(apart, (batch, height, 2, width, 2, channels))
        return ops.reshape(repeated, (batch, 2 * height, 2 * width, channels))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Of the larger map."""
        batch, height, width, channels = shape
        assert height and width  # sides of an image are known
        return (batch, 2 * height, 2 * width, channels)


@keras.saving.register_keras_serializable("fewshot")
class Channels(layers.Layer):
    """Some channels of maps [..., C], from one to before another."""

    def __init__(self, start: int, stop: int, **named: object) -> None:
        super().__init__(**named)
        self.start, self.stop = start, stop

    def call(self, maps: Tensor) -> Tensor:
        """The maps [..., stop - start]."""
        return maps[..., self.start : self.stop]

    def get_config(self) -> dict[str, object]:
        """The arguments of the constructor."""
        return {**super().get_config(), "start": self.start, "stop": self.stop}


@keras.saving.register_keras_serializable("fewshot")
class Whole(layers.Layer):
    """What a map [B, h, w, C] holds within the whole image, [B, CELLS, CELLS, C]."""

    def call(self, maps: Tensor) -> Tensor:
        """The crop of the box 0, 0, 1, 1."""
        everything = ops.convert_to_tensor([[[0.0, 0.0, 1.0, 1.0]]], "float32")
        boxes = ops.broadcast_to(everything, (ops.shape(maps)[0], 1, 4))
        return ops.squeeze(roi_align(maps, ops.cast(boxes, maps.dtype), CELLS), 1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Of the crop."""
        return (shape[0], CELLS, CELLS, shape[3])


@keras.saving.register_keras_serializable("fewshot")
class Anchors(layers.Layer):
    """The anchors of a map [B, h, w, C], float32 [B, h * w * K, 4]: the same for each image."""

    def __init__(self, sizes: Sequence[float], ratios: Sequence[float], **named: object) -> None:
        super().__init__(**named)
        self.sizes, self.ratios = tuple(sizes), tuple(ratios)

    def call(self, maps: Tensor) -> Tensor:
        """The anchors; of the map only the sides count."""
        anchors = anchors_of(maps.shape[1], maps.shape[2], self.sizes, self.ratios)
        return ops.broadcast_to(ops.convert_to_tensor(anchors), (ops.shape(maps)[0], *anchors.shape))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Of the anchors."""
        batch, height, width, _ = shape
        assert height and width  # the anchors are of a map of known sides
        return (batch, height * width * len(self.sizes) * len(self.ratios), 4)

    def get_config(self) -> dict[str, object]:
        """The arguments of the constructor."""
        return {**super().get_config(), "sizes": self.sizes, "ratios": self.ratios}


def _features(trunk: keras.Model, stride: int, filters: int, frozen: bool, plain: int) -> keras.Model:
    strides = {trunk.input_shape[1] // output.shape[1]: output for output in trunk.outputs}
    if stride not in strides:
        raise ValueError(f"stride: expected one of {', '.join(map(str, strides))}, got {stride}")
    for layer in trunk.layers:
        layer.trainable = not frozen
    merged = None
    for each in sorted(strides, reverse=True):
        if each < stride:
            break
        level = layers.Conv2D(filters, 1, use_bias=False, name=f"stride{each}")(strides[each])
        merged = level if merged is None else layers.Add()([Doubled()(merged), level])
    found = layers.ReLU()(normalise(merged))
    if plain:
        found = layers.Concatenate()([found, _plain(strides, stride, plain)])
    return keras.Model(trunk.input, found, name="features")


def _plain(strides: dict[int, Tensor], stride: int, count: int) -> Tensor:
    """What the trunk sees, as `count` channels of that stride: the finest map but one, by directions that are drawn once. These
    keep the angles between what is seen (Johnson and Lindenstrauss 1984)."""
    fine = max(stride, sorted(strides)[1])
    x = layers.BatchNormalization(center=False, scale=False, name="plain_norm")(strides[fine])
    x = layers.Conv2D(count, 1, use_bias=False, kernel_initializer="orthogonal", trainable=False, name="plain")(x)
    while fine > stride:
        x, fine = Doubled()(x), fine // 2
    return x


def _rpn(shape: Shape, filters: int, sizes: Sequence[float], ratios: Sequence[float]) -> keras.Model:
    """From the map to `objectness` [B, A], logits; `deltas` [B, A, 4], from `anchors` [B, A, 4]."""
    inputs = keras.Input(shape)
    each = len(sizes) * len(ratios)
    small = keras.initializers.RandomNormal(stddev=0.01)  # the first gradients would end many a filter
    own = _first(inputs, filters)
    x = layers.Conv2D(filters, 3, padding="same", activation="leaky_relu", name="rpn_conv")(own)
    objectness = layers.Reshape((-1,))(layers.Conv2D(each, 1, kernel_initializer=small, name="rpn_objectness")(x))
    deltas = layers.Reshape((-1, 4))(layers.Conv2D(4 * each, 1, kernel_initializer=small, name="rpn_deltas")(x))
    anchors = Anchors(sizes, ratios, name="anchors")(inputs)
    return keras.Model(inputs, {"objectness": objectness, "deltas": deltas, "anchors": anchors}, name="rpn")


def _roi_head(filters: int, embedding: int, plain: int) -> keras.Model:
    """From crops [B, CELLS, CELLS, C] to `embedding` [B, embedding + plain] and `deltas` [B, 4] of the boxes that they are of."""
    inputs = keras.Input((CELLS, CELLS, filters + plain))
    # Normalised at the end, too: what all regions have in common would leave their cosines near 1, and little to learn from.
    x = layers.ReLU()(normalise(layers.Conv2D(filters, 3, use_bias=False, name="roi_conv")(_first(inputs, filters))))
    x = layers.Dense(2 * embedding, use_bias=False, name="roi_dense")(layers.Flatten()(x))
    x = layers.ReLU()(normalise(x))
    deltas = layers.Dense(4, kernel_initializer="zeros", name="roi_deltas")(x)
    found = normalise(layers.Dense(embedding, use_bias=False, name="roi_embedding")(x))
    if plain:  # both of the same length: neither counts for more
        seen = layers.GlobalAveragePooling2D()(Channels(filters, filters + plain)(inputs))
        found = layers.Concatenate()([layers.UnitNormalization()(found), layers.UnitNormalization()(seen)])
    return keras.Model(inputs, {"embedding": found, "deltas": deltas}, name="roi_head")


def _first(maps: Tensor, count: int) -> Tensor:
    return maps if maps.shape[-1] == count else Channels(0, count)(maps)
