"""`fewshot rollback`: another pushed version serves."""

from components.pusher import destination


def rollback(directory: str, to: int | None = None) -> str:
    """Puts version `to` of a push destination in force, or the one before the present; returns its directory.

    `to` may also be a version that was rolled back: so a rollback is undone.

    Raises:
      ValueError: no such destination or version.
    """
    try:
        return destination.rollback(directory, to)
    except ValueError as error:
        raise ValueError(f"--destination: {error}") from error
