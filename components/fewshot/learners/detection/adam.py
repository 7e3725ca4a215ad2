"""Steps of Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980) within an adaptation, where weights are tensors."""

from collections.abc import Callable

from keras import ops

from components.fewshot.learners.gradients import value_and_grad
from components.fewshot.tensors import Scalar, Tensor

MEAN, SQUARE, LEAST = (
    0.9,
    0.999,
    1e-8,
)  # shares that a step keeps of both moments, and what is added to a root: the paper's


def descended(loss: Callable[[list[Tensor]], Scalar], start: list[Tensor], steps: int, rate: float) -> list[Tensor]:
    """Where `steps` steps lead from `start`, downhill on `loss`, a function of tensors of the same shapes."""
    count = len(start)

    def step(number: Tensor, flat: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        at, means, squares = flat[:count], flat[count : 2 * count], flat[2 * count :]
        _, gradients = value_and_grad(lambda at: (loss(at), ()), list(at))
        means = tuple(MEAN * m + (1 - MEAN) * g for m, g in zip(means, gradients, strict=True))
        squares = tuple(SQUARE * s + (1 - SQUARE) * g * g for s, g in zip(squares, gradients, strict=True))
        done = ops.cast(number, "float32") + 1.0
        length = rate * ops.sqrt(1.0 - SQUARE**done) / (1.0 - MEAN**done)
        moved = zip(at, means, squares, strict=True)
        return (*(a - length * m / (ops.sqrt(s) + LEAST) for a, m, s in moved), *means, *squares)

    zeros = [ops.zeros_like(tensor) for tensor in start]
    return list(ops.fori_loop(0, steps, step, (*start, *zeros, *zeros))[:count])
