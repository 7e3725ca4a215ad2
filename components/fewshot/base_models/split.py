"""A base model in two parts: a trunk that stays as it is, and the rest, which is trained.

What the trunk makes of an image never changes, so it is computed once for each image instead of at each step.
"""

from typing import NamedTuple

import keras
from keras import layers

from components.fewshot.settings.base_models import LAST


class Parts(NamedTuple):
    """`rest(trunk(images))` is the base model; without a trunk, `rest` is all of it."""

    trunk: keras.Model | None
    rest: keras.Model


def split(model: keras.Model, trainable: str) -> Parts:
    """The parts of a model.

    Args:
      trainable: `all`; `none`, so that the rest only passes feature vectors [B, D] on; or `last N`: the rest has the last N
        layers with a kernel (a convolution, a dense layer), and those before them back to where a single tensor passes. Its
        batch normalisation keeps the moments, scales and offsets it came with.

    Raises:
      ValueError: the model cannot be cut there.
    """
    if trainable == "all":
        return Parts(None, model)
    if trainable == "none":
        inputs = keras.Input(model.input_shape[1:])
        trunk = keras.Model(inputs, _vector(model(inputs)), name=model.name)
        passed = keras.Input(trunk.output_shape[1:])
        rest = keras.Model(passed, layers.Identity()(passed), name=f"{model.name}_features")
    else:
        trunk, rest = _cut(model, int(trainable.removeprefix(LAST)))
    kept = [layer for layer in rest._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    for layer in [*kept, *trunk._flatten_layers(include_self=False)]:
        layer.trainable = False
    return Parts(trunk, rest)


def _vector(output: keras.KerasTensor | dict[str, keras.KerasTensor]) -> keras.KerasTensor:
    if isinstance(output, dict):
        return output["vector"]
    return layers.Flatten()(output) if len(output.shape) > 2 else output


def _cut(model: keras.Model, count: int) -> tuple[keras.Model, keras.Model]:
    """The parts of a model whose rest has at least `count` layers with a kernel, and as few more as can be."""
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    steps = _steps(model)
    after = 0  # kernels behind the place that is looked at
    for place in reversed(range(len(steps))):
        operation, inputs, outputs = steps[place]
        kernels = _kernels(operation)
        inner = isinstance(operation, keras.Model) and len(inputs) == len(outputs) == 1 and kernels + after > count
        if inner and _alive(steps, place, model) == {id(outputs[0])}:
            return _cut_inside(model, operation, inputs[0], outputs[0], count - after)
        after += kernels
        passing = _alive(steps, place - 1, model)
        if after >= count and len(passing) == 1 and any(_kernels(step[0]) for step in steps[:place]):
            tensor = next(tensor for _, _, made in steps for tensor in made if id(tensor) in passing)
            trunk = keras.Model(model.input, tensor, name=f"{model.name}_trunk")
            return trunk, keras.Model(tensor, model.output, name=f"{model.name}_rest")
    raise ValueError(
        f"base_model.trainable 'last {count}': {model.name!r} has {after} layers with a kernel, and a trunk before the last"
        f" {count} is not to be had; choose fewer, all or none"
    )


def _cut_inside(
    model: keras.Model, inner: keras.Model, into: keras.KerasTensor, out: keras.KerasTensor, count: int
) -> tuple[keras.Model, keras.Model]:
    """The parts of a model, cut within a model that is one of its layers."""
    before, after = _cut(inner, count)
    trunk = keras.Model(model.input, before(into), name=f"{model.name}_trunk")
    passed = keras.Input(trunk.output_shape[1:])
    behind = keras.Model(out, model.output) if id(model.output) != id(out) else None
    rest = after(passed)
    return trunk, keras.Model(passed, behind(rest) if behind else rest, name=f"{model.name}_rest")


Step = tuple[keras.Operation, list[keras.KerasTensor], list[keras.KerasTensor]]


def _steps(model: keras.Model) -> list[Step]:
    """What a model computes, in order: operations with what goes in and what comes out.

    Raises:
      ValueError: it is no graph of layers.
    """
    if not hasattr(model, "_nodes_by_depth"):
        raise ValueError(
            f"base_model.trainable: {model.name!r} is a class of its own, which cannot be cut; choose all or none, or build it of"
            " layers as keras.Model(inputs, outputs)"
        )
    graph = model._nodes_by_depth
    nodes = [node for depth in sorted(graph, reverse=True) for node in graph[depth]]
    return [(node.operation, list(node.input_tensors), list(node.outputs)) for node in nodes]


def _alive(steps: list[Step], place: int, model: keras.Model) -> set[int]:
    """Identities of the tensors that are made up to a step and needed behind it."""
    needed = {id(tensor) for _, inputs, _ in steps[place + 1 :] for tensor in inputs}
    needed |= {id(tensor) for tensor in keras.tree.flatten(model.output)}
    return {id(tensor) for _, _, outputs in steps[: place + 1] for tensor in outputs} & needed


def _kernels(operation: keras.Operation) -> int:
    """How many layers with a kernel an operation holds."""
    if not isinstance(operation, layers.Layer):
        return 0
    leaves = (layer for layer in operation._flatten_layers() if not layer._layers)
    return sum(any(len(weight.shape) > 1 for weight in leaf.weights) for leaf in leaves)
