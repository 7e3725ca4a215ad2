"""Numbers in sentences."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun, and with what else changes with it: `1 file`, `2 files`, `1,234 classes`.

    Args:
      number: how many.
      one: the words for 1.
      many: the words for other numbers. The default is `one` with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
