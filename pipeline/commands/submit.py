"""`fewshot submit` and `fewshot schedule` for clusters: they send a compiled pipeline, or show what they would send."""

import re
from urllib.parse import urlsplit

from pipeline.options import ClusterOptions
from pipeline.platforms.clusters import Cluster, Kubeflow, Request, Vertex

# As Google allows them; they become a part of an address.
PROJECT = re.compile(r"[a-z0-9:.-]{1,63}")
LOCATION = re.compile(r"[a-z]+-[a-z]+[0-9]+")


class SendError(OSError):
    """A platform cannot be reached, or refuses. The message is a sentence."""


def cluster_of(where: ClusterOptions) -> Cluster:
    """Returns the cluster that options name: a project and a location of Vertex AI, or the host of Kubeflow.

    Raises:
      ValueError: they name none, or both, or cannot be right.
    """
    if bool(where.project or where.location) == bool(where.host):
        got = "both" if where.host else "neither"
        raise ValueError(f"expected --project and --location (Vertex AI) or --host (Kubeflow Pipelines), got {got}")
    if where.host:
        address = urlsplit(where.host)
        if address.scheme not in ("http", "https") or not address.hostname:
            said = "expected the address of its API, such as https://kubeflow.example.org/pipeline"
            raise ValueError(f"--host {where.host}: {said}")
        return Kubeflow(where.host, where.namespace or "", where.service_account or "")
    if where.namespace:
        raise ValueError(f"--namespace {where.namespace}: Vertex AI has none; it goes with --host")
    if not (where.project and where.location):
        missing = "--location, such as europe-west4" if where.project else "--project"
        raise ValueError(f"Vertex AI needs a project and a location: give {missing}")
    if not PROJECT.fullmatch(where.project):
        raise ValueError(f"--project {where.project}: expected the id of a project, such as my-project")
    if not LOCATION.fullmatch(where.location):
        raise ValueError(f"--location {where.location}: expected a location, such as europe-west4")
    return Vertex(where.project, where.location, where.service_account or "")


def send(request: Request) -> str:
    """Sends a request; returns the name of what it made.

    Raises:
      SendError: the platform cannot be reached, or refuses.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from kfp_server_api import ApiException
    from requests import RequestException
    from urllib3.exceptions import HTTPError, NewConnectionError

    try:
        return request.send()
    except (GoogleAPIError, GoogleAuthError, ApiException, RequestException, HTTPError, OSError) as error:
        code = int(getattr(error, "code", None) or getattr(error, "status", None) or 0)
        reason = " ".join(str(getattr(error, "body", None) or error).split())
        never = isinstance(error, GoogleAuthError) or isinstance(getattr(error, "reason", None), NewConnectionError)
        if 400 <= code < 500 or never:
            raise SendError(f"{request.address}: nothing was started: {reason}") from error
        raise SendError(
            f"{request.address}: it is not known whether anything was started, so look there before sending it again: {reason}"
        ) from error
