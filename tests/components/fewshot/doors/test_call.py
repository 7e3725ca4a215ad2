"""What a verb takes, by place and by name."""

import pytest

from components.fewshot.doors.call import Call

FIT = Call("fit", ("images", "labels"), "labels are of whole images", {"epochs": 10, "shot": (1, 5)})


def test_by_place_and_by_name():
    expected = {"images": [1], "labels": [2]}, {"epochs": 3, "shot": (1, 5)}
    assert FIT.taken(([1], [2], 3), {}) == expected
    assert FIT.taken(([1],), {"epochs": 3, "labels": [2]}) == expected
    assert FIT.taken((), {"images": [1], "labels": [2]})[1] == {"epochs": 10, "shot": (1, 5)}
    assert str(FIT) == "fit(images, labels)"


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        (([1],), {}, "missing a required argument: 'labels'"),
        (([1], [2]), {"boxes": [3]}, "got an unexpected keyword argument 'boxes'"),
        (([1], [2], [3]), {}, "got a list for 'epochs'"),
        (([1], [2], 3, 4, 5), {}, "too many positional arguments"),
    ],
)
def test_something_else(given, named, said):
    with pytest.raises(TypeError) as error:
        FIT.taken(given, named)
    assert str(error.value) == (
        f"fit: {said}; expected fit(images, labels, epochs=10, shot=(1, 5)): labels are of whole images"
    )
