"""What was expected and what came, in our words."""

import pytest
from pydantic import BaseModel, Field, ValidationError

from components.fewshot.settings.sentences import place, reason, shown


class Inner(BaseModel):
    way: int | tuple[int, int] = 1
    share: float = Field(0.5, gt=0, le=1)
    yes: bool = False


class Outer(BaseModel):
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    name: str = "a"


@pytest.mark.parametrize(
    ("values", "key", "said"),
    [
        ({"inner": {"way": "x"}}, "inner.way", "expected a whole number or a list, got 'x'"),
        ({"inner": {"way": [1, 2, 3]}}, "inner.way", "expected a whole number or a list of at most 2, got [1, 2, 3]"),
        ({"inner": {"share": 0}}, "inner.share", "expected more than 0.0, got 0"),
        ({"inner": {"share": 2}}, "inner.share", "expected at most 1.0, got 2"),
        ({"inner": {"share": []}}, "inner.share", "expected a number, got []"),
        ({"inner": {"yes": 5}}, "inner.yes", "expected true or false, got 5"),
        ({"inner": None}, "inner", "expected settings as key: value, got nothing"),
        ({"several": [{}, {"way": None}]}, "several[1].way", "expected a whole number or a list, got nothing"),
        ({"several": "x"}, "several", "expected a list, got 'x'"),
        ({"name": True}, "name", "expected a text, got true"),
    ],
)
def test_reason(values, key, said):
    with pytest.raises(ValidationError) as error:
        Outer.model_validate(values)
    assert (place(error.value.errors()[0]), reason(error.value.errors())) == (key, said)


def test_long_values_are_cut():
    assert shown("a" * 99) == f"'{'a' * 56}..."
