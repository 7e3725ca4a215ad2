"""Why a run failed: written into ML Metadata beside the run, and read from there. It needs ml_metadata, but not tfx."""

import contextlib
from collections.abc import Iterable
from typing import NamedTuple

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.history.homes import home_of

RUN = "pipeline_run"  # TFX's type of the context of a run; its name is the id of the run


class Failure(NamedTuple):
    """Why a run failed: the node, the reason as the terminal showed it, and the log with the traceback, if there is one."""

    node: str
    reason: str
    log: str | None


def note_failure(root: str, run_id: str, failure: Failure) -> None:
    """Writes a failure beside its run. If ML Metadata cannot be written, only the log has it."""
    with contextlib.suppress(Exception):  # it must not hide the failure itself, which may be that of ML Metadata
        home = home_of(root)
        home.expect()
        store = mlmd.MetadataStore(home.config())
        context = store.get_context_by_type_and_name(RUN, run_id)
        for key, value in failure._asdict().items():
            context.custom_properties[f"failed_{key}"].string_value = value or ""
        store.put_contexts([context])


def failures_of(runs: Iterable[pb.Context]) -> dict[str, Failure]:
    """Returns the failures that are noted beside the contexts of runs, by the id of the run."""
    noted = {run.name: [run.custom_properties[f"failed_{key}"].string_value for key in Failure._fields] for run in runs}
    return {name: Failure(node, reason, log or None) for name, (node, reason, log) in noted.items() if reason}
