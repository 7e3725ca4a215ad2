"""Weights from outside: told apart by their bytes, and a sentence where they are not there."""

import hashlib
from importlib import metadata

import pytest

from components.fewshot.base_models.outside import PACKAGES, Package, packaged_file, weights_digest
from components.fewshot.settings.base_models import BaseModelSettings


def digest(name: str, **settings) -> str | None:
    return weights_digest(BaseModelSettings(name=name, settings=settings))


def test_a_package_that_is_not_installed():
    with pytest.raises(
        ValueError, match=r"in the package no-such-weights, which is not installed: pip install 'x\[lite\]', or"
    ):
        packaged_file(Package("no_such_weights", "file.pth", "", "x[lite]"))


def test_a_package_with_other_bytes():
    known = PACKAGES["efficientnet_lite0"]
    assert packaged_file(known).endswith(known.file)
    with pytest.raises(ValueError, match="is not the file of weights that is known: install fewshot-tfx again"):
        packaged_file(known._replace(sha256="0" * 64))
    with pytest.raises(ValueError, match="is not the file of weights that is known"):
        packaged_file(known._replace(file="models/none.pth"))


def test_digests(tmp_path):
    assert digest("conv4") is digest("resnet12", dropout=0.2) is digest("my.networks:net") is None
    assert (
        digest("efficientnet_lite0")
        == f"sha256:{PACKAGES['efficientnet_lite0'].sha256}"
        != digest("efficientnet_lite1")
    )
    assert digest("efficientnet_lite0", weights=None) is None

    file = tmp_path / "model.keras"
    file.write_bytes(b"one")
    assert digest(f"file:{file}") == f"sha256:{hashlib.sha256(b'one').hexdigest()}"
    file.write_bytes(b"two, longer")
    assert digest(f"file:{file}") == f"sha256:{hashlib.sha256(b'two, longer').hexdigest()}"
    with pytest.raises(ValueError, match=r"^base_model: .*none.keras is no file that can be read$"):
        digest(f"file:{tmp_path / 'none.keras'}")

    assert digest("keras.applications:ResNet50") is None
    assert digest("keras.applications:ResNet50", weights=str(file)) == digest(f"file:{file}")
    assert digest("keras.applications:ResNet50", weights="imagenet") == f"imagenet of keras {metadata.version('keras')}"
