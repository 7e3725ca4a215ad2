"""On what machines the nodes run, and by which engine Beam does. None of it changes what a run makes."""

import re
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

# FnApiRunner runs in the process of the node; Beam's default would download a runner. `in_memory` avoids gRPC, because Beam's
# in-process gRPC streams lose elements under load (apache/beam 21104, 21643). Slow steps use all cores by their own thread pools.
# TFX packs itself up for workers elsewhere, at every node, unless an image is named for them: 4 seconds, and 50 MB in the folder
# of temporary files that stay there. Here there are no such workers, and nobody looks for the image.
IN_PROCESS = (
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    "--sdk_container_image=none",
)
_FETCHES = "may fetch another runner from the net; FnApiRunner is the one in this process"
REFUSED = {  # in small letters and without "runner", as Beam takes them
    "dask": "computes only the last branch of a pipeline and says that all went well",
    "direct": _FETCHES,
    "switchingdirect": _FETCHES,
    "prism": _FETCHES,
}
NONE = "none"
KIND = re.compile(r"(?P<kind>[a-z0-9][a-z0-9-]*)(?: x (?P<count>[1-9][0-9]*))?")
EXAMPLES = {"gpu": "nvidia-l4 x 1", "tpu": "v3 x 8"}


class Accelerator(NamedTuple):
    """The kind of an accelerator, such as "nvidia-l4" or "tpu-v3", and how many of them a machine has."""

    kind: str
    count: int  # type: ignore[assignment]  # shadows tuple.count


class Machine(BaseModel):
    """What a node runs on. What is not set is that of `platform.default`, or else whatever the platform gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: float | None = Field(None, gt=0, description="number of cores")
    memory: float | None = Field(None, gt=0, description="main memory, in gigabytes")
    gpu: str | None = Field(None, description="kind and number of GPUs, such as nvidia-l4 x 1, or none")
    tpu: str | None = Field(None, description="kind and number of TPU cores, such as v3 x 8, or none")
    labels: dict[str, str] | None = Field(
        None,
        description="labels that a machine must have in Kubernetes, such as {cloud.google.com/gke-accelerator: nvidia-l4}; Vertex"
        " AI goes by the kind of the accelerator",
    )
    beam: tuple[str, ...] | None = Field(
        None,
        description="Beam arguments, such as [--runner=DataflowRunner, ...]; by default Beam runs in the node's process",
    )

    @field_validator("gpu", "tpu")
    @classmethod
    def _is_kind_and_number(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not KIND.fullmatch(value):
            raise ValueError(
                f"expected a kind and a number, such as {EXAMPLES[info.field_name or 'gpu']}, got {value!r}"
            )
        return value

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if NONE not in (self.gpu or NONE, self.tpu or NONE):
            raise ValueError(f"expected gpu or tpu, got both (gpu: {self.gpu}, tpu: {self.tpu})")
        return self

    @field_validator("beam")
    @classmethod
    def _names_a_runner(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        runners = [argument.partition("=")[2] for argument in value if argument.partition("=")[0] == "--runner"]
        if len(runners) != 1 or not runners[0]:
            got = " ".join(value) or "nothing"
            raise ValueError(f"expected one --runner=..., such as --runner=DataflowRunner, got {got}")
        if reason := REFUSED.get(runners[0].rpartition(".")[2].lower().removesuffix("runner")):
            raise ValueError(f"expected another runner than {runners[0]}, which {reason}")
        modes = [argument for argument in value if argument.startswith("--direct_running_mode")]
        if modes and modes != IN_PROCESS[1:2]:
            raise ValueError(
                f"expected {IN_PROCESS[1]}, got {' '.join(modes)}: the other modes lose elements under load"
            )
        return value

    @property
    def accelerator(self) -> Accelerator | None:
        """The accelerators, if there are any."""
        for prefix, asked in (("", self.gpu), ("tpu-", self.tpu)):
            if asked != NONE and (found := KIND.fullmatch(asked or "")):
                return Accelerator(prefix + found["kind"], int(found["count"] or 1))
        return None

    @property
    def engine(self) -> tuple[str, ...]:
        """The arguments of Beam."""
        return IN_PROCESS if self.beam is None else self.beam

    def over(self, default: "Machine") -> "Machine":
        """This machine, with what is not set of it taken from another. An accelerator takes the place of any other."""
        own, other = self.model_dump(exclude_none=True), default.model_dump(exclude_none=True)
        if own.keys() & EXAMPLES.keys():
            other = {key: value for key, value in other.items() if key not in EXAMPLES}
        return Machine(**(other | own))


class PlatformSettings(BaseModel):
    """The machine of every node: that of its own section, where it is set, and else the default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Machine = Field(Machine(), description="the machine of all nodes")
    ingest: Machine = Field(Machine(), description="of those that read the images and look at them")
    generator: Machine = Field(Machine(), description="of the EpisodeGenerator")
    extractor: Machine = Field(Machine(), description="of the FeatureExtractor")
    trainer: Machine = Field(Machine(), description="of every MetaTrainer")
    evaluator: Machine = Field(Machine(), description="of the FewShotEvaluator and the DriftDetector")

    def machine_of(self, component: str) -> Machine:
        """Returns the machine of the nodes that run a component, by the name of its class."""
        return getattr(self, SECTIONS.get(component, "default")).over(self.default)


SECTIONS = {
    "ImageExampleGen": "ingest",
    "StatisticsGen": "ingest",
    "Transform": "ingest",
    "EpisodeGenerator": "generator",
    "FeatureExtractor": "extractor",
    "MetaTrainer": "trainer",
    "FewShotEvaluator": "evaluator",
    "DriftDetector": "evaluator",
}
