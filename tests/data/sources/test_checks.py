import pytest

from data.sources.checks import check_enough

# Five classes of 6 images, one of 2; two domains.
COUNTS = {"a/1": 6, "a/2": 6, "a/3": 6, "b/1": 6, "b/2": 6, "b/3": 2}


@pytest.mark.parametrize(
    "asked",
    [
        {"way": 5, "images_per_class": 6},
        {"way": 6, "images_per_class": 2},
        {"way": 20, "images_per_class": 6, "rotations": True},
        {"way": 3, "images_per_class": 6, "within_domain": True},
        {"way": 12, "images_per_class": 6, "within_domain": True, "rotations": True},
    ],
)
def test_enough(asked):
    check_enough(COUNTS, split="train", **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"split": "val", "way": 7, "images_per_class": 2}, "raise validation_split"),
        ({"split": "test", "way": 1, "images_per_class": 7}, "has 0 classes with at least 7 images"),
        ({"split": "test", "way": 21, "images_per_class": 6, "rotations": True}, r"5 classes \(20 with rotations\)"),
        (
            {"split": "test", "way": 4, "images_per_class": 6, "within_domain": True},
            r"the largest domain \('a'\) of the test split has 3 classes .*, or switch within_domain off",
        ),
    ],
)
def test_too_few_says_how_many_and_what_to_change(asked, message):
    with pytest.raises(ValueError, match=message):
        check_enough(COUNTS, **asked)


def test_the_whole_sentence():
    with pytest.raises(ValueError) as error:
        check_enough(COUNTS, split="train", way=6, images_per_class=6)
    assert str(error.value) == (
        "the train split has 5 classes with at least 6 images (shot + query), but its episodes need 6; 1 more have fewer"
        " images, so a smaller shot or query would help: add classes to train, or lower way"
    )


def test_an_empty_split():
    with pytest.raises(ValueError, match="the val split has 0 classes .* need 5: name a validation set"):
        check_enough({}, split="val", way=5, images_per_class=16, within_domain=True)
