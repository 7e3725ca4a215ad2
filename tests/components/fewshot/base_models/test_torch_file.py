"""Files of PyTorch, written here by hand as `torch/serialization.py` wrote them before 1.6."""

import collections
import os
import pickle
import struct

import numpy as np
import pytest

from components.fewshot.base_models.torch_file import MAGIC, read_tensors


class Named:
    """Pickled as the name of something in a module that need not exist."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Called:
    """Pickled as the call of a function."""

    def __init__(self, function: Named, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class Storage:
    """Pickled as a reference to the numbers at the end of the file."""

    def __init__(self, key: str, kind: str = "FloatStorage", view: object = None) -> None:
        self.key, self.kind, self.view = key, kind, view


class Writer(pickle._Pickler):
    """Python's own pickler in Python, which can be told to write a name as it is."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_named(self, named: Named) -> None:
        self.write(pickle.GLOBAL + f"{named.module}\n{named.name}\n".encode())

    dispatch[Named] = save_named

    def save_reduce(self, func, args, *rest, obj=None, **more):
        if not isinstance(func, Named):
            super().save_reduce(func, args, *rest, obj=obj, **more)
            return
        self.save(func)
        self.save(args)
        self.write(pickle.REDUCE)

    def persistent_id(self, one):
        if isinstance(one, Storage):
            return ("storage", Named("torch", one.kind), one.key, "cpu", 6, one.view)
        return None


REBUILD = Named("torch._utils", "_rebuild_tensor_v2")


def tensor(storage, start=0, shape=(2, 3), strides=(3, 1)):
    return Called(REBUILD, storage, start, shape, strides, False, collections.OrderedDict())


def write(path, content, storages=(("0", range(6), "f"),), magic=MAGIC):
    with open(path, "wb") as file:
        for one in (magic, 1001, {"little_endian": True}, content, [key for key, *_ in storages]):
            Writer(file, 2).dump(one)
        for _, numbers, kind in storages:
            file.write(struct.pack(f"<q{len(numbers)}{kind}", len(numbers), *numbers))
    return str(path)


def test_tensors_by_name(tmp_path):
    numbers = Storage("0")
    content = collections.OrderedDict(
        whole=tensor(numbers),
        turned=tensor(numbers, 0, (3, 2), (1, 3)),
        part=tensor(numbers, 4, (2,), (1,)),
        one=tensor(Storage("1", "LongStorage"), 0, (), ()),
        none=tensor(numbers, 0, (0, 3), (3, 1)),
    )
    found = read_tensors(write(tmp_path / "file.pth", content, (("0", range(6), "f"), ("1", [7], "q"))))
    assert found["whole"].dtype == np.float32 and found["whole"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["turned"].tolist() == [[0, 3], [1, 4], [2, 5]] and found["turned"].flags.c_contiguous
    assert found["part"].tolist() == [4, 5]
    assert found["one"].dtype == np.int64 and found["one"] == 7
    assert found["none"].shape == (0, 3)


def test_nothing_of_it_is_run(tmp_path):
    path = write(tmp_path / "file.pth", {"x": Called(Named("os", "mkdir"), str(tmp_path / "made"))})
    with pytest.raises(
        ValueError, match=r"file.pth is no dictionary of tensors .*it asks for os.mkdir.*nothing of it was run"
    ):
        read_tensors(path)
    assert os.listdir(tmp_path) == ["file.pth"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"x": tensor(Storage("0"), 1)}, "a tensor lies outside its storage"),
        ({"x": tensor(Storage("0"), 0, (2, 3), (-3, 1))}, "a tensor lies outside its storage"),
        ({"x": tensor(Storage("0", "QUInt8Storage"))}, "it asks for torch.QUInt8Storage"),
        ({"x": tensor(Storage("0", view=("1", 0, 6)))}, "a storage of an unknown kind"),
        ({"x": tensor(Storage("9"))}, "'0'"),
        ({"x": 3}, "has no attribute"),
        ([1], "has no attribute"),
    ],
)
def test_other_content(tmp_path, content, said):
    with pytest.raises(ValueError, match="is no dictionary of tensors") as error:
        read_tensors(write(tmp_path / "file.pth", content))
    assert said in str(error.value)


def test_other_files(tmp_path):
    path = write(tmp_path / "file.pth", {"x": tensor(Storage("0"))})
    whole = (tmp_path / "file.pth").read_bytes()
    for size in (0, 5, 20, len(whole) // 2, len(whole) - 1):
        (tmp_path / "file.pth").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="is no dictionary of tensors"):
            read_tensors(path)
    with pytest.raises(ValueError, match="it begins with another number"):
        read_tensors(write(tmp_path / "file.pth", {}, magic=1))
