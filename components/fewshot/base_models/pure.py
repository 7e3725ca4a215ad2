"""Any `keras.Model` as a pure function of explicit weights; the caller chooses the statistics of batch normalisation."""

import hashlib
import math

import keras
import numpy as np
from keras import ops

from components.fewshot.base_models.batch_norm import Statistics, normalising_by
from components.fewshot.base_models.precision import precision_in_force
from components.fewshot.base_models.twin import has_chosen_batch_norm, twin_of
from components.fewshot.base_models.weights import weights_of
from components.fewshot.tensors import Features, Images, Scalar, Tensor

OUTPUTS = {"map", "vector"}


class PureModel:
    """`features, state = pure(trainable, state, images, training=..., batch_statistics=...)`.

    Args:
      model: maps float32 images [B, H, W, C] in 0..1 to features: a vector [B, D], a map [B, h, w, C], or both by name as
        `{"map": ..., "vector": ...}`, maybe beside others. Where there is only a map, its values in a row are the vector.
      trunk: what images go through before `model` gets them (`split`); it is never trained.

    Raises:
      ValueError: the model has no input shape, other outputs, or a regulariser of activities.
    """

    def __init__(self, model: keras.Model, trunk: keras.Model | None = None) -> None:
        if not model.built:
            raise ValueError(f"base model {model.name!r} has no input shape yet: start it with keras.Input or build it")
        self.model = model
        self.trunk = None if trunk is None else Trunk(trunk)
        self.weights = weights_of(model)  # by the identity of their variables
        self._output = _output_of(model)
        _check_regularisers(model)
        self._flags = _trainable_flags(model)
        self._twin = twin_of(model)
        self._in_twin = {
            id(variable): its_twin for variable, its_twin in zip(model.variables, self._twin.variables, strict=True)
        }
        if self._twin is not model:
            self._check_twin()

    def __call__(
        self,
        trainable: list[Tensor],
        state: list[Tensor],
        images: Images,
        *,
        training: bool,
        batch_statistics: bool,
        keep_exactly: bool = False,
        folded: bool = False,
    ) -> tuple[Features, list[Tensor]]:
        """Features of images, and the state (the non-trainable weights) after the call.

        Args:
          training: whether dropout and similar layers are active.
          batch_statistics, keep_exactly, folded: how batch normalisation is done (`batch_norm.Statistics`).

        Raises:
          ValueError: `trainable` of the model or of a layer was changed since this was made.
        """
        statistics = Statistics(batch_statistics, keep_exactly, folded)
        output, state = self._called(self._twin, trainable, state, images, training, statistics)
        return _features(output), state

    def part(
        self,
        name: str,
        trainable: list[Tensor],
        state: list[Tensor],
        inputs: Tensor,
        *,
        training: bool,
        batch_statistics: bool,
    ) -> tuple[Tensor | dict[str, Tensor], list[Tensor]]:
        """What a model within the model makes of its inputs, and the state after the call; as the whole is called.

        Args:
          name: of the model within. All weights are given, not only its own.

        Raises:
          ValueError: as the whole, or there is no part of this name.
        """
        statistics = Statistics(batch_statistics)
        output, state = self._called(self._twin.get_layer(name), trainable, state, inputs, training, statistics)
        return keras.tree.map_structure(_widened, output), state

    def _called(
        self,
        part: keras.Model,
        trainable: list[Tensor],
        state: list[Tensor],
        inputs: Tensor,
        training: bool,
        statistics: Statistics,
    ) -> tuple[Tensor | dict[str, Tensor], list[Tensor]]:
        if _trainable_flags(self.model) != self._flags:
            raise ValueError(
                f"base model {self.model.name!r}: `trainable` was changed after the learner was made; freeze layers first, and "
                "then make the learner (a PureModel or MetaLearningModel)"
            )
        own = [self._in_twin[id(variable)] for variable in self.model.trainable_variables]
        own_state = [self._in_twin[id(variable)] for variable in self.model.non_trainable_variables]
        mapping = [*zip(own, trainable, strict=True), *zip(own_state, state, strict=True)]
        with (
            normalising_by(statistics),
            precision_in_force(self._twin),
            keras.StatelessScope(mapping) as scope,
        ):
            output = part.call(inputs, training=training)
        return output, [scope.get_current_value(variable) for variable in own_state]

    def _check_twin(self) -> None:
        """Compares model and twin on two images: a configuration that lacks an argument would build another function."""
        images = np.random.default_rng(0).random((2, *(side or 32 for side in self.model.input_shape[1:])), np.float32)
        trainable = [variable.value for variable in self.model.trainable_variables]
        state = [variable.value for variable in self.model.non_trainable_variables]
        ours = self(trainable, state, ops.convert_to_tensor(images), training=False, batch_statistics=False)[0].vector
        theirs = _features(self.model(images, training=False)).vector
        if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-3 * float(ops.max(ops.abs(theirs))), equal_nan=True):
            raise ValueError(
                f"base model {self.model.name!r}: a layer or model of your own, built a second time from its `get_config`, "
                "computes something else; its `get_config` must hold all arguments of the constructor"
            )

    def penalty(self, trainable: list[Tensor]) -> Scalar | None:
        """Sum of the regularisation losses of the trainable weights, or None where no weight has a regulariser."""
        pairs = zip(self.model.trainable_variables, trainable, strict=True)
        losses = [variable.regularizer(tensor) for variable, tensor in pairs if variable.regularizer is not None]
        return sum(losses[1:], losses[0]) if losses else None

    @property
    def has_batch_norm(self) -> bool:
        """Whether the choice of statistics makes any difference."""
        return has_chosen_batch_norm(self._twin)

    @property
    def feature_size(self) -> int:
        """D of the feature vectors [B, D].

        Raises:
          ValueError: it depends on the size of the images.
        """
        output = self._output["vector"] if isinstance(self._output, dict) else self._output
        shape = tuple(output.shape)
        if None in shape[1:]:
            raise ValueError(f"base model {self.model.name!r}: expected an output of fixed size, got {shape}")
        return math.prod(shape[1:])


class Trunk:
    """The part of a base model that stays as it is: from images to what is trained on, as a pure function of its weights.

    Args:
      model: maps float32 images [B, H, W, C] in 0..1 to a map [B, h, w, C] or to vectors [B, D].
    """

    def __init__(self, model: keras.Model) -> None:
        self._pure = PureModel(model)
        self.output_shape: tuple[int, ...] = tuple(model.output_shape[1:])

    def __call__(self, weights: list[Tensor], images: Images) -> Tensor:
        """Float32 [B, *output_shape], given `values` or copies of them."""
        trained = len(self._pure.model.trainable_variables)
        features, _ = self._pure(
            weights[:trained], weights[trained:], images, training=False, batch_statistics=False, folded=True
        )
        return features.vector if features.map is None else features.map

    def values(self) -> list[Tensor]:
        """Its weights."""
        return [variable.value for variable in self._variables()]

    def digest(self) -> str:
        """SHA-256 (hex) of its weights."""
        total = hashlib.sha256()
        for variable in self._variables():
            total.update(f"{self._pure.weights[id(variable)].name} {variable.shape}".encode())
            total.update(ops.convert_to_numpy(variable).tobytes())
        return total.hexdigest()

    def _variables(self) -> list[keras.Variable]:
        return [*self._pure.model.trainable_variables, *self._pure.model.non_trainable_variables]


def _features(output: Tensor | dict[str, Tensor]) -> Features:
    """Map and vector in at least float32: half precision is widened, float64 stays."""
    if isinstance(output, dict):
        return Features(_widened(output["map"]), _widened(output["vector"]))
    rank, output = len(output.shape), _widened(output)
    vector = ops.reshape(output, (ops.shape(output)[0], -1)) if rank > 2 else output
    return Features(output if rank == 4 else None, vector)


def _widened(tensor: Tensor) -> Tensor:
    return ops.cast(tensor, keras.backend.result_type(tensor.dtype, "float32"))


def _output_of(model: keras.Model) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
    """What the model returns, as Keras's placeholders.

    Raises:
      ValueError: it is neither one output nor a map and a vector by name.
    """
    output = model.outputs[0] if isinstance(model, keras.Sequential) else getattr(model, "output", None)
    if hasattr(output, "shape") or (isinstance(output, dict) and set(output) >= OUTPUTS):
        return output
    got = sorted(output) if isinstance(output, dict) else type(output).__name__
    raise ValueError(
        f"base model {model.name!r}: expected one output, or two named 'map' and 'vector', got {got}; a model that is a "
        "class of your own becomes one as keras.Model(inputs, your_model(inputs))"
    )


def _trainable_flags(model: keras.Model) -> list[bool]:
    """Which layers and weights are trained: of layers too, for a frozen batch normalisation need not have trained weights."""
    return [one.trainable for one in (*model._flatten_layers(), *model.variables)]


def _check_regularisers(model: keras.Model) -> None:
    for layer in model._flatten_layers():
        if getattr(layer, "activity_regularizer", None) is not None:
            raise ValueError(
                f"base model {model.name!r}: layer {layer.name!r} has an activity regulariser, which episodes do not "
                "train by; regularise its weights (kernel_regularizer) instead"
            )
