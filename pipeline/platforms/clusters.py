"""Sends compiled pipelines to Vertex AI or Kubeflow, to run at once or by a clock, with the client libraries of both.

Does not import TFX: a compiled pipeline is a file.
"""

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import yaml

KFP_TOKEN = "KF_PIPELINES_SA_TOKEN_PATH"  # the client of Kubeflow knows this variable too


class Compiled(NamedTuple):
    """What `fewshot compile` wrote: the target, the name of the pipeline, its specification, where artifacts go, and what only
    Kubernetes understands."""

    target: str
    name: str
    spec: dict[str, Any]
    root: str
    in_kubernetes: dict[str, Any] | None = None


class Request(NamedTuple):
    """A request that can be sent: to what address, with what body, and how; sending returns the name of what it made."""

    address: str
    body: dict[str, Any]
    send: Callable[[], str]


class Cluster(Protocol):
    """A platform that runs pipelines, if they were compiled for `target`."""

    target: str

    def run(self, compiled: Compiled) -> Request:
        """The request to run a pipeline at once."""

    def schedule(self, compiled: Compiled, cron: str) -> Request:
        """The request to run a pipeline at the times of `cron` (five fields, in UTC): one at a time, and none that was missed."""


def read_compiled(path: str, cluster: Cluster) -> Compiled:
    """Reads a pipeline that was compiled for a cluster.

    Raises:
      ValueError: there is no such file, it is not a compiled pipeline, or it is one for another platform.
    """
    said = f"{path}: expected a file that `fewshot compile` wrote"
    if not os.path.isfile(path):
        raise ValueError(f"{said}, but there is none")
    with open(path, encoding="utf-8") as file:
        try:
            job, *beside = yaml.safe_load_all(file)
            spec, root = (
                (job["pipelineSpec"], job["runtimeConfig"]["gcsOutputDirectory"])
                if "pipelineSpec" in job
                else (job, job["defaultPipelineRoot"])
            )
            target = "vertex" if "pipelineSpec" in job else "kubeflow"
            found = Compiled(target, spec["pipelineInfo"]["name"], spec, root, beside[0] if beside else None)
        except (yaml.YAMLError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{said}, got something else") from error
    if found.target != cluster.target:
        raise ValueError(f"{path} was compiled for {found.target}: compile it again with --target {cluster.target}")
    return found


class Vertex:
    """Vertex AI Pipelines of a project; an empty account is the default one of the project.

    Requests are HTTPS, which companies' proxies let through, and not gRPC.
    """

    target = "vertex"

    def __init__(self, project: str, location: str, account: str = "") -> None:
        self._parent, self._account = f"projects/{project}/locations/{location}", account
        self._host = f"{location}-aiplatform.googleapis.com"
        self._client = {"transport": "rest", "client_options": {"api_endpoint": self._host}}

    def run(self, compiled: Compiled) -> Request:
        """The request to run a pipeline at once."""
        from google.cloud import aiplatform_v1 as api  # takes seconds

        job = self._job(compiled)

        def send() -> str:
            return str(api.PipelineServiceClient(**self._client).create_pipeline_job(job).name)

        return Request(f"https://{self._host}/v1/{self._parent}/pipelineJobs", _body(job.pipeline_job), send)

    def schedule(self, compiled: Compiled, cron: str) -> Request:
        """The request to run a pipeline by a clock."""
        from google.cloud import aiplatform_v1 as api

        schedule = api.Schedule(
            display_name=compiled.name,
            cron=f"TZ=UTC {cron}",
            max_concurrent_run_count=1,
            create_pipeline_job_request=self._job(compiled),
        )

        def send() -> str:
            made = api.ScheduleServiceClient(**self._client).create_schedule(parent=self._parent, schedule=schedule)
            return str(made.name)

        return Request(f"https://{self._host}/v1/{self._parent}/schedules", _body(schedule), send)

    def _job(self, compiled: Compiled) -> Any:
        from google.cloud import aiplatform_v1 as api

        job = api.PipelineJob(
            display_name=compiled.name,
            pipeline_spec=compiled.spec,
            runtime_config={"gcs_output_directory": compiled.root},
            service_account=self._account,
        )
        return api.CreatePipelineJobRequest(parent=self._parent, pipeline_job=job)


def _body(message: Any) -> dict[str, Any]:
    return dict(json.loads(type(message).to_json(message, always_print_fields_with_no_presence=False)))


class Kubeflow:
    """Kubeflow Pipelines at an address.

    Where several teams share it, runs belong to an experiment in a namespace: it has the name of the pipeline, and is made when
    it is first needed.
    """

    target = "kubeflow"

    def __init__(self, host: str, namespace: str = "", account: str = "") -> None:
        self._host, self._namespace, self._account = host.rstrip("/"), namespace, account or None

    def run(self, compiled: Compiled) -> Request:
        """The request to run a pipeline at once."""
        import kfp_server_api as api

        run = api.V2beta1Run(display_name=compiled.name, pipeline_spec=_spec(compiled), service_account=self._account)

        def send() -> str:
            with self._connected() as connection:
                run.experiment_id = self._experiment(connection, compiled.name)
                return str(api.RunServiceApi(connection).run_service_create_run(run).run_id)

        return Request(f"{self._host}/apis/v2beta1/runs", _plain(run), send)

    def schedule(self, compiled: Compiled, cron: str) -> Request:
        """The request to run a pipeline by a clock. The first field of its expressions is that of seconds."""
        import kfp_server_api as api

        run = api.V2beta1RecurringRun(
            display_name=compiled.name,
            pipeline_spec=_spec(compiled),
            service_account=self._account,
            trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=f"0 {cron}")),
            mode=api.RecurringRunMode.ENABLE,
            max_concurrency="1",
            no_catchup=True,
        )

        def send() -> str:
            with self._connected() as connection:
                run.experiment_id = self._experiment(connection, compiled.name)
                service = api.RecurringRunServiceApi(connection)
                return str(service.recurring_run_service_create_recurring_run(run).recurring_run_id)

        return Request(f"{self._host}/apis/v2beta1/recurringruns", _plain(run), send)

    def _experiment(self, connection: Any, name: str) -> str | None:
        """The id of the experiment of a pipeline in the namespace; None without a namespace."""
        import kfp_server_api as api

        if not self._namespace:
            return None
        service = api.ExperimentServiceApi(connection)
        named = json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})
        found = service.experiment_service_list_experiments(namespace=self._namespace, filter=named).experiments
        if not found:
            wanted = api.V2beta1Experiment(display_name=name, namespace=self._namespace)
            found = [service.experiment_service_create_experiment(wanted)]
        return str(found[0].experiment_id)

    def _connected(self) -> Any:
        import kfp_server_api as api

        configuration = api.Configuration(host=self._host)
        if path := os.environ.get(KFP_TOKEN):
            with open(path, encoding="utf-8") as file:
                configuration.api_key["authorization"] = f"Bearer {file.read().strip()}"
        return api.ApiClient(configuration)


def _spec(compiled: Compiled) -> dict[str, Any]:
    """The specification in the form that the API takes."""
    if compiled.in_kubernetes:
        return {"pipeline_spec": compiled.spec, "platform_spec": compiled.in_kubernetes}
    return compiled.spec


def _plain(message: Any) -> dict[str, Any]:
    import kfp_server_api as api

    return dict(api.ApiClient().sanitize_for_serialization(message))
