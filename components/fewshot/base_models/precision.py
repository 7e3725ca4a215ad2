"""Half precision in the layers of a base model (Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740).

The layers compute in it. Weights, the moments of batch normalisation and the features that come out stay float32, and with them
all distances, sums and losses.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras

FULL = "float32"
_IN_FORCE: ContextVar[str] = ContextVar("precision", default=FULL)


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """While base models are called or traced, their layers compute in this dtype: float32, bfloat16 or float16."""
    token = _IN_FORCE.set(precision)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


@contextmanager
def precision_in_force(model: keras.Model) -> Iterator[None]:
    """While the model is called or traced, its layers compute in the precision of the innermost `computing_in`. A layer whose
    dtype the user chose keeps it."""
    if _IN_FORCE.get() == FULL:
        yield
        return
    usual = [layer for layer in model._flatten_layers() if layer.dtype_policy.name == FULL]
    try:
        for layer in usual:
            layer.dtype_policy = f"mixed_{_IN_FORCE.get()}"
        yield
    finally:
        for layer in usual:
            layer.dtype_policy = FULL
