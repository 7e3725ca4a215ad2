"""Images in a bucket: what is listed, and how many requests it takes."""

import uuid

import pytest

from data.annotations.listing import list_annotated
from data.listing import fingerprint
from data.settings import ImageSetSettings
from data.sources.folders import list_folder
from tests.cloud.bucket import PAGE, Bucket


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    with Bucket(f"b-{uuid.uuid4().hex[:8]}", tmp_path / "server") as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def test_classes_of_a_bucket(bucket):
    for name in (
        "oak [v2]/1.png",
        "oak [v2]/2.png",
        "Angelic/a b/1.png",
        "notes/read.me",
        ".x/1.png",
        "loose.png",
        "empty/",
    ):
        bucket.put(f"pictures/{name}", b"12345")
    bucket.put("pictures-of-others/elm/1.png", b"12345")
    listed = list_folder(f"gs://{bucket.name}/pictures/")
    root = f"gs://{bucket.name}/pictures"
    assert [(file.class_name, file.source_id, file.size, file.path) for file in listed.files] == [
        ("Angelic/a b", "Angelic/a b/1.png", 5, f"{root}/Angelic/a b/1.png"),
        ("oak [v2]", "oak [v2]/1.png", 5, f"{root}/oak [v2]/1.png"),
        ("oak [v2]", "oak [v2]/2.png", 5, f"{root}/oak [v2]/2.png"),
    ]
    assert [one.path for one in listed.rejected] == [f"{root}/loose.png"]
    assert listed.passed_over == {f"{root}/notes": 1, f"{root}/.x": 1}


def test_requests_are_a_constant_and_one_for_each_thousand_names(bucket):
    for image in range(3 * PAGE):
        bucket.put(f"pictures/{image % 40}/{image}.png", b"12345")
    assert len(list_folder(f"gs://{bucket.name}/pictures").files) == 3 * PAGE
    pages = [one for one in bucket.requests if one.path.endswith("/o")]
    assert len(pages) == 3 and len(bucket.requests) <= len(pages) + 3, "beside it a token, once"


def test_annotations_of_a_bucket(bucket):
    """They are read, and pictures are not."""
    for name in ("train/images/1.jpg", "train/images/2.jpg", "val/images/1.jpg"):
        bucket.put(f"scenes/{name}", b"12345")
    bucket.put("scenes/train/labels/1.txt", b"1 0.5 0.5 0.5 0.5")
    bucket.put("scenes/val/labels/1.txt", b"")
    bucket.put("scenes/data.yaml", b"names: [cat, dog]")
    found = list_annotated(f"gs://{bucket.name}/scenes")
    root = f"gs://{bucket.name}/scenes"
    assert [(one.file.path, [each.class_name for each in one.told.objects]) for one in found.pictures] == [
        (f"{root}/train/images/1.jpg", ["dog"]),
        (f"{root}/val/images/1.jpg", []),
    ]
    assert [one.path for one in found.unannotated] == [f"{root}/train/images/2.jpg"]
    assert not [one for one in bucket.requests if one.path.endswith("jpg")]
    one = list_annotated(f"gs://{bucket.name}/scenes/train", f"gs://{bucket.name}/scenes/train/labels/1.txt")
    assert [each.class_name for each in one.pictures[0].told.objects] == ["1"]


def test_an_image_that_is_written_again_is_another_listing(bucket):
    for side in ("train", "test"):
        for image in range(40):
            bucket.put(f"{side}/{side}-{image % 8}/{image}.png", b"12345")
    settings = ImageSetSettings(**{f"{side}_dir": f"gs://{bucket.name}/{side}" for side in ("train", "test")})
    before = fingerprint(settings)
    assert fingerprint(settings) == before
    bucket.put("test/test-0/0.png", b"54321")
    assert fingerprint(settings) != before


def test_a_bucket_without_images_and_one_that_is_not_there(bucket):
    with pytest.raises(ValueError, match=r"/nothing' is not a folder, or is empty: correct the path"):
        list_folder(f"gs://{bucket.name}/nothing")
    with pytest.raises(ValueError, match=r"'gs://': expected a bucket and a folder"):
        list_folder("gs://")
    with pytest.raises(ValueError, match=r"'gs:///x': expected a bucket and a folder"):
        list_folder("gs:///x")
    bucket.closed = True
    with pytest.raises(ValueError, match=r"'gs://b-.*/nothing' cannot be listed: .*no right to do so"):
        list_folder(f"gs://{bucket.name}/nothing")
