"""`fewshot inspect`: reads images as a run does, with their classes or boxes, and says what was understood, without TFX."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from components.fewshot.images.seen import BATCH, Seen, see
from components.fewshot.parallel import batched
from components.image_example_gen.facts import Fact
from components.image_example_gen.ingest import facts_of, pixel_digest
from data.annotations.listing import AnnotatedListing, NoAnnotations, list_annotated
from data.annotations.objects import Box, Told, Unfit
from data.annotations.placing import placed
from data.annotations.records import SceneRecord, read_scene_records
from data.sources.folders import ImageFile, Listing, Rejected, list_folder
from data.sources.splits import differ_by_case
from data.sources.tree import is_file
from pipeline.commands.inputs import DEFAULTS
from pipeline.terminal.results import BoxSizes, InspectedBoxes, InspectedClass, Inspection, as_set_aside

MAX_PIXELS = DEFAULTS["max_pixels"].default
RECORDS = "TFRecord"

Progress = Callable[[int], None]


class Looked(NamedTuple):
    """A picture that was opened: what was found out about it, its objects, those that are set aside, and how many boxes reached
    over its edge."""

    fact: Fact
    boxes: tuple[Box, ...] = ()
    unfit: tuple[Unfit, ...] = ()
    cut: int = 0


class Beside(NamedTuple):
    """What was found beside the pictures that were opened, as `AnnotatedListing` has it; `unannotated` are paths."""

    passed_over: Mapping[str, int]
    formats: Sequence[str] = ()
    unannotated: Sequence[str] = ()
    rejected: Sequence[Rejected] = ()
    unfit: Sequence[Unfit] = ()
    class_names: Sequence[str] = ()
    notes: Sequence[str] = ()


def inspect(data: str, annotations: str | None, progress: Progress) -> tuple[Inspection, list[Looked]]:
    """Returns what is in a folder of classes, in a folder of pictures with annotations, or in TFRecords of pictures with boxes.

    Args:
      data: the folder; a TFRecord file, or a pattern of such files.
      annotations: a file or a folder of annotations, if those in the folder are not meant.
      progress: told how many pictures have been opened, again and again.

    Returns:
      The result, and the pictures that were read.

    Raises:
      ValueError: there is no picture, or nothing says what is in them.
    """
    if files := _record_files(data):
        beside = Beside({}, formats=[RECORDS])
        return _summed(list(_look_at_records(files, progress)), beside, has_boxes=True)
    try:
        listed = list_annotated(data, annotations)
    except NoAnnotations as error:
        if annotations:
            raise
        return _classified(_classes(data, error), [error.broken] if error.broken else [], progress)
    return _annotated(listed, progress)


def contents_of(facts: Iterable[Fact]) -> list[bytes]:
    """Returns the bytes of pictures that have been read before, by their paths or from their records."""
    found = []
    for fact in facts:
        if fact.split == RECORDS:
            file = fact.path.removesuffix(f":{fact.source_id}")
            found.append(next(one.encoded for one in read_scene_records(file) if one.source_id == fact.source_id))
        else:
            with tf.io.gfile.GFile(fact.path, "rb") as opened:
                found.append(bytes(opened.read()))
    return found


def _record_files(data: str) -> list[str]:
    if is_file(data):
        return [data]
    return (
        sorted(tf.io.gfile.glob(data)) if any(sign in data for sign in "*?[") and not tf.io.gfile.exists(data) else []
    )


def _classes(data: str, error: NoAnnotations) -> Listing:
    try:
        return list_folder(data)
    except ValueError as other:
        raise ValueError(f"{other}; and if they have boxes: {error}") from other


def _classified(listed: Listing, notes: Sequence[str], progress: Progress) -> tuple[Inspection, list[Looked]]:
    looked = [Looked(fact) for fact in _facts(listed.files, progress)]
    names = sorted({file.class_name for file in listed.files})
    beside = Beside(listed.passed_over, rejected=listed.rejected, class_names=names, notes=notes)
    return _summed(looked, beside, has_boxes=False)


def _annotated(listed: AnnotatedListing, progress: Progress) -> tuple[Inspection, list[Looked]]:
    facts = _facts([one.file for one in listed.pictures], progress)
    looked = [look(one.told, fact) for one, fact in zip(listed.pictures, facts, strict=True)]
    unannotated = [file.path for file in listed.unannotated]
    found = {name: getattr(listed, name) for name in Beside._fields if name != "unannotated"}
    return _summed(looked, Beside(**found, unannotated=unannotated), has_boxes=True)


def _facts(files: Sequence[ImageFile], progress: Progress) -> Iterator[Fact]:
    for number, some in enumerate(batched(files, BATCH)):
        yield from facts_of(some, MAX_PIXELS)
        progress(number * BATCH + len(some))


def look(told: Told, fact: Fact) -> Looked:
    """Returns a picture that was opened, with what its annotation says."""
    if fact.reason:
        return Looked(fact)
    stored = (fact.width, fact.height) if fact.orientation >= 5 else (fact.height, fact.width)
    there = placed(told, *stored, fact.orientation)
    return Looked(fact._replace(reason=there.reason), tuple(there.boxes), tuple(there.unfit), there.cut)


def _look_at_records(files: Sequence[str], progress: Progress) -> Iterator[Looked]:
    records = (record for file in files for record in read_scene_records(file))
    opened = 0
    for some in batched(records, BATCH):
        facts = see([one.encoded for one in some], partial(_fact, some), MAX_PIXELS)
        for one, fact in zip(some, facts, strict=True):
            yield look(one.told, fact)._replace(unfit=one.told.unfit)
        opened += len(some)
        progress(opened)


def _fact(records: Sequence[SceneRecord], number: int, seen: Seen) -> Fact:
    record = records[number]
    path, reason = f"{record.told.path}:{record.source_id}", record.told.reason or seen.reason
    height, width, _ = seen.pixels.shape
    fact = Fact(
        RECORDS, "", record.source_id, path, reason, "", seen.format, height, width, orientation=seen.orientation
    )
    return fact if reason else fact._replace(digest=pixel_digest(seen.pixels))


def _summed(looked: Sequence[Looked], beside: Beside, has_boxes: bool) -> tuple[Inspection, list[Looked]]:
    read = [one for one in looked if not one.fact.reason]
    unread = [Rejected(one.fact.path, one.fact.reason) for one in looked if one.fact.reason]
    names = sorted({*beside.class_names, *(box.class_name for one in read for box in one.boxes)})
    sizes = sorted(((one.fact.height, one.fact.width) for one in read), key=lambda size: (size[0] * size[1], size))
    result: Inspection = {
        "kind": "detection" if has_boxes else "classification",
        "pictures": len(read),
        "picture_sizes": [sizes[0], sizes[len(sizes) // 2], sizes[-1]] if sizes else [],
        "exif_turned": sum(one.fact.orientation != 1 for one in read),
        "same_picture": len(read) - len({one.fact.digest for one in read}),
        "classes": _boxed_classes(names, read) if has_boxes else _plain_classes(names, read),
        "boxes": _boxes(looked, read, beside) if has_boxes else None,
        "set_aside": as_set_aside([*beside.rejected, *unread]),
        "passed_over": dict(beside.passed_over),
        "differ_by_case": differ_by_case(names),
        "notes": list(beside.notes),
    }
    return result, read


def _plain_classes(names: Sequence[str], read: Sequence[Looked]) -> list[InspectedClass]:
    pictures = Counter(one.fact.class_name for one in read)
    return [
        {"class_name": name, "pictures": pictures[name], "objects": None, "ignored": None, "sizes": None}
        for name in names
    ]


def _boxed_classes(names: Sequence[str], read: Sequence[Looked]) -> list[InspectedClass]:
    pictures = Counter(name for one in read for name in {box.class_name for box in one.boxes})
    found: dict[str, list[tuple[Fact, Box]]] = {name: [] for name in names}
    for one in read:
        for box in one.boxes:
            found[box.class_name].append((one.fact, box))
    return [
        {
            "class_name": name,
            "pictures": pictures[name],
            "objects": len(found[name]),
            "ignored": sum(box.ignored for _, box in found[name]),
            "sizes": _sizes(found[name]),
        }
        for name in names
    ]


def _boxes(looked: Sequence[Looked], read: Sequence[Looked], beside: Beside) -> InspectedBoxes:
    numbers = sorted(len(one.boxes) for one in read) or [0]
    unfit = sorted([*beside.unfit, *(each for one in looked for each in one.unfit)])
    return {
        "formats": list(beside.formats),
        "objects": sum(numbers),
        "ignored": sum(box.ignored for one in read for box in one.boxes),
        "cut": sum(one.cut for one in read),
        "nothing_in_them": sum(not one.boxes for one in read),
        "objects_a_picture": (numbers[0], numbers[len(numbers) // 2], numbers[-1]),
        "sizes": _sizes([(one.fact, box) for one in read for box in one.boxes]),
        "unannotated": sorted(beside.unannotated),
        "objects_set_aside": [{"path": one.path, "object": one.which, "reason": one.reason} for one in unfit],
    }


def _sizes(found: Sequence[tuple[Fact, Box]]) -> BoxSizes | None:
    """The smallest, the median and the largest, by their shares of their pictures."""
    if not found:
        return None
    sides = [max((box.ymax - box.ymin) * fact.height, (box.xmax - box.xmin) * fact.width) for fact, box in found]
    both = sorted((side / max(fact.height, fact.width), side) for side, (fact, _) in zip(sides, found, strict=True))
    (small, least), (middle, usual), (large, most) = both[0], both[len(both) // 2], both[-1]
    return {"smallest": (least, small), "median": (usual, middle), "largest": (most, large)}
