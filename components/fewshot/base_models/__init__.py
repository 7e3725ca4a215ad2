"""The table of base models, one file for each network; and any Keras model as a pure function of its weights.

Imports only the room of boxes.
"""

from components.fewshot.base_models.conv4 import conv4
from components.fewshot.base_models.mlp import mlp
from components.fewshot.base_models.resnet12 import resnet12

__all__ = ["conv4", "mlp", "resnet12"]
