"""`fewshot rollback`: serves another pushed version."""

from components.pusher import destination


def rollback(directory: str, to: int | None = None) -> str:
    """Makes TF Serving serve another version of a push destination.

    Args:
      directory: the push destination.
      to: the version, which may be one that was rolled back. The default is the version before the present one.

    Returns:
      The directory of the version.

    Raises:
      ValueError: there is no such destination or version.
    """
    try:
        return destination.rollback(directory, to)
    except ValueError as error:
        raise ValueError(f"--destination: {error}") from error
