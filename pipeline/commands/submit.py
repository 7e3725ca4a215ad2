"""`fewshot submit` and `fewshot schedule` for clusters: they send a compiled pipeline, or show what they would send."""

import datetime
import re
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError

from pipeline.platforms.clusters import Cluster, Kubeflow, Request, Vertex

FOREIGN = re.compile(
    r"#|(?:^|[\s,0-9])[Ll](?:$|[\s,Ww])"
)  # what CronSim knows beside the five fields that all clocks know
# As Google allows them; they become a part of an address.
PROJECT = re.compile(r"[a-z0-9:.-]{1,63}")
LOCATION = re.compile(r"[a-z]+-[a-z]+[0-9]+")


class SendError(OSError):
    """A platform cannot be reached, or refuses. The message is a sentence."""


def cluster_of(project: str | None, location: str | None, account: str | None, host: str | None) -> Cluster:
    """Returns the cluster that options name: a project and a location of Vertex AI, or the host of Kubeflow.

    Raises:
      ValueError: they name none, or both, or cannot be right.
    """
    if bool(project or location or account) == bool(host):
        got = "both" if host else "neither"
        raise ValueError(f"expected --project and --location (Vertex AI) or --host (Kubeflow Pipelines), got {got}")
    if host:
        address = urlsplit(host)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(
                f"--host {host}: expected the address of its API, such as https://kubeflow.example.org/pipeline"
            )
        return Kubeflow(host)
    if not (project and location):
        missing = "--location, such as europe-west4" if project else "--project"
        raise ValueError(f"Vertex AI needs a project and a location: give {missing}")
    if not PROJECT.fullmatch(project):
        raise ValueError(f"--project {project}: expected the id of a project, such as my-project")
    if not LOCATION.fullmatch(location):
        raise ValueError(f"--location {location}: expected a location, such as europe-west4")
    return Vertex(project, location, account or "")


def checked_cron(cron: str) -> str:
    """Returns a cron expression that all clocks read alike.

    Raises:
      ValueError: it is none, or its time never comes.
    """
    said = f'--cron {cron!r}: expected five fields, such as "0 3 * * *" for every night at three (UTC)'
    if FOREIGN.search(cron):
        raise ValueError(f"{said}; not every clock knows L and #")
    try:
        next(CronSim(cron, datetime.datetime.now(datetime.UTC)))
    except CronSimError as error:
        raise ValueError(f"{said}: {str(error).lower()}") from error
    except StopIteration:
        raise ValueError(f"{said}: this time never comes") from None
    return cron


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
