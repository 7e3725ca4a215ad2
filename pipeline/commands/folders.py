"""What folders of images are to each kind of task: how they are listed, and the store that their images become."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from components.fewshot.episodes.episode import Episode, EpisodeSpec
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.episodes.scene_sampler import SceneSampler
from components.fewshot.images.object_files import store_of_objects
from components.fewshot.images.object_rows import Object, object_rows
from components.fewshot.images.store import ImageStore, objects_in
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION
from components.image_example_gen.facts import Fact
from data.annotations.placing import placed
from data.annotations.scenes import list_all_scenes, read_annotation
from data.sources.folders import ImageFile, Listing, domain_of
from data.sources.image_sets import list_roots


class Folders(NamedTuple):
    """How folders are read for a kind of task.

    Attributes:
      listed: all images of some folders, with annotations if these are elsewhere.
      classes: those that an image shows.
      store: of images that were opened, each with what was found out about it.
      sampler: draws episodes from a store, by number.
    """

    listed: Callable[[Sequence[str], str | None], Listing]
    classes: Callable[[ImageFile], set[str]]
    store: Callable[[Sequence[tuple[ImageFile, Fact]]], ImageStore]
    sampler: Callable[[ImageStore, EpisodeSpec, int], Callable[[int], Episode]]


def _list_classes(folders: Sequence[str], annotations: str | None) -> Listing:
    if annotations:
        raise ValueError("--annotations goes with a detector, and this model says what a whole image is")
    return list_roots(folders)


def _list_scenes(folders: Sequence[str], annotations: str | None) -> Listing:
    if annotations and len(folders) > 1:
        raise ValueError(f"--annotations goes with one folder in --images, got {len(folders)}")
    return list_all_scenes(*folders, annotations=annotations)


def _image_store(images: Sequence[tuple[ImageFile, Fact]]) -> ImageStore:
    classes: dict[str, list[tuple[str, str]]] = {}
    for file, _ in images:
        classes.setdefault(file.class_name, []).append((file.source_id, file.path))
    return ImageStore.from_files(classes)


def _classes_of_scene(file: ImageFile) -> set[str]:
    told, strangers = read_annotation(file.annotation)
    return {one.class_name for one in told.objects if not one.ignored} - strangers


def _scene_store(images: Sequence[tuple[ImageFile, Fact]]) -> ImageStore:
    rows = []
    for file, fact in images:
        told, strangers = read_annotation(file.annotation)
        stored = (fact.width, fact.height) if fact.orientation >= 5 else (fact.height, fact.width)
        objects = [
            Object(name, domain_of(name), (ymin, xmin, ymax, xmax), ignored, name in strangers)
            for name, ymin, xmin, ymax, xmax, ignored in placed(told, *stored, fact.orientation).boxes
        ]
        rows += [(row, file.path) for row in object_rows(file.source_id, objects)]
    return store_of_objects(rows)


FOLDERS: Mapping[str, Folders] = {
    CLASSIFICATION: Folders(
        _list_classes,
        lambda file: {file.class_name},
        _image_store,
        lambda store, spec, seed: EpisodeSampler(store.index, spec, seed),
    ),
    DETECTION: Folders(
        _list_scenes,
        _classes_of_scene,
        _scene_store,
        lambda store, spec, seed: SceneSampler(objects_in(store), spec, seed),
    ),
}
