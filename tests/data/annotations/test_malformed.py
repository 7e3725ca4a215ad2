"""Annotations as people bring them: each is read right, or set aside with a reason."""

import json
import re

import pytest

from tests.data.annotations.written import HIGH, WIDE, box, coco, image, outcome, picture, voc, write

A = {"a.png": picture()}
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
CAT = "cat 10 5 30 15"
NAMED = {"classes.txt": "cat\ndog\n"}
LINE = "0 0.5 0.5 0.5 0.5"  # CAT
TWO = {"a/1.png": picture(), "b/1.png": picture()}


def xml(*objects, **options):
    return A | {"a.xml": voc(*objects, **options)}


def js(*objects, **options):
    return A | {"set.json": coco(*objects, **options)}


def txt(*lines, **files):
    return A | NAMED | {"a.txt": "\n".join(lines)} | files


def seen(orientation, **more):
    return {"a.png": picture(orientation=orientation), **more}


# Files; what becomes of each picture (`-` and the beginning of a reason, as a pattern, if it is set aside).
VOC_CASES = {
    "whole numbers": (xml("cat 10 5 30 15"), {"a.png": CAT}),
    "floats": (xml("cat 10.5 5.25 30 15.75"), {"a.png": "cat 10.5 5.25 30 15.75"}),
    "decimal commas": (xml("cat 10,5 5 30 15"), {"a.png": "cat 10.5 5 30 15"}),
    "exponents and blanks": (xml("cat 1e1 +5 \n30\t 15"), {"a.png": CAT}),
    "counted from 0": (xml("cat 0 0 40 20"), {"a.png": "cat 0 0 40 20"}),
    "counted from 1": (xml("cat 1 1 40 20", "dog 11 6 30 15"), {"a.png": "cat 0 0 40 20 | dog 10 5 30 15"}),
    "floats are never counted from 1": (
        xml("cat 1 1 40 20", "dog 1.5 6 30 15"),
        {"a.png": "cat 1 1 40 20 | dog 1.5 6 30 15"},
    ),
    "counted from 0 in another file": (
        A | {"b.png": picture(), "a.xml": voc("cat 1 1 40 20"), "b.xml": voc("cat 0 5 9 9")},
        {"a.png": "cat 1 1 40 20", "b.png": "cat 0 5 9 9"},
    ),
    "over the edge": (xml("cat -5 5 50 15"), {"a.png": "cat 0 5 40 15"}),
    "outside": (
        xml(CAT, "dog 50 5 60 15"),
        {"a.png": CAT, "unfit": r"object 2 \('dog'\) lies outside the picture: correct its box"},
    ),
    "zero area": (
        xml(CAT, "dog 10 5 10 15"),
        {"a.png": CAT, "unfit": r"object 2 \('dog'\) has a box without any area"},
    ),
    "a sliver": (
        xml(CAT, "dog 39.8 5 50 15"),
        {"a.png": CAT, "unfit": "object 2 .* has less than 0.5 pixels of 20 x 40"},
    ),
    "interchanged corners": (xml("cat 30 15 10 5"), {"a.png": CAT}),
    "nothing left": (
        xml("cat 10 5 10 15"),
        {"error": "no picture in .*its only object cannot be read.*any area"},
    ),
    "nothing left beside others": (
        xml("cat 50 5 60 15", "dog 50 5 60 15") | {"b.png": picture(), "b.xml": voc(CAT)},
        {"a.png": "- none of its 2 objects is left.*object 1 .*outside", "b.png": CAT},
    ),
    "a name with spaces": (xml("traffic__light 10 5 30 15"), {"a.png": "traffic light 10 5 30 15"}),
    "a name in decomposed letters": (xml("e\u0301 10 5 30 15"), {"a.png": "é 10 5 30 15"}),
    "no name": (
        xml(CAT, "<object><bndbox/></object>", "<object><name> </name></object>"),
        {"a.png": CAT, "unfit": "object 2 has no <name>.*object 3 has no <name>"},
    ),
    "no box": (
        xml(CAT, "<object><name>dog</name></object>"),
        {"a.png": CAT, "unfit": r"object 2 \('dog'\) has no <bndbox>"},
    ),
    "two boxes": (
        xml(CAT, "<object><name>dog</name><bndbox/><bndbox/></object>"),
        {"a.png": CAT, "unfit": "object 2 .* has 2 <bndbox> elements: expected one"},
    ),
    "an edge missing": (
        xml(CAT, "<object><name>dog</name><bndbox><xmin>1</xmin><xmax>9</xmax><ymin>1</ymin></bndbox></object>"),
        {"a.png": CAT, "unfit": "object 2 .* it has no ymax: expected a number of pixels"},
    ),
    "a word for an edge": (
        xml(CAT, "dog ten 5 30 15"),
        {"a.png": CAT, "unfit": "its xmin is 'ten': expected a number"},
    ),
    "NaN": (xml(CAT, "dog nan 5 30 15"), {"a.png": CAT, "unfit": "its xmin is 'nan'"}),
    "infinity": (xml(CAT, "dog 1 5 inf 15"), {"a.png": CAT, "unfit": "its xmax is 'inf'"}),
    "too large for a number": (xml(CAT, "dog 1 5 1e999 15"), {"a.png": CAT, "unfit": "its xmax is '1e999'"}),
    "difficult": (xml("cat 10 5 30 15 <difficult>1</difficult>"), {"a.png": "cat* 10 5 30 15"}),
    "truncated, a pose and no difficulty": (
        xml("cat 10 5 30 15 <pose>Left</pose><truncated>1</truncated><difficult>0</difficult>"),
        {"a.png": CAT},
    ),
    "parts with boxes of their own": (
        xml("cat 10 5 30 15 <part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"),
        {"a.png": CAT},
    ),
    "a polygon in place of a box": (
        xml(
            "<object><name>cat</name><polygon><x1>10</x1><y1>5</y1><x2>30</x2><y2>9</y2><x3>20</x3><y3>15</y3></polygon></object>"
        ),
        {"a.png": CAT},
    ),
    "twice the same": (
        xml(CAT, CAT),
        {"a.png": CAT, "unfit": r"object 2 .* is the same box of the same class as object 1"},
    ),
    "the same box of two classes": (xml(CAT, "dog 10 5 30 15"), {"a.png": f"{CAT} | dog 10 5 30 15"}),
    "no object: nothing is in it": (xml(), {"a.png": ""}),
    "no file name": (xml(CAT, head=""), {"a.png": CAT}),
    "another file name": (xml(CAT, head="<filename>BloodImage_00000.jpg</filename>"), {"a.png": CAT}),
    "another suffix in the file name": (xml(CAT, head="<filename>a.jpg</filename>"), {"a.png": CAT}),
    "a path of another machine": (xml(CAT, head=r"<path>C:\Users\bob\a.png</path>"), {"a.png": CAT}),
    "found by the file name alone": (A | {"17.xml": voc(CAT)}, {"a.png": CAT}),
    "found by the path alone": (A | {"17.xml": voc(CAT, head=r"<path>C:\bob\a.png</path>")}, {"a.png": CAT}),
    "another case of letters": ({"A.PNG": picture(), "a.xml": voc(CAT)}, {"A.PNG": CAT}),
    "only case tells pictures apart": (
        {"a.png": picture(), "A.png": picture(), "a.xml": voc(CAT, head=""), "A.xml": voc("dog 10 5 30 15", head="")},
        {"a.png": CAT, "A.png": "dog 10 5 30 15"},
    ),
    "two suffixes, and the file name tells": (
        A | {"a.jpg": picture(kind="JPEG"), "a.xml": voc(CAT)},
        {"a.png": CAT, "a.jpg": "?"},
    ),
    "two suffixes, and nothing tells": (
        A | {"a.jpg": picture(kind="JPEG"), "a.xml": voc(CAT, head=""), "b.png": picture(), "b.xml": voc(CAT)},
        {"a.png": "?", "a.jpg": "?", "a.xml": "- both 'a.jpg' and 'a.png' could be its picture: rename", "b.png": CAT},
    ),
    "folders of VOC, with masks of the same names": (
        {
            "JPEGImages/a.jpg": picture(kind="JPEG"),
            "SegmentationClass/a.png": picture(),
            "Annotations/a.xml": voc(CAT, head=""),
        },
        {"JPEGImages/a.jpg": CAT, "SegmentationClass/a.png": "?"},
    ),
    "splits in parallel folders": (
        {"images/train/1.png": picture(), "images/test/1.png": picture()}
        | {"xmls/train/1.xml": voc(CAT, head=""), "xmls/test/1.xml": voc("dog 1 2 3 4", "dog 0 0 9 9", head="")},
        {"images/train/1.png": CAT, "images/test/1.png": "dog 1 2 3 4 | dog 0 0 9 9"},
    ),
    "two files for a picture": (
        {
            "b.png": picture(),
            "b.xml": voc(CAT),
            "i/a.png": picture(),
            "x/a.xml": voc(CAT, head=""),
            "y/a.xml": voc(CAT, head=""),
        },
        {"i/a.png": "- has 2 annotations, in .*x/a.xml and .*y/a.xml: expected one", "b.png": CAT},
    ),
    "a second file that calls it by name": (
        A | {"a.xml": voc(CAT), "b.xml": voc(CAT)},
        {"a.png": CAT, "b.xml": "- the picture 'a.png' has another annotation, .*a.xml: add the picture it is of"},
    ),
    "no picture": (
        xml(CAT) | {"b.xml": voc(CAT, head="<filename>b.jpg</filename>")},
        {"a.png": CAT, "b.xml": "- no picture is called 'b.jpg': add the picture, or remove its annotation"},
    ),
    "no picture in its folder, but one of the name elsewhere": (
        {"train/1.png": picture(), "test/1.png": picture(), "test/2.png": picture()}
        | {"train/1.xml": voc(CAT, head=""), "test/2.xml": voc(CAT, head=""), "train/2.xml": voc(CAT)},
        {
            "train/1.png": CAT,
            "test/1.png": "?",
            "test/2.png": CAT,
            "train/2.xml": "- no picture beside it is called '2' or 'a.png'",
        },
    ),
    "found by the file name with another suffix, in its folder": (
        {"train/a.png": picture(), "train/17.xml": voc(CAT, head="<filename>a.jpg</filename>")},
        {"train/a.png": CAT},
    ),
    "no annotation": (xml(CAT) | {"b.png": picture()}, {"a.png": CAT, "b.png": "?"}),
    "no size": (xml(CAT, size=None), {"a.png": CAT}),
    "a size of 0": (xml(CAT, size=(0, 0)), {"a.png": CAT}),
    "words for the size": (xml(CAT, size=("wide", "")), {"a.png": CAT}),
    "a copy of twice the size": (xml("cat 20 10 60 30", size=(80, 40)), {"a.png": CAT}),
    "a copy whose size was rounded": (xml("cat 100 50 300 150", size=(400, 201)), {"a.png": "cat 10 4.98 30 14.93"}),
    "another picture": (
        xml(CAT, size=(90, 90)),
        {
            "a.png": r"- has 20 x 40 pixels, but .*a.xml says 90 x 90: expected the same height and width, or a scaled copy"
        },
    ),
    "height and width interchanged": (xml(CAT, size=(HIGH, WIDE)), {"a.png": CAT}),
    "of a picture that lies on its side": (
        xml("cat 5 10 15 30", size=(HIGH, WIDE)),
        {"a.png": "- has 20 x 40 .* says 40 x 20"},
    ),
    "a damaged file": (
        xml(CAT) | {"b.png": picture(), "b.xml": voc(CAT)[:-9]},
        {"a.png": CAT, "b.png": r"- its annotation .*b.xml is not XML \(line 1\): expected a whole file"},
    ),
    "an empty file": (
        xml(CAT) | {"b.png": picture(), "b.xml": ""},
        {"a.png": CAT, "b.png": "- its annotation .*b.xml is not XML"},
    ),
    "entities": (
        xml(CAT) | {"b.png": picture(), "b.xml": f"{BOMB}{voc('&b; 1 2 3 4')}"},
        {"a.png": CAT, "b.png": "- its annotation .*b.xml declares entities, which are not expanded"},
    ),
    "a harmless document type": (A | {"a.xml": f'<!DOCTYPE annotation SYSTEM "x.dtd">{voc(CAT)}'}, {"a.png": CAT}),
    "XML of another kind": (xml(CAT) | {"b.png": picture(), "b.xml": "<svg/>"}, {"a.png": CAT, "b.png": "?"}),
    "a byte order mark": (A | {"a.xml": voc(CAT).encode("utf-8-sig")}, {"a.png": CAT}),
    "UTF-16": (A | {"a.xml": voc("é 10 5 30 15").encode("utf-16")}, {"a.png": "é 10 5 30 15"}),
    "UTF-16 without a mark": (A | {"a.xml": voc("é 10 5 30 15").encode("utf-16-le")}, {"a.png": "é 10 5 30 15"}),
    "Latin-1": (A | {"a.xml": voc("é 10 5 30 15").encode("latin-1")}, {"a.png": "é 10 5 30 15"}),
    "an encoding that is declared": (
        A | {"a.xml": b'<?xml version="1.0" encoding="gb2312"?>' + voc("猫 10 5 30 15").encode("gb2312")},
        {"a.png": "猫 10 5 30 15"},
    ),
    "an encoding that does not exist": (
        A | {"a.xml": f'<?xml version="1.0" encoding="utf-99"?>{voc(CAT)}'},
        {"a.png": CAT},
    ),
    "a namespace, capitals and comments": (
        A
        | {"a.xml": voc(CAT).replace("<annotation>", '<Annotation xmlns="urn:x"><!-- x -->').replace("</ann", "</Ann")},
        {"a.png": CAT},
    ),
}
COCO_CASES = {
    "as it should be": (js(box(10, 5, 20, 10)), {"a.png": CAT}),
    "ids with gaps": (
        js(
            box(10, 5, 20, 10, image_id=907, category_id=88),
            images=[image(907, "a.png"), image(12, "b.png")],
            categories=[{"id": 88, "name": "cat"}, {"id": 3, "name": "dog"}],
        )
        | {"b.png": picture()},
        {"a.png": CAT, "b.png": ""},
    ),
    "numbers as texts": (
        js(box("10", "5", "20", "10", image_id="1", category_id=1.0), images=[image("1", "a.png", "40", "20")]),
        {"a.png": CAT},
    ),
    "the same name in two folders": (
        TWO
        | {
            "set.json": coco(
                box(10, 5, 20, 10), box(0, 0, 4, 4, image_id=2), images=[image(1, "a/1.png"), image(2, "b/1.png")]
            )
        },
        {"a/1.png": CAT, "b/1.png": "cat 0 0 4 4"},
    ),
    "the same name in two folders, not told": (
        TWO | A | {"set.json": coco(box(10, 5, 20, 10), images=[image(1, "1.png"), image(2, "a.png")])},
        {
            "a/1.png": "?",
            "b/1.png": "?",
            "a.png": "",
            "set.json": "- of '1.png': both 'a/1.png' and 'b/1.png' could be",
        },
    ),
    "one file name for two records": (
        js(box(10, 5, 20, 10), images=[image(1, "a.png"), image(2, "a.png"), image(3, "b.png")]) | {"b.png": picture()},
        {"a.png": "- its annotation .* 2 images have the file_name 'a.png': expected one", "b.png": ""},
    ),
    "one id for two pictures": (
        js(box(10, 5, 20, 10), images=[image(1, "a.png"), image(1, "b.png"), image(2, "c.png")])
        | {"b.png": picture(), "c.png": picture()},
        {"a.png": "- .*2 images have the id 1, so their objects are mixed", "b.png": "- .*id 1", "c.png": ""},
    ),
    "one record twice": (js(box(10, 5, 20, 10), images=[image(1, "a.png"), image(1, "a.png")]), {"a.png": CAT}),
    "a picture without an id": (
        js(box(10, 5, 20, 10), images=[image(1, "a.png"), {"file_name": "b.png"}]) | {"b.png": picture()},
        {"a.png": CAT, "b.png": "- .*the image 'b.png' has the id None: expected a number"},
    ),
    "a record without a name": (
        js(box(10, 5, 20, 10), images=[image(1, "a.png"), {"id": 2}, "b.png"]),
        {"a.png": CAT, "set.json": "- an image is .*: expected an object of JSON with a file_name"},
    ),
    "a picture that is missing": (
        js(box(10, 5, 20, 10), images=[image(1, "a.png"), image(2, "b.png")]),
        {"a.png": CAT, "set.json": "- of 'b.png': no picture is called 'b.png': add the picture"},
    ),
    "a picture in a folder that is missing": (
        {"a/1.png": picture()}
        | {"set.json": coco(box(10, 5, 20, 10), images=[image(1, "a/1.png"), image(2, "b/1.png")])},
        {"a/1.png": CAT, "set.json": "- of 'b/1.png': the picture 'a/1.png' has another annotation"},
    ),
    "backslashes": (
        TWO | {"set.json": coco(box(10, 5, 20, 10), images=[image(1, "a\\1.png")])},
        {"a/1.png": CAT, "b/1.png": "?"},
    ),
    "a path of another machine": (js(box(10, 5, 20, 10), images=[image(1, "/home/bob/a.png")]), {"a.png": CAT}),
    "an address": (js(box(10, 5, 20, 10), images=[image(1, "https://x.org/p/a.png?size=1")]), {"a.png": CAT}),
    "an address in place of a name": (
        {"a b.png": picture()}
        | {"set.json": coco(box(10, 5, 20, 10), images=[{"id": 1, "coco_url": "http://x/a%20b.png"}])},
        {"a b.png": CAT},
    ),
    "another suffix": (js(box(10, 5, 20, 10), images=[image(1, "a.jpg")]), {"a.png": CAT}),
    "a crowd": (
        js(box(10, 5, 20, 10, iscrowd=1), box(0, 0, 4, 4, iscrowd=0)),
        {"a.png": "cat* 10 5 30 15 | cat 0 0 4 4"},
    ),
    "a category without boxes": (
        js(box(10, 5, 20, 10), categories=[{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]),
        {"a.png": CAT},
    ),
    "a category that is not there": (
        js(box(10, 5, 20, 10), box(10, 5, 20, 10, category_id=7)),
        {"a.png": CAT, "unfit": r"annotation 2 \(id 2\) is of category_id 7, and no category has this id: correct it"},
    ),
    "two categories of one id": (
        js(
            box(1, 1, 2, 2),
            box(10, 5, 20, 10, category_id=2),
            categories=[{"id": 1, "name": n} for n in ("cat", "dog")] + [{"id": 2, "name": "cat"}],
        ),
        {"a.png": CAT, "unfit": r"annotation 1 .* is of category_id 1, and several categories have this id"},
    ),
    "two categories of one name": (
        js(
            box(10, 5, 20, 10),
            box(0, 0, 4, 4, category_id=2),
            categories=[{"id": 1, "name": "cat"}, {"id": 2, "name": "cat "}],
        ),
        {"a.png": f"{CAT} | cat 0 0 4 4"},
    ),
    "no categories": (js(box(10, 5, 20, 10), categories=[]), {"a.png": "1 10 5 30 15"}),
    "a picture that is not there": (
        js(box(10, 5, 20, 10), box(10, 5, 20, 10, image_id=9)),
        {"a.png": CAT, "unfit": r"annotation 2 \(id 2\) is of image_id 9, and no image has this id"},
    ),
    "one id for two objects": (js(box(10, 5, 20, 10, id=1), box(0, 0, 4, 4, id=1)), {"a.png": f"{CAT} | cat 0 0 4 4"}),
    "no box": (js(box(10, 5, 20, 10), {}), {"a.png": CAT, "unfit": "annotation 2 .* has no bbox, and no segmentation"}),
    "null for a box": (js(box(10, 5, 20, 10), {"bbox": None}), {"a.png": CAT, "unfit": "annotation 2 .* has no bbox"}),
    "three numbers": (
        js(box(10, 5, 20, 10), box(1, 2, 3)),
        {"a.png": CAT, "unfit": r"has the bbox \[1, 2, 3\]: expected 4"},
    ),
    "a negative width": (
        js(box(10, 5, 20, 10), box(30, 5, -20, 10)),
        {"a.png": CAT, "unfit": "expected a width and a height"},
    ),
    "zero area": (js(box(10, 5, 20, 10), box(3, 3, 0, 0)), {"a.png": CAT, "unfit": "annotation 2 .* without any area"}),
    "NaN": (
        js(box(10, 5, 20, 10), box(float("nan"), 1, 2, 3)),
        {"a.png": CAT, "unfit": r"has the bbox \[nan, 1, 2, 3\]"},
    ),
    "over the edge": (js(box(-5, 5, 55, 10)), {"a.png": "cat 0 5 40 15"}),
    "outside": (js(box(10, 5, 20, 10), box(41, 5, 20, 10)), {"a.png": CAT, "unfit": "annotation 2 .* lies outside"}),
    "a polygon without a box": (js({"segmentation": [[10, 5, 30, 9, 20, 15]]}), {"a.png": CAT}),
    "two polygons without a box": (
        js({"segmentation": [[10, 5, 20, 5, 20, 9], [20, 9, 30, 9, 30, 15]], "bbox": []}),
        {"a.png": CAT},
    ),
    "a mask without a box": (
        js({"segmentation": {"size": [HIGH, WIDE], "counts": [10 * HIGH + 5, 10, HIGH - 10, 10, 28 * HIGH + 5]}}),
        {"a.png": "cat 10 5 12 15"},
    ),
    "a mask that goes on in the next column": (
        js({"segmentation": {"size": [HIGH, WIDE], "counts": [15, 10, 775]}}),
        {"a.png": "cat 0 0 2 20"},
    ),
    "a compressed mask without a box": (
        js(box(10, 5, 20, 10), {"segmentation": {"size": [HIGH, WIDE], "counts": "abc"}}),
        {"a.png": CAT, "unfit": "annotation 2 .* a segmentation that is compressed or damaged"},
    ),
    "words for objects": (
        A
        | {
            "set.json": json.dumps(
                json.loads(coco(box(10, 5, 20, 10))) | {"annotations": ["x", {"bbox": [1, 2, 3, 4]}]}
            )
        }
        | {"b.png": picture(), "b.json": coco(box(10, 5, 20, 10), images=[image(1, "b.png")])},
        {
            "a.png": "",
            "b.png": CAT,
            "unfit": "annotation 1 is 'x': expected an object of JSON.*annotation 2 is of image_id None",
        },
    ),
    "a copy of half the size": (js(box(5, 2.5, 10, 5), images=[image(1, "a.png", 20, 10)]), {"a.png": CAT}),
    "another picture": (
        js(box(5, 5, 9, 9), images=[image(1, "a.png", 90, 90)]),
        {"a.png": "- has 20 x 40 pixels, but .* 90 x 90"},
    ),
    "no size": (js(box(10, 5, 20, 10), images=[{"id": 1, "file_name": "a.png", "width": None}]), {"a.png": CAT}),
    "several files": (
        {"train/1.png": picture(), "valid/1.png": picture()}
        | {
            f"{one}/_annotations.coco.json": coco(box(at, 5, 20, 10), images=[image(1, "1.png")])
            for one, at in (("train", 10), ("valid", 0))
        },
        {"train/1.png": CAT, "valid/1.png": "cat 0 5 20 15"},
    ),
    "several files in a folder of their own": (
        {"train2017/1.png": picture(), "val2017/1.png": picture()}
        | {
            f"annotations/instances_{one}2017.json": coco(box(at, 5, 20, 10), images=[image(1, "1.png")])
            for one, at in (("train", 10), ("val", 0))
        },
        {"train2017/1.png": CAT, "val2017/1.png": "cat 0 5 20 15"},
    ),
    "two files for a picture": (
        js(box(10, 5, 20, 10)) | {"other.json": coco(box(10, 5, 20, 10))},
        {"error": "the picture 'a.png' is annotated twice, in .*other.json' .COCO. and in .*set.json' .COCO.: name"},
    ),
    "captions and JSON of other kinds": (
        js(box(10, 5, 20, 10))
        | {"captions.json": coco(categories=[], annotations=[{"id": 1, "image_id": 1, "caption": "a cat"}])}
        | {"a.json": '{"shapes": []}', "results.json": '[{"image_id": 1, "bbox": [1, 2, 3, 4]}]', "package.json": "3"},
        {"a.png": CAT},
    ),
    "a damaged file beside": (
        js(box(10, 5, 20, 10)) | {"other.json": coco()[:-5]},
        {"a.png": CAT, "other.json": r"- is not JSON \(line 1, column \d+\): expected a whole file"},
    ),
    "a byte order mark": (A | {"set.json": coco(box(10, 5, 20, 10)).encode("utf-8-sig")}, {"a.png": CAT}),
    "UTF-16": (A | {"set.json": coco(box(10, 5, 20, 10)).encode("utf-16")}, {"a.png": CAT}),
    "lists in lists": (js(box(10, 5, 20, 10)) | {"x.json": "[" * 100_000}, {"a.png": CAT, "x.json": "- is not JSON"}),
    "an endless integer": (js(box(10, 5, 20, 10)) | {"x.json": "9" * 5000}, {"a.png": CAT, "x.json": "- is not JSON"}),
    "half a letter": (
        js(box(10, 5, 20, 10), categories=[{"id": 1, "name": "\ud800"}]),
        {"a.png": r"\ud800 10 5 30 15"},
    ),
}
YOLO_CASES = {
    "as it should be": (txt(LINE, "1 0.25 0.5 0.1 0.2"), {"a.png": f"{CAT} | dog 8 8 12 12"}),
    "images and labels": (
        NAMED
        | {"images/train/1.png": picture(), "images/val/1.png": picture()}
        | {"labels/train/1.txt": LINE, "labels/val/1.txt": "1 0.5 0.5 0.5 0.5"},
        {"images/train/1.png": CAT, "images/val/1.png": "dog 10 5 30 15"},
    ),
    "splits with images and labels": (
        NAMED
        | {"train/images/1.png": picture(), "val/images/1.png": picture()}
        | {"train/labels/1.txt": LINE, "val/labels/1.txt": "1 0.5 0.5 0.5 0.5"},
        {"train/images/1.png": CAT, "val/images/1.png": "dog 10 5 30 15"},
    ),
    "images, labels and masks": (
        NAMED | {"images/1.png": picture(), "masks/1.png": picture(), "labels/1.txt": LINE},
        {"images/1.png": CAT, "masks/1.png": "?"},
    ),
    "an empty file: nothing is in it": (txt(LINE) | {"b.png": picture(), "b.txt": ""}, {"a.png": CAT, "b.png": ""}),
    "blanks only: nothing is in it": (
        txt(LINE) | {"b.png": picture(), "b.txt": " \r\n\n"},
        {"a.png": CAT, "b.png": ""},
    ),
    "no file": (txt(LINE) | {"b.png": picture()}, {"a.png": CAT, "b.png": "?"}),
    "no picture": (txt(LINE) | {"b.txt": LINE}, {"a.png": CAT, "b.txt": "- no picture is called 'b': add the picture"}),
    "an empty file without a picture": (
        txt(LINE) | {"b.txt": ""},
        {"a.png": CAT, "b.txt": "- no picture is called 'b'"},
    ),
    "a README and lists of files": (txt(LINE) | {"README.txt": "Cats.", "train.txt": "a.png\n"}, {"a.png": CAT}),
    "the name of the file with its suffix": (A | NAMED | {"a.png.txt": LINE}, {"a.png": CAT}),
    "blank lines, CRLF and a byte order mark": (A | NAMED | {"a.txt": f"\ufeff{LINE}\r\n\r\n"}, {"a.png": CAT}),
    "tabs and more blanks": (txt(" 0\t0.5  0.5 0.5 0.5 "), {"a.png": CAT}),
    "commas between numbers": (txt("0,0.5,0.5,0.5,0.5", "1, 0.25, 0.5, 0.1, 0.2"), {"a.png": f"{CAT} | dog 8 8 12 12"}),
    "decimal commas": (txt("0 0,5 0,5 0,5 0,5"), {"a.png": CAT}),
    "a confidence": (txt(f"{LINE} 0.87"), {"a.png": CAT}),
    "a polygon": (txt("0 0.25 0.25 0.75 0.5 0.5 0.75"), {"a.png": CAT}),
    "a turned box": (txt("0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5"), {"a.png": CAT}),
    "key points": (
        A | {"a.txt": f"{LINE} 0.1 0.1 2 0.2 0.2 2", "data.yaml": "names: [cat]\nkpt_shape: [2, 3]"},
        {"a.png": CAT},
    ),
    "a number too few": (
        txt(LINE, "1 0.5 0.5 0.5"),
        {"a.png": CAT, "unfit": r"line 2 \('dog'\) has 3 numbers after the class"},
    ),
    "a number too many": (txt(LINE, "1 .1 .2 .3 .4 .5 .6 .7"), {"a.png": CAT, "unfit": "line 2 .* has 7 numbers"}),
    "words": (txt(LINE, "cat 0.5 0.5 0.5 0.5"), {"a.png": CAT, "unfit": "line 2 holds 'cat': expected numbers only"}),
    "NaN": (txt(LINE, "1 nan 0.5 0.5 0.5"), {"a.png": CAT, "unfit": "line 2 holds 'nan'"}),
    "pixels": (
        txt(LINE, "1 20 10 20 10"),
        {"a.png": CAT, "unfit": r"line 2 .* holds 20: expected shares.*divide pixels"},
    ),
    "a little over 1": (txt("0 0.5 0.5 1.004 0.5"), {"a.png": "cat 0 5 40 15"}),
    "over the edge": (txt("0 0.9 0.5 0.5 0.5"), {"a.png": "cat 26 5 40 15"}),
    "below 0": (txt(LINE, "1 -0.3 0.5 0.5 0.5"), {"a.png": CAT, "unfit": "line 2 .* holds -0.3"}),
    "a negative width": (
        txt(LINE, "1 0.5 0.5 -0.5 0.5"),
        {"a.png": CAT, "unfit": "line 2 .* negative width or height"},
    ),
    "zero area": (txt(LINE, "1 0.5 0.5 0 0"), {"a.png": CAT, "unfit": "line 2 .* without any area"}),
    "a class beyond the names": (
        txt(LINE, "2 0.5 0.5 0.5 0.5"),
        {"a.png": CAT, "unfit": "line 2 is of class 2, but .*classes.txt names 0 to 1"},
    ),
    "a class that is no whole number": (
        txt(LINE, "0.5 0.5 0.5 0.5 0.5"),
        {"a.png": CAT, "unfit": "line 2 begins with 0.5: expected the"},
    ),
    "a negative class": (txt(LINE, "-1 0.5 0.5 0.5 0.5"), {"a.png": CAT, "unfit": "line 2 begins with -1"}),
    "a class as a float": (txt("1.0 0.5 0.5 0.5 0.5"), {"a.png": "dog 10 5 30 15"}),
    "twice the same": (
        txt(LINE, LINE),
        {"a.png": CAT, "unfit": "line 2 .* is the same box of the same class as line 1"},
    ),
    "names in a list": (A | {"a.txt": LINE, "data.yaml": "nc: 1\nnames: ['cat']"}, {"a.png": CAT}),
    "names by number": (A | {"a.txt": LINE, "data.yaml": "names:\n  0: cat\n  '1': dog"}, {"a.png": CAT}),
    "a wrong number of names": (A | {"a.txt": LINE, "data.yaml": "nc: 80\nnames: [cat]"}, {"a.png": CAT}),
    "names with spaces, and that are numbers": (
        A | {"a.txt": f"{LINE}\n1 0.25 0.5 0.1 0.2", "data.yaml": "names: [traffic light, 7]"},
        {"a.png": "traffic light 10 5 30 15 | 7 8 8 12 12"},
    ),
    "names nowhere": (A | {"a.txt": LINE}, {"a.png": "0 10 5 30 15"}),
    "names in the folder of labels": (
        {"images/a.png": picture(), "labels/a.txt": LINE, "labels/classes.txt": "cat\n"},
        {"images/a.png": CAT},
    ),
    "names that contradict each other": (
        txt(LINE) | {"data.yaml": "names: [dog, cat]"},
        {"error": "class 0 is 'cat' in .*classes.txt', and 'dog' in .*data.yaml': correct or remove one"},
    ),
    "names of each set": (
        {f"{one}/a.png": picture() for one in "xy"}
        | {f"{one}/a.txt": LINE for one in "xy"}
        | {"x/classes.txt": "cat", "y/classes.txt": "dog"},
        {"x/a.png": CAT, "y/a.png": "dog 10 5 30 15"},
    ),
    "names that are no YAML": (
        A | {"a.txt": LINE, "data.yaml": "names: [cat"},
        {"error": r"data.yaml' is not YAML \(line"},
    ),
    "YAML of another kind": (A | {"a.txt": LINE, "x.yaml": "[", "y.yaml": "a: 1"}, {"a.png": "0 10 5 30 15"}),
    "two suffixes": (
        txt(LINE) | {"b.png": picture(), "b.jpg": picture(kind="JPEG"), "b.txt": LINE},
        {"a.png": CAT, "b.png": "?", "b.jpg": "?", "b.txt": "- both 'b.jpg' and 'b.png' could be its picture"},
    ),
    "bytes that are no text": (
        txt(LINE) | {"b.png": picture(), "b.txt": b"\xff\x00\x81\n"},
        {"a.png": CAT, "b.png": "- its only object"},
    ),
    "captions beside pictures": (
        A | {"a.txt": "a cat on a mat in 3 D"},
        {"error": "nothing in .* annotates a picture"},
    ),
}
EXIF_CASES = {
    "VOC, as stored": (seen(6, **{"a.xml": voc(CAT)}), {"a.png": "cat 5 10 15 30"}),
    "VOC, as seen": (seen(6, **{"a.xml": voc("cat 0 0 20 10", size=(HIGH, WIDE))}), {"a.png": "cat 0 0 20 10"}),
    "VOC, a copy of twice the size as seen": (
        seen(6, **{"a.xml": voc("cat 0 0 40 20", size=(40, 80))}),
        {"a.png": "cat 0 0 20 10"},
    ),
    "VOC, no size": (seen(3, **{"a.xml": voc("cat 0 0 10 5", size=None)}), {"a.png": "cat 30 15 40 20"}),
    "COCO, as stored": (seen(8, **{"s.json": coco(box(0, 0, 10, 5))}), {"a.png": "cat 0 30 5 40"}),
    "COCO, as seen": (
        seen(8, **{"s.json": coco(box(0, 0, 10, 5), images=[image(1, "a.png", HIGH, WIDE)])}),
        {"a.png": "cat 0 0 10 5"},
    ),
    "COCO, mirrored": (seen(2, **{"s.json": coco(box(0, 0, 10, 5))}), {"a.png": "cat 30 0 40 5"}),
    "YOLO": (seen(6, **{"a.txt": "0 0.125 0.125 0.25 0.25"}), {"a.png": "0 15 0 20 10"}),
}
SEVERAL_CASES = {
    "two formats for a picture": (
        xml(CAT) | txt(LINE),
        {
            "error": "the picture 'a.png' is annotated twice, in .*a.(xml|txt).*and in .*: name the file or folder that counts"
        },
    ),
    "two formats for two pictures": (
        xml(CAT) | {"b.png": picture(), "set.json": coco(box(10, 5, 20, 10), images=[image(1, "b.png")])},
        {"a.png": CAT, "b.png": CAT},
    ),
    "no annotation": (A, {"error": r"nothing in .* annotates a picture of .*: expected VOC XML \(.xml\), COCO"}),
    "no picture": ({"a.xml": voc(CAT)}, {"error": "holds no picture; expected at least one"}),
    "pictures without a suffix": ({"a": picture(), "a.xml": voc(CAT)}, {"a": CAT}),
    "litter": (xml(CAT) | {"._a.png": b"x", "._a.xml": b"x", ".DS_Store": b"x"}, {"a.png": CAT}),
}
CASES = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("VOC", VOC_CASES),
        ("COCO", COCO_CASES),
        ("YOLO", YOLO_CASES),
        ("EXIF", EXIF_CASES),
        ("several", SEVERAL_CASES),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_each_is_read_right_or_set_aside(tmp_path, name):
    files, expected = CASES[name]
    write(tmp_path, files)
    found = outcome(tmp_path)
    assert sorted(found) == sorted(expected), found
    for key, value in expected.items():
        is_pattern = key in ("unfit", "error") or value.startswith("- ")
        assert re.search(value, found[key]) if is_pattern else found[key] == value


def test_the_table_is_long():
    assert len(CASES) >= 60
