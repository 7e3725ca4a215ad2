"""Opens an exported model, whatever its kind."""

from components.fewshot.serving.client import Client
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel
from components.fewshot.serving.served_detector import ServedDetector

CLIENTS: dict[str, type[Client]] = {client.kind: client for client in (ServedModel, ServedDetector)}


def open_served(directory: str) -> Client:
    """The client of the SavedModel in a directory.

    Raises:
      FileNotFoundError: there is no few-shot model.
      ValueError: it is of a kind that this version does not know.
      Damaged: a file has other bytes than were written.
    """
    return CLIENTS[kind_of(directory)](directory)


def kind_of(directory: str) -> str:
    """The kind of the SavedModel in a directory, of those in `CLIENTS`.

    Raises:
      FileNotFoundError, ValueError: as `open_served`.
    """
    kind = Manifest.read(directory).kind
    if kind not in CLIENTS:
        raise ValueError(f"the model at {directory} is one of {kind!r}; this version knows {' and '.join(CLIENTS)}")
    return kind
