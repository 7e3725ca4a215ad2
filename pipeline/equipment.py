"""Gives the nodes of the graph their machines and Beam its engine."""

from google.protobuf import message
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base import base_beam_component, base_component, base_node

from pipeline.platform_settings import IN_PROCESS, Gpu, Machine, PlatformSettings

SELLERS = ("nvidia", "amd")
Container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec


def equip(node: base_node.BaseNode, platform: PlatformSettings, target: str) -> None:
    """Gives a node the machine that the settings name, and Beam its arguments."""
    machine = platform.machine_of(type(node).__name__)
    if isinstance(node, base_beam_component.BaseBeamComponent):
        node.with_beam_pipeline_args(IN_PROCESS if machine.beam is None else machine.beam)
    asked = resources(machine, target)
    if isinstance(node, base_component.BaseComponent) and asked.ByteSize() and target != "local":
        node.with_platform_config(asked)


def resources(machine: Machine, target: str) -> message.Message:
    """Returns what to ask a cluster for. Older and newer platforms read different fields for one thing, so both are there."""
    asked = Container.ResourceSpec()
    if machine.cpu is not None:
        asked.cpu_limit, asked.resource_cpu_limit = machine.cpu, _number(machine.cpu)
    if machine.memory is not None:
        asked.memory_limit, asked.resource_memory_limit = machine.memory, f"{_number(machine.memory)}G"
    if gpu := machine.accelerator:
        name, number = _accelerator(gpu, target), gpu.count
        asked.accelerator.type, asked.accelerator.resource_type = name, name
        asked.accelerator.count, asked.accelerator.resource_count = number, str(number)
    return asked


def _accelerator(gpu: Gpu, target: str) -> str:
    """Its name on a platform: Vertex AI knows kinds, Kubernetes only who sells them.

    Raises:
      ValueError: Kubernetes does not know the seller.
    """
    if target == "vertex":
        return gpu.kind.upper().replace("-", "_")
    seller = gpu.kind.partition("-")[0]
    if seller not in SELLERS:
        raise ValueError(
            f"gpu={gpu.kind}: expected a kind that begins with its seller, {' or '.join(SELLERS)}, as nvidia-l4"
        )
    return f"{seller}.com/gpu"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
