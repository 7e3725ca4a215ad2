"""`fewshot submit` and `fewshot schedule` for clusters: they send a compiled pipeline, or show what they would send."""

from apscheduler.triggers.cron import CronTrigger

from pipeline.platforms.clusters import Cluster, Kubeflow, Request, Vertex


class SendError(OSError):
    """A platform cannot be reached, or refuses. The message is a sentence."""


def cluster_of(project: str | None, location: str | None, account: str | None, host: str | None) -> Cluster:
    """Returns the cluster that options name: a project and a location of Vertex AI, or the host of Kubeflow.

    Raises:
      ValueError: they name none, or both.
    """
    if bool(project or location) == bool(host):
        got = "both" if host else "neither"
        raise ValueError(f"expected --project and --location (Vertex AI) or --host (Kubeflow Pipelines), got {got}")
    if host:
        if not host.startswith(("http://", "https://")):
            raise ValueError(
                f"--host {host}: expected the address of its API, such as https://kubeflow.example.org/pipeline"
            )
        return Kubeflow(host)
    if not (project and location):
        missing = "--location, such as europe-west4" if project else "--project"
        raise ValueError(f"Vertex AI needs a project and a location: give {missing}")
    return Vertex(project, location, account or "")


def checked_cron(cron: str) -> CronTrigger:
    """Returns the times of a cron expression of five fields, in UTC.

    Raises:
      ValueError: it is none.
    """
    try:
        return CronTrigger.from_crontab(cron, "UTC")
    except ValueError as error:
        said = f'expected five fields, such as "0 3 * * *" for every night at three (UTC): {error}'
        raise ValueError(f"--cron {cron!r}: {said}") from error


def send(request: Request) -> str:
    """Sends a request; returns the name of what it made.

    Raises:
      SendError: the platform cannot be reached, or refuses.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from kfp_server_api import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return request.send()
    except (GoogleAPICallError, GoogleAuthError, ApiException, HTTPError, OSError) as error:
        reason = getattr(error, "body", None) or str(error)
        raise SendError(f"{request.address}: nothing was started: {' '.join(str(reason).split())}") from error
