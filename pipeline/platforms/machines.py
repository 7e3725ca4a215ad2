"""The machines of the nodes of a compiled pipeline.

Not for runs on this machine: importing the package of Kubeflow takes seconds.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf import message
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base import base_component, base_node

from pipeline.platform_settings import Accelerator, Machine, PlatformSettings

IN_KUBERNETES = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "tpu": "google.com/tpu"}
Container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec


def give_machines(nodes: Iterable[base_node.BaseNode], platform: PlatformSettings, target: str) -> None:
    """Says of each node on what machine of a cluster it is to run, where the settings name one.

    Raises:
      ValueError: the target does not know such an accelerator.
    """
    for node in nodes:
        asked = resources(platform.machine_of(type(node).__name__), target)
        if isinstance(node, base_component.BaseComponent) and asked.ByteSize():
            node.with_platform_config(asked)


def selectors(nodes: Iterable[base_node.BaseNode], platform: PlatformSettings) -> dict[str, Any]:
    """Returns the second document of a pipeline for Kubeflow: what only Kubernetes understands, which is on machines with which
    labels a node may run; empty if none are asked for."""
    labels = {node.id: platform.machine_of(type(node).__name__).labels for node in nodes}
    executors = {f"{name}_executor": {"nodeSelector": {"labels": asked}} for name, asked in labels.items() if asked}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else {}


def resources(machine: Machine, target: str) -> message.Message:
    """Returns what to ask a cluster for. Older and newer platforms read different fields for one thing, so both are there."""
    asked = Container.ResourceSpec()
    if machine.cpu is not None:
        asked.cpu_limit, asked.resource_cpu_limit = machine.cpu, _number(machine.cpu)
    if machine.memory is not None:
        asked.memory_limit, asked.resource_memory_limit = machine.memory, f"{_number(machine.memory)}G"
    if found := machine.accelerator:
        name, number = _name(found, target), found.count
        asked.accelerator.type, asked.accelerator.resource_type = name, name
        asked.accelerator.count, asked.accelerator.resource_count = number, str(number)
    return asked


def _name(accelerator: Accelerator, target: str) -> str:
    """Its name on a platform: Vertex AI knows kinds, Kubernetes only who sells them.

    Raises:
      ValueError: Kubernetes does not know the seller.
    """
    kind = accelerator.kind
    if target == "vertex":
        return kind.upper().replace("-", "_")
    seller = kind.partition("-")[0]
    if seller not in IN_KUBERNETES:
        raise ValueError(f"gpu={kind}: expected a kind that begins with its seller, nvidia or amd, as nvidia-l4")
    return IN_KUBERNETES[seller]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
