"""Annotated pictures on disk, and what became of them, as short texts that a table can hold."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from data.annotations.listing import list_annotated
from data.annotations.placing import placed

WIDE, HIGH = 40, 20  # pixels of a picture
Content = str | bytes


def picture(width: int = WIDE, height: int = HIGH, orientation: int = 1, kind: str = "PNG") -> bytes:
    """A picture of a size as stored, and with an EXIF orientation."""
    file = io.BytesIO()
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    Image.new("L", (width, height), 100).save(file, kind, exif=exif)
    return file.getvalue()


def voc(
    *objects: str, size: tuple[object, object] | None = (WIDE, HIGH), head: str = "<filename>a.png</filename>"
) -> str:
    """A VOC file; each object is `class xmin ymin xmax ymax`, or XML."""
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    return f"<annotation>{head}{sides}{''.join(map(voc_object, objects))}</annotation>"


def voc_object(text: str) -> str:
    """`class xmin ymin xmax ymax [more elements]` as XML; XML as it is."""
    if text.startswith("<"):
        return text
    name, xmin, ymin, xmax, ymax, *more = text.split(" ", 5)
    box = f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"
    return f"<object><name>{name.replace('_', ' ')}</name>{''.join(more)}<bndbox>{box}</bndbox></object>"


def coco(*objects: Mapping[str, object], images: object = None, categories: object = None, **more: object) -> str:
    """A COCO file of a.png, whose objects are of image 1 and category 1 ("cat") if they do not say otherwise."""
    given = [{"id": 1, "file_name": "a.png", "width": WIDE, "height": HIGH}] if images is None else images
    return json.dumps(
        {
            "images": given,
            "annotations": [{"id": i, "image_id": 1, "category_id": 1, **one} for i, one in enumerate(objects, 1)],
            "categories": [{"id": 1, "name": "cat"}] if categories is None else categories,
            **more,
        }
    )


def image(number: object, name: object, width: object = WIDE, height: object = HIGH) -> dict[str, object]:
    """A record of a picture in a COCO file."""
    return {"id": number, "file_name": name, "width": width, "height": height}


def box(*edges: object, **more: object) -> dict[str, object]:
    """An object in a COCO file: x, y, width, height."""
    return {"bbox": list(edges), **more}


def write(root: Path, files: Mapping[str, Content]) -> None:
    """Writes files below a root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def outcome(root: Path, annotations: str | None = None) -> dict[str, str]:
    """What became of each picture and annotation of a root, by its path below it.

    The objects of a picture are `class xmin ymin xmax ymax` in pixels as a person sees it, with a `*` if ignored; `-` and a
    reason if it was set aside; `?` if it has no annotation. Under "unfit" are the objects that were set aside, under "error" what
    is wrong with it all.
    """
    try:
        listed = list_annotated(str(root), annotations)
    except ValueError as error:
        return {"error": str(error)}
    found = {file.source_id: "?" for file in listed.unannotated}
    unfit = list(listed.unfit)
    for one in listed.pictures:
        with Image.open(one.file.path) as opened:
            width, height, orientation = *opened.size, opened.getexif().get(0x0112, 1)
        there = placed(one.told, height, width, orientation)
        unfit += there.unfit
        seen = (height, width) if orientation >= 5 else (width, height)
        boxes = [
            " ".join(
                [
                    each.class_name + "*" * each.ignored,
                    *map(pixels, (each.xmin, each.ymin, each.xmax, each.ymax), [*seen, *seen]),
                ]
            )
            for each in there.boxes
        ]
        found[one.file.source_id] = f"- {there.reason}" if there.reason else " | ".join(boxes)
    for one in listed.rejected:
        name = one.path.removeprefix(f"{root}/")
        assert name not in found or name.endswith((".json", ".xml")), "set aside, and something else"
        found[name] = f"- {one.reason}"
    if unfit:
        found["unfit"] = " | ".join(f"{one.which} {one.reason}" for one in unfit)
    return found


def pixels(edge: float, side: int) -> str:
    """An edge in pixels, short."""
    return f"{round(edge * side, 2):g}"
