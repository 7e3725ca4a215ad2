"""Where the gradients of a step are computed: on all devices of the best kind that there is, or of one that is asked for."""

import os

import tensorflow as tf

from components.fewshot.training.settings import Device


def devices_of(kind: Device) -> tuple[str, ...]:
    """The names of the devices of a kind; `auto` is a TPU that the environment names (TPU_NAME), or else the GPUs, or the CPU.

    Raises:
      ValueError: there is none of this kind.
    """
    if kind == "tpu" or (kind == "auto" and "TPU_NAME" in os.environ):
        _connect_to_tpu()
    kinds = ("tpu", "gpu", "cpu") if kind == "auto" else (kind,)
    names = next((names for one in kinds if (names := _devices(one.upper()))), ())
    if not names:
        there = ", ".join(_devices())
        raise ValueError(
            f"training.device: expected a {kind}, TensorFlow finds {there}; set auto, or ask `fewshot doctor` why"
        )
    return names


def _devices(kind: str | None = None) -> tuple[str, ...]:
    """Names like `device:GPU:0`, which mean a device of this process; of several workers, TensorFlow lists those of all."""
    names = [device.name.rpartition("/")[2] for device in tf.config.list_logical_devices(kind)]
    return tuple(f"/{name}" for name in dict.fromkeys(names))


def _connect_to_tpu() -> None:
    """Raises ValueError if it cannot be reached."""
    if tf.config.list_logical_devices("TPU"):
        return
    try:
        found = tf.distribute.cluster_resolver.TPUClusterResolver(os.environ.get("TPU_NAME", "local"))
        tf.config.experimental_connect_to_cluster(found)
        tf.tpu.experimental.initialize_tpu_system(found)
    except Exception as error:  # of gRPC, of the cloud's client, or of TensorFlow without TPU support
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"training.device: no TPU can be reached ({said}); TPU_NAME names the one to use") from error
