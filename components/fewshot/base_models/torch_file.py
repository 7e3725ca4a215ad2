"""The tensors in a file that PyTorch saved, without PyTorch and without running anything that the file asks for.

Such a file is a series of pickles, then the numbers of each storage. A pickle may name any function to be called while it is
read. This reader knows the few names that a dictionary of tensors needs, and refuses all others. Source: `torch/serialization.py`
(`_legacy_save`, the format before PyTorch 1.6).
"""

import collections
import pickle
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
}


class _Storage(NamedTuple):
    """Where the numbers of a storage will be: its key in the file, and their type."""

    key: str
    dtype: str


class _Tensor(NamedTuple):
    """A view of a storage."""

    storage: _Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: str) -> dict[str, np.ndarray]:
    """Returns the tensors of a dictionary by their names.

    Raises:
      ValueError: the file is no dictionary of tensors, asks for something else to be called, or is cut off.
    """
    with open(path, "rb") as file:
        try:
            return _tensors_in(file)
        except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            told = f"{path} is no dictionary of tensors as PyTorch before 1.6 saved it ({error}); nothing of it was run"
            raise ValueError(told) from error


def _tensors_in(file: BinaryIO) -> dict[str, np.ndarray]:
    if _Restricted(file).load() != MAGIC:
        raise ValueError("it begins with another number")
    for _ in ("version", "machine"):
        _Restricted(file).load()
    tensors: dict[str, _Tensor] = _Restricted(file).load()
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {key: _numbers(file, dtypes[key]) for key in _Restricted(file).load()}
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _numbers(file: BinaryIO, dtype: str) -> np.ndarray:
    """The numbers of the next storage, after their count."""
    count = int.from_bytes(file.read(8), "little")
    size = count * np.dtype(dtype).itemsize
    content = file.read(size)
    if len(content) < size:
        raise EOFError(f"{size:,} bytes expected, {len(content):,} are left")
    return np.frombuffer(content, dtype)


def _view(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    """A copy, in the order of its shape."""
    last = tensor.start + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
    if 0 in tensor.shape:
        return np.empty(tensor.shape, storage.dtype)
    if min((tensor.start, *tensor.strides)) < 0 or last >= len(storage):
        raise ValueError("a tensor lies outside its storage")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.start :], tensor.shape, strides, writeable=False).copy()


def _rebuild(storage: _Storage, start: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    """In place of `torch._utils._rebuild_tensor_v2`."""
    return _Tensor(storage, int(start), tuple(map(int, shape)), tuple(map(int, strides)))


class _Restricted(pickle.Unpickler):
    """Finds nothing but what a dictionary of tensors is made of."""

    def find_class(self, module: str, name: str) -> Any:
        """Called for each name in a pickle."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        """Called for each storage: its kind, type, key, device, size and view."""
        kind, dtype, key, *_, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"a storage of an unknown kind ({kind})")
        return _Storage(key, dtype)
