"""Sets of others, where they lie beside the repository: every object of them is read."""

import json
import re
import tarfile
from pathlib import Path

import pytest

from data.annotations.listing import list_annotated

ARCHIVE = Path(__file__).resolve().parents[4] / "shared" / "data" / "detection.tar"


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    if not ARCHIVE.exists():
        pytest.skip(f"expected {ARCHIVE} with sets of pictures with boxes")
    root = tmp_path_factory.mktemp("sets")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return root / "detection"


def written(root: Path) -> int:
    """The number of objects, counted in the texts."""
    if (root / "annotations.json").exists():
        return len(json.loads((root / "annotations.json").read_text())["annotations"])
    xml = sum(len(re.findall("<object>", file.read_text())) for file in root.glob("annotations/*.xml"))
    return xml or sum(len(file.read_text().splitlines()) for file in root.glob("labels/*.txt"))


@pytest.mark.parametrize(
    ("name", "form", "pictures", "objects", "classes"),
    [
        ("cards", "VOC", 363, 670, 6),
        ("bccd", "VOC", 364, 4886, 3),
        ("chess", "COCO", 288, 2869, 13),
        ("apples", "COCO", 300, 496, 2),
        ("symbols", "COCO", 350, 3613, 51),
        ("cones", "YOLO", 350, 815, 2),
    ],
)
def test_every_object_is_read(sets, name, form, pictures, objects, classes):
    found = list_annotated(str(sets / name))
    assert found.formats == [form] and len(found.pictures) == pictures and len(found.class_names) == classes
    assert sum(len(one.told.objects) for one in found.pictures) == objects
    assert objects + len(found.unfit) == written(sets / name)
    assert not found.rejected and not found.unannotated and not found.passed_over and not found.notes
