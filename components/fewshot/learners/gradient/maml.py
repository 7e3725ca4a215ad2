"""Model-agnostic meta-learning (Finn et al. 2017, https://arxiv.org/abs/1703.03400).

The inner loop takes a few gradient steps on the support set with all weights. The outer loop learns initial weights from which
these steps work well. Its gradients pass through the steps (second order) or, with `first_order`, ignore how they depend on
the initial weights.
"""

import keras
from keras import ops

from components.fewshot.episodes.task import Task
from components.fewshot.learners.gradients import value_and_grad
from components.fewshot.learners.interface import Aux, Learner, Part, TaskState, Weights
from components.fewshot.learners.maths import cross_entropy, linear_head
from components.fewshot.settings.learners import MAMLSettings
from components.fewshot.tensors import Images, Labels, Logits, Scalar, Tensor, Vectors, Way


class MAML(Learner[Task]):
    """Task state: `fast_i`, all adapted weights: the base model's, then the head's kernel [D, way] and bias [way]."""

    Settings = MAMLSettings
    has_fixed_head = MAMLSettings.has_fixed_head
    settings: MAMLSettings

    def build(self) -> list[keras.Variable]:
        """A linear head for `way` classes."""
        if self.way is None:
            raise ValueError("learner 'maml' has a fixed head: train_episodes.way must be one number, not a range")
        return linear_head(self.base.feature_size, self.way, self.seed)

    def adapt(self, weights: Weights, support: Images, labels: Labels, way: Way) -> TaskState:
        """`test_steps` steps of gradient descent on the support set."""

        def step(_: Tensor, fast: list[Tensor]) -> list[Tensor]:
            return self._inner_step(weights.state, fast, support, labels, training=False)[0]

        # No outer gradient is taken here, so this is a loop, whose graph does not grow with its steps.
        fast = ops.fori_loop(0, self.settings.test_steps, step, weights.base + weights.own)
        state = self._state_after(weights.state, fast, support, training=False)
        return {f"fast_{i}": tensor for i, tensor in enumerate(fast)} | self.keep_state(state)

    def predict(self, weights: Weights, task_state: TaskState, query: Images) -> Logits:
        """Logits of the adapted model."""
        fast = [task_state[f"fast_{i}"] for i in range(len(weights.base) + 2)]
        state = self.kept_state(weights, task_state)
        return _head(fast, self.query_features(fast[:-2], state, query, training=False)[0].vector)

    def loss(self, weights: Weights, unit: Task) -> tuple[Scalar, Aux]:
        """Cross-entropy of the queries after `steps` steps."""
        fast, state = self._inner_loop(weights, unit.support, unit.support_labels)
        features, state = self.query_features(fast[:-2], state, unit.query, training=True)
        logits = _head(fast, features.vector)
        return cross_entropy(logits, unit.query_labels), Aux(
            logits, unit.query_labels, self.moved_moments(weights.state, state)
        )

    def task_state_parts(self, way: Way) -> dict[str, Part]:
        """The adapted weights, and the support set's moments where they are kept."""
        weights = self.variables()
        fast = enumerate(weights.base + weights.own)
        parts = {f"fast_{i}": Part(tuple(variable.shape), variable.dtype) for i, variable in fast}
        return parts | self.kept_parts()

    def _inner_loop(self, weights: Weights, support: Images, labels: Labels) -> tuple[list[Tensor], list[Tensor]]:
        """Fast weights after the steps of training, unrolled so that gradients pass through them, and the state under
        which queries are normalised."""
        fast, state = weights.base + weights.own, weights.state
        for _ in range(self.settings.steps):
            fast, state = self._inner_step(state, fast, support, labels, training=True)
        return fast, self._state_after(state, fast, support, training=True)

    def _inner_step(
        self, state: list[Tensor], fast: list[Tensor], support: Images, labels: Labels, training: bool
    ) -> tuple[list[Tensor], list[Tensor]]:
        def loss(at: list[Tensor]) -> tuple[Scalar, list[Tensor]]:
            features, after = self.support_features(at[:-2], state, support, training)
            return cross_entropy(_head(at, features.vector), labels), after

        (_, after), gradients = value_and_grad(loss, fast)
        if self.settings.first_order:
            gradients = [ops.stop_gradient(gradient) for gradient in gradients]
        return [w - self.settings.inner_rate * g for w, g in zip(fast, gradients, strict=True)], after

    def _state_after(self, state: list[Tensor], fast: list[Tensor], support: Images, training: bool) -> list[Tensor]:
        """The state under which queries are normalised: with `support`, the moments of the weights after the last step."""
        if self.batch_norm != "support":
            return state
        return self.support_features(fast[:-2], state, support, training)[1]


def _head(weights: list[Tensor], vectors: Vectors) -> Logits:
    return ops.matmul(vectors, weights[-2]) + weights[-1]
