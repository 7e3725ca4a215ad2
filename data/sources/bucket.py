"""The objects of a bucket, listed and read by the client of Google."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GOOGLE = "gs://"
RETRY_SECONDS = 20  # after which a bucket that does not answer is an error


def blobs_below(root: str) -> dict[str, Any]:
    """Returns the objects below a folder of a bucket, by their paths below it: pages of a thousand names, with sizes and times.

    Raises:
      ValueError: `root` names no bucket, or it cannot be listed.
    """
    # These take seconds to import, and local folders do not need them.
    from google.auth.exceptions import DefaultCredentialsError
    from google.cloud import storage
    from google.cloud.storage.retry import DEFAULT_RETRY

    bucket, _, folder = root.removeprefix(GOOGLE).partition("/")
    prefix = f"{folder}/" if folder else ""
    if not bucket:
        raise ValueError(f"{root!r}: expected a bucket and a folder, such as gs://bucket/photos")
    try:
        client = storage.Client()
    except DefaultCredentialsError:  # as for a public bucket
        client = storage.Client.create_anonymous_client()
    wanted, patient = "items(name,size,updated),nextPageToken", DEFAULT_RETRY.with_timeout(RETRY_SECONDS)
    with _errors_of(root, "listed"):
        blobs = list(client.list_blobs(bucket, prefix=prefix, fields=wanted, retry=patient))
    return {
        blob.name.removeprefix(prefix): blob for blob in blobs if not blob.name.endswith("/")
    }  # which marks a folder


def read_blob(blob: Any) -> bytes:
    """Returns the content of an object, by one request.

    Raises:
      ValueError: it cannot be read.
    """
    from google.cloud.storage.retry import DEFAULT_RETRY

    with _errors_of(f"{GOOGLE}{blob.bucket.name}/{blob.name}", "read"):
        return bytes(blob.download_as_bytes(retry=DEFAULT_RETRY.with_timeout(RETRY_SECONDS)))


@contextmanager
def _errors_of(path: str, verb: str) -> Iterator[None]:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise ValueError(f"{path!r} cannot be {verb}: {' '.join(str(error).split())}") from error
