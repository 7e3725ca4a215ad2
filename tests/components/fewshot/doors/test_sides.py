"""Which classes are held out."""

import pytest

from components.fewshot.doors.sides import hold_out


def test_hold_out_is_stable():
    names = [f"class {i}" for i in range(40)]
    assert hold_out(names, 0.25) == hold_out(names[::-1], 0.25) and len(hold_out(names, 0.25)) == 10
    with pytest.raises(ValueError, match="expected a share of the classes in 0..1, got 1"):
        hold_out(names, 1)
