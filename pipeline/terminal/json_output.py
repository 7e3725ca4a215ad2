"""JSON on standard output."""

import json
import sys
from collections.abc import Iterable, Mapping


def print_json(result: object) -> None:
    """Prints one JSON object on the standard output of the process, even while `sys.stdout` is redirected."""
    print(json.dumps(result, ensure_ascii=False), file=sys.__stdout__, flush=True)


def selected(result: Mapping[str, object], keys: Iterable[str]) -> dict[str, object]:
    """Returns the entries of `result` under those of `keys` that it has, in their order."""
    return {key: result[key] for key in keys if key in result}
