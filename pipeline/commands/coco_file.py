"""`fewshot adapt --coco`: what was found, as a file that tools for COCO annotations read."""

import json
from collections.abc import Sequence

import tensorflow as tf

from pipeline.terminal.results import DetectedPicture


def write_coco(path: str, pictures: Sequence[DetectedPicture], classes: Sequence[str]) -> None:
    """Writes `images`, `categories` and `annotations`, whose entries are those of COCO's results: each has a `score`.

    Edges are in pixels of the picture as a person sees it, with EXIF orientation applied; so are heights and widths.

    Args:
      path: the file to write.
      pictures: every picture, also those in which nothing was found.
      classes: names; ids begin with 1.
    """
    images, annotations = [], list[dict[str, object]]()
    for number, one in enumerate(pictures, 1):
        high, wide = one["height"], one["width"]
        images.append({"id": number, "file_name": one["path"], "height": high, "width": wide})
        for each in one["objects"]:
            ymin, xmin, ymax, xmax = each["box"]
            corner, sides = (xmin * wide, ymin * high), ((xmax - xmin) * wide, (ymax - ymin) * high)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": classes.index(each["label"]) + 1,
                    "bbox": [*corner, *sides],
                    "area": sides[0] * sides[1],
                    "iscrowd": 0,
                    "score": each["score"],
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    with tf.io.gfile.GFile(path, "w") as file:
        json.dump({"images": images, "categories": categories, "annotations": annotations}, file, ensure_ascii=False)
