"""What `submit` and `schedule` send, by the client libraries of both platforms, to an endpoint on this machine."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.platforms.clusters import KFP_TOKEN
from tests.cloud.server import Answer, Asked, Server, said

HOST = "europe-west4-aiplatform.googleapis.com"
VERTEX = ("--project", "mine", "--location", "europe-west4")
SPEC = {"pipelineInfo": {"name": "small"}, "root": {"dag": {}}}


class Api(Server):
    """Says yes to everything that is asked, or no."""

    refuses = False
    experiments: tuple[dict, ...] = ()

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return said({"access_token": "none", "expires_in": 3600, "token_type": "Bearer"})
        if self.refuses:
            return said({"error": {"code": 403, "message": "no right to do so", "status": "PERMISSION_DENIED"}}, 403)
        if asked.path.endswith("/experiments"):
            return said({"experiment_id": "e9"} if asked.body else {"experiments": self.experiments})
        made = asked.path.rpartition("/")[2]
        return said({"name": f"mine/{made}/7"} if HOST in asked.host else {"run_id": "7", "recurring_run_id": "8"})

    @property
    def sent(self) -> list[tuple[str, dict]]:
        """The (path, body) of what was sent beside questions for a token."""
        return [(one.path, json.loads(one.body)) for one in self.requests if one.body and one.path != "/token"]


@pytest.fixture
def api(tmp_path, monkeypatch):
    with Api(tmp_path / "server") as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def jobs(tmp_path):
    """A compiled pipeline for each platform."""
    job = {"pipelineSpec": SPEC, "runtimeConfig": {"gcsOutputDirectory": "gs://b/artifacts"}}
    (tmp_path / "job.json").write_text(json.dumps(job))
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(SPEC | {"defaultPipelineRoot": "gs://b/artifacts"}))
    return {"vertex": str(tmp_path / "job.json"), "kubeflow": str(tmp_path / "job.yaml")}


def test_a_job_is_sent_to_vertex(api, jobs, fewshot):
    done = fewshot("submit", jobs["vertex"], *VERTEX, "--service-account", "robot@mine.invalid")
    assert (done.returncode, done.stdout) == (0, "started: mine/pipelineJobs/7\n")
    ((path, body),) = api.sent
    assert path == "/v1/projects/mine/locations/europe-west4/pipelineJobs"
    assert body["displayName"] == "small" and body["pipelineSpec"] == SPEC
    assert body["runtimeConfig"]["gcsOutputDirectory"] == "gs://b/artifacts"
    assert body["serviceAccount"] == "robot@mine.invalid"


def test_a_schedule_is_sent_to_vertex(api, jobs, fewshot):
    done = fewshot("schedule", jobs["vertex"], "--cron", "0 3 * * *", *VERTEX, "--json")
    assert json.loads(done.stdout) == {"scheduled": "mine/schedules/7"}
    ((path, body),) = api.sent
    assert path == "/v1/projects/mine/locations/europe-west4/schedules"
    assert body["cron"] == "TZ=UTC 0 3 * * *" and body["maxConcurrentRunCount"] == "1" and not body.get("catchUp")
    assert body["createPipelineJobRequest"]["pipelineJob"]["pipelineSpec"] == SPEC
    assert body["createPipelineJobRequest"]["parent"] == "projects/mine/locations/europe-west4"


def test_a_run_and_a_schedule_are_sent_to_kubeflow(api, jobs, fewshot, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv(KFP_TOKEN, str(tmp_path / "token"))
    assert fewshot("submit", jobs["kubeflow"], "--host", api.address).stdout == "started: 7\n"
    assert (
        fewshot("schedule", jobs["kubeflow"], "--cron", "5 3 * * 1", "--host", api.address).stdout == "scheduled: 8\n"
    )
    (run_path, run), (path, recurring) = api.sent
    spec = yaml.safe_load(Path(jobs["kubeflow"]).read_text())
    assert run_path == "/apis/v2beta1/runs" and run == {"display_name": "small", "pipeline_spec": spec}
    assert path == "/apis/v2beta1/recurringruns" and recurring["pipeline_spec"] == spec
    assert recurring["trigger"] == {"cron_schedule": {"cron": "0 5 3 * * 1"}}  # the first field is that of seconds
    assert (recurring["mode"], recurring["max_concurrency"], recurring["no_catchup"]) == ("ENABLE", "1", True)
    assert {one.headers["authorization"] for one in api.requests} == {"Bearer secret"}


def test_where_teams_share_kubeflow_a_run_belongs_to_an_experiment(api, jobs, fewshot):
    """It is made when it is first needed, in the namespace, with the name of the pipeline."""
    where = ("--host", api.address, "--namespace", "cats", "--service-account", "robot")
    assert fewshot("submit", jobs["kubeflow"], *where).stdout == "started: 7\n"
    (made_path, made), (path, run) = api.sent
    assert made_path == "/apis/v2beta1/experiments" and made == {"display_name": "small", "namespace": "cats"}
    assert (path, run["experiment_id"], run["service_account"]) == ("/apis/v2beta1/runs", "e9", "robot")
    asked = api.requests[0].query
    assert asked["namespace"] == "cats"
    (named,) = json.loads(asked["filter"])["predicates"]
    assert named == {"operation": "EQUALS", "key": "display_name", "stringValue": "small"}
    api.experiments = ({"experiment_id": "e4"},)
    assert fewshot("schedule", jobs["kubeflow"], "--cron", "0 3 * * *", *where).returncode == 0
    path, recurring = api.sent[-1]
    assert (path, recurring["experiment_id"]) == ("/apis/v2beta1/recurringruns", "e4") and len(api.sent) == 3


def test_what_only_kubernetes_understands_goes_beside_the_pipeline(api, jobs, fewshot):
    beside = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {}}}}}
    spec = yaml.safe_load(Path(jobs["kubeflow"]).read_text())
    Path(jobs["kubeflow"]).write_text(yaml.safe_dump_all([spec, beside]))
    assert fewshot("submit", jobs["kubeflow"], "--host", api.address).returncode == 0
    ((_, run),) = api.sent
    assert run["pipeline_spec"] == {"pipeline_spec": spec, "platform_spec": beside}


@pytest.mark.parametrize("words", [("submit",), ("schedule", "--cron", "0 3 * * *")])
@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_a_dry_run_prints_what_is_sent_and_sends_nothing(api, jobs, fewshot, words, target):
    where = VERTEX if target == "vertex" else ("--host", api.address)
    shown = json.loads(fewshot(*words, jobs[target], *where, "--dry-run").stdout)
    assert not api.requests
    assert fewshot(*words, jobs[target], *where).returncode == 0
    ((path, body),) = api.sent
    assert shown["to"].endswith(path) and shown["to"].startswith(
        f"https://{HOST}" if target == "vertex" else api.address
    )
    assert shown["body"] == body


def test_where_nobody_answers_it_is_not_said_that_nothing_was_started(jobs, fewshot, api, monkeypatch):
    """A request may have arrived and its answer not."""
    monkeypatch.setattr(
        Api, "answer", lambda self, asked: said({"error": {"code": 500, "message": "out of order"}}, 500)
    )
    done = fewshot("submit", jobs["kubeflow"], "--host", api.address)
    assert (
        done.returncode == 1
        and "it is not known whether anything was started" in done.stderr
        and "out of order" in done.stderr
    )
    done = fewshot("submit", jobs["kubeflow"], "--host", "http://127.0.0.1:9")
    assert done.returncode == 1 and "nothing was started" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_refusal_is_a_sentence(api, jobs, fewshot):
    api.refuses = True
    for target, where in (("vertex", VERTEX), ("kubeflow", ("--host", api.address))):
        done = fewshot("submit", jobs[target], *where)
        assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
        assert "nothing was started" in done.stderr and "no right to do so" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("submit", "{vertex}"),
            "expected --project and --location (Vertex AI) or --host (Kubeflow Pipelines), got neither",
        ),
        (("submit", "{vertex}", *VERTEX, "--host", "http://h"), "got both"),
        (("submit", "{vertex}", "--project", "p"), "Vertex AI needs a project and a location: give --location"),
        (
            ("submit", "{kubeflow}", *VERTEX),
            "job.yaml was compiled for kubeflow: compile it again with --target vertex",
        ),
        (
            ("submit", "{vertex}", "--host", "http://h"),
            "job.json was compiled for vertex: compile it again with --target kube",
        ),
        (
            ("submit", "nowhere.json", *VERTEX),
            "nowhere.json: expected a file that `fewshot compile` wrote, but there is none",
        ),
        (("submit", __file__, *VERTEX), "expected a file that `fewshot compile` wrote, got something else"),
        (("submit", "{kubeflow}", "--host", "h"), "--host h: expected the address of its API"),
        (("schedule", "{vertex}", "--cron", "every day", *VERTEX), "--cron 'every day': expected five fields"),
        (
            ("submit", "{vertex}", "--project", "p/q", "--location", "europe-west4"),
            "--project p/q: expected the id of a project",
        ),
        (
            ("submit", "{vertex}", "--project", "p", "--location", "europe west4"),
            "--location europe west4: expected a location",
        ),
    ],
)
def test_what_is_refused(jobs, fewshot, words, sentence):
    done = fewshot(*(word.format(**jobs) if word[:1] == "{" else word for word in words))
    assert done.returncode == 2 and sentence in done.stderr and done.stdout == ""
