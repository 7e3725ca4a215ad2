"""What training compiles runs on a GPU under op determinism. No GPU is needed: the graphs are read, and compared with the
kernels that this build of TensorFlow registers and with the operations that it refuses if they must be deterministic."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.python.framework.kernels import get_registered_kernels_for_op

from components.fewshot.base_models.pure import PureModel
from components.fewshot.base_models.table import BASE_MODELS, BaseModelSettings, build_base_model
from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.images.store import ArrayStore
from components.fewshot.learners import LEARNERS, LearnerChoice, build_learner
from components.fewshot.training.episode_logits import compiled_logits
from components.fewshot.training.optimizer import build_optimizer
from components.fewshot.training.settings import TrainingSettings
from components.fewshot.training.step import compiled_step, make_deterministic
from components.fewshot.training.units import training_units

MODES = ("running", "support", "transductive")
CUDA = tf.sysconfig.get_build_info()["is_cuda_build"]  # as on Linux; elsewhere no build registers a GPU kernel


def always(node: NodeDef) -> bool:
    return True


def not_training(node: NodeDef) -> bool:
    return not node.attr["is_training"].b


# Operation -> (for which nodes, why). "Unimplemented" is what TensorFlow raises at run time; these are all operations of which
# libtensorflow_cc 2.21 says so (the strings in it with "determinis"). Not among them are what needs a newer cuDNN than this
# build is made for (the gradient of a depthwise convolution), sums over segments (deterministic since 2.8), and variables of
# TensorFlow 1. Scatters are no error, but leave the GPU.
UNIMPLEMENTED = "Unimplemented: no deterministic GPU implementation is available"
NOT_DETERMINISTIC: dict[str, tuple[Callable[[NodeDef], bool], str]] = {
    **dict.fromkeys(
        ("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3"),
        (not_training, f"{UNIMPLEMENTED} of fused batch-norm backprop when training is disabled"),
    ),
    "SoftmaxCrossEntropyWithLogits": (always, f"{UNIMPLEMENTED} (the Python function has another path)"),
    "SparseSoftmaxCrossEntropyWithLogits": (always, f"{UNIMPLEMENTED} (the Python function has another path)"),
    "MaxPoolGradWithArgmax": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "ResizeNearestNeighborGrad": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "CropAndResizeGradImage": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "CropAndResizeGradBoxes": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "Dilation2DBackpropInput": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "Dilation2DBackpropFilter": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "SparseTensorDenseMatMul": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "AdjustContrast": (always, f"{UNIMPLEMENTED}: its mean adds up in any order"),
    "AdjustContrastv2": (always, f"{UNIMPLEMENTED}: its mean adds up in any order"),
    "Bincount": (always, f"{UNIMPLEMENTED}: counts in any order"),
    "DenseBincount": (always, f"{UNIMPLEMENTED}: counts in any order"),
    "FakeQuantWithMinMaxVarsGradient": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "FakeQuantWithMinMaxVarsPerChannelGradient": (always, f"{UNIMPLEMENTED}: adds up in any order"),
    "Svd": (always, f"{UNIMPLEMENTED} for matrices of one column"),
    "DebugNumericSummaryV2": (always, f"{UNIMPLEMENTED} for summaries of health"),
    "Timestamp": (always, "refused: the time is another in each run"),
    "NonDeterministicInts": (always, "other numbers in each run, on any device"),
    **dict.fromkeys(
        (
            *("ScatterNd", "ScatterNdNonAliasingAdd", "TensorScatterUpdate", "TensorScatterAdd", "TensorScatterSub"),
            *("TensorScatterMin", "TensorScatterMax", "ResourceScatterNdUpdate", "ResourceScatterNdAdd"),
            *("ResourceScatterNdSub", "ResourceScatterAdd", "ResourceScatterSub", "ResourceScatterUpdate"),
        ),
        (always, "leaves the GPU: if it must be deterministic, it is computed on the CPU, with copies there and back"),
    ),
}


def nodes_of(function: tf.types.experimental.ConcreteFunction) -> Iterator[NodeDef]:
    """All nodes of a compiled function, also those of loops, branches and the functions that it calls."""
    graph = function.graph.as_graph_def()
    called = {one.signature.name for one in graph.library.function}
    for node in (*graph.node, *(node for one in graph.library.function for node in one.node_def)):
        if node.op not in called:
            yield node


def has_gpu_kernel(node: NodeDef) -> bool:
    """Whether a kernel for a GPU is registered for a node of just these dtypes; `DEFAULT` is a kernel for any device."""

    def fits(constraint) -> bool:
        attribute = node.attr[constraint.name]
        dtypes = attribute.list.type or [attribute.type]
        return set(dtypes) <= set(constraint.allowed_values.list.type)

    kernels = get_registered_kernels_for_op(node.op).kernel
    return any(kernel.device_type in ("GPU", "DEFAULT") and all(map(fits, kernel.constraint)) for kernel in kernels)


def offending(function: tf.types.experimental.ConcreteFunction) -> list[str]:
    """The nodes that a GPU cannot compute under op determinism, each with the reason."""
    found = []
    for node in nodes_of(function):
        holds, why = NOT_DETERMINISTIC.get(node.op, (always, ""))
        if why and holds(node):
            found.append(f"{node.name} ({node.op}): {why}")
        elif CUDA and not has_gpu_kernel(node):
            found.append(f"{node.name} ({node.op}): no GPU kernel of its dtypes is registered")
    return found


def base_model(frozen: bool) -> PureModel:
    """All that the base models are made of; `frozen` is the batch normalisation under trained layers."""
    inputs = x = keras.Input((8, 8, 1))
    for trainable in (not frozen, False) if frozen else (True, False):
        x = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(x)
        x = layers.LeakyReLU(0.1)(layers.BatchNormalization(trainable=trainable)(x))
        x = layers.Dropout(0.1)(layers.MaxPooling2D()(x))
    x = layers.ReLU()(layers.BatchNormalization(trainable=not frozen)(layers.Dense(5)(layers.Flatten()(x))))
    return PureModel(keras.Model(inputs, x))


def compiled(name: str, base: PureModel, training: dict | None = None, **settings) -> list:
    """The compiled functions of training a learner: the step, and the evaluation of a validation episode."""
    make_deterministic(0)
    store = ArrayStore(np.zeros((12, *base.model.input_shape[1:]), np.uint8), np.repeat(np.arange(4), 3))
    learner = build_learner(LearnerChoice(name=name, settings=settings), base, 3, 4)
    chosen = TrainingSettings(**{"meta_batch": 2, "gradient_clip": 1.0} | (training or {}))
    trained = learner.variables().base + learner.variables().own
    optimizer = build_optimizer(chosen, trained)
    optimizer.build(trained)
    units = training_units(learner.unit, store, EpisodeSpec(way=3, shot=1, query=1), chosen, 0)
    step = compiled_step(learner, optimizer, units, chosen)
    return [step.get_concrete_function(), compiled_logits(learner, store).get_concrete_function()]


@pytest.mark.parametrize("name", sorted(LEARNERS))
@pytest.mark.parametrize(("mode", "frozen"), [*((mode, False) for mode in MODES), ("running", True)])
def test_a_gpu_has_deterministic_kernels_for_every_node(name, mode, frozen):
    """With dropout, weight decay and clipping; frozen batch normalisation beside or below trained layers."""
    for function in compiled(name, base_model(frozen), batch_norm=mode):
        assert offending(function) == []


@pytest.mark.parametrize("name", ["maml", "protonet"])
def test_and_for_the_loop_over_tasks(name):
    assert offending(compiled(name, base_model(False), {"layout": "mapped"})[0]) == []


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_and_for_all_that_training_does_at_random(name):
    changes = {"crop": 0.5, "flip": True, "rotation": 10, "translation": 0.1, "zoom": 0.1, "colour": 0.4, "cutout": 0.3}
    mixup = {"mixup": 0.2} if LEARNERS[name].unit == "shuffled" else {}
    settings = {"augmentation": changes, "label_smoothing": 0.1, "warm_up": 5, "weight_decay": 0.01, "head_rate": 2.0}
    images = keras.Input((8, 8, 3))  # colour has all changes
    base = PureModel(keras.Model(images, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(images))))
    assert offending(compiled(name, base, settings | mixup)[0]) == []


@pytest.mark.parametrize("name", sorted(set(BASE_MODELS) - {"pixels"}))  # which has nothing to train
def test_and_for_every_base_model(name):
    settings = {"filters": [4, 4]} if name == "resnet12" else {}
    side = 32 if name == "faster_rcnn" else 8  # its least
    base = PureModel(build_base_model(BaseModelSettings(name=name, settings=settings), (side, side, 1)))
    for function in compiled("protonet", base):
        assert offending(function) == []


@pytest.mark.parametrize(
    "inside", [lambda f: f, tf.function, lambda f: lambda x: tf.while_loop(lambda _: True, f, [x])]
)
def test_what_a_gpu_lacks_is_found_wherever_it_is(inside):
    """In the graph itself, in a function that it calls, and in the body of a loop."""

    def gradient_of_fused(x: tf.Tensor) -> tf.Tensor:
        ones = tf.ones(2)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.compat.v1.nn.fused_batch_norm(x, ones, ones, ones, ones, is_training=False)[0]
        return tape.gradient(y, x)

    function = tf.function(inside(gradient_of_fused)).get_concrete_function(tf.TensorSpec((3, 1, 1, 2)))
    assert "when training is disabled" in " ".join(offending(function))


@pytest.mark.skipif(not CUDA, reason="this build registers no GPU kernels")
def test_a_kernel_of_other_dtypes_is_none():
    """A GPU stacks floats, not bytes."""
    stack = tf.function(lambda x: tf.stack([x, x]))
    assert offending(stack.get_concrete_function(tf.TensorSpec((2, 2), tf.float32))) == []
    assert "no GPU kernel" in " ".join(offending(stack.get_concrete_function(tf.TensorSpec((2, 2), tf.uint8))))
