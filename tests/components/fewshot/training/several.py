"""Trains small learners on so many virtual devices, with the workers that TF_CONFIG names.

It is a process of its own, because TensorFlow counts its devices once."""

import sys

import keras
import numpy as np
import tensorflow as tf

from components.fewshot.model import MetaLearningModel
from components.fewshot.training import workers
from tests.components.fewshot import toys

# Learner, steps of what size. Three episodes are not shared out evenly; images of `nca` are compared, and stay together.
CASES = {
    "protonet": {"meta_batch": 4, "layout": "mapped"},
    "maml": {"meta_batch": 3},
    "transfer": {"batch_size": 37},
    "nca": {"batch_size": 24},
}


def base_model(normalised: bool) -> keras.Model:
    inputs = x = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(4, 3, strides=2)(x)
    x = keras.layers.BatchNormalization()(x) if normalised else x
    return keras.Model(inputs, keras.layers.Flatten()(keras.layers.ReLU()(x)))


def main(devices: str, path: str, *names: str) -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(devices))
    workers.join()
    found = {}
    for name in names:
        keras.utils.set_random_seed(0)
        model = MetaLearningModel(base_model(normalised=name != "transfer"), num_classes=3, learner=name)
        model.compile("sgd", learning_rate=0.1, **CASES[name])
        model.fit(
            *toys.images(12, 8, noise=0.5), epochs=1, steps_per_epoch=6, validation_split=0.25, shot=2, verbose=False
        )
        trained = model._trained()
        found |= {f"{name}/{key}": variable.numpy() for key, variable in trained.named_variables().items()}
        del found[f"{name}/own/temperature"]  # fitted afterwards
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
