"""What a verb of a notebook takes: arrays, which depend on the kind of task, and then options; by place or by name."""

from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A verb with the names of what it takes.

    Attributes:
      verb: its name.
      data: names of arrays.
      note: what else a message says to somebody who gives something else.
      options: names and default values of what may follow.
    """

    verb: str
    data: tuple[str, ...]
    note: str
    options: Mapping[str, object] = {}

    def __str__(self) -> str:
        return f"{self.verb}({', '.join(self.data)})"

    def taken(self, given: Sequence[Any], named: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays and all options, by name.

        Args:
          given: what was given by place.
          named: what was given by name.

        Raises:
          TypeError: something lacks, or is too much.
        """
        try:
            bound = self._signature.bind(*given, **named)
        except TypeError as error:
            raise TypeError(self._refusal(str(error))) from error
        bound.apply_defaults()
        data = {name: bound.arguments.pop(name) for name in self.data}
        first = next(iter(bound.arguments), "")
        if hasattr(bound.arguments.get(first), "__len__"):  # one array more than there should be
            raise TypeError(self._refusal(f"got a {type(bound.arguments[first]).__name__} for {first!r}"))
        return data, bound.arguments

    @property
    def _signature(self) -> Signature:
        place = Parameter.POSITIONAL_OR_KEYWORD
        options = [Parameter(name, place, default=default) for name, default in self.options.items()]
        return Signature([*(Parameter(name, place) for name in self.data), *options])

    def _refusal(self, reason: str) -> str:
        return f"{self.verb}: {reason}; expected {self.verb}{self._signature}: {self.note}"
