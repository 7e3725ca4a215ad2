"""Learners that find objects, one file for each paper, and their table. They have the methods of every learner, but `adapt` takes
a `Marked`, `predict` returns `Detections`, and the base model is a `faster_rcnn`."""

from components.fewshot.learners.detection.detector import Detector
from components.fewshot.learners.detection.finetune import FineTuneDetector
from components.fewshot.learners.detection.protonet import ProtoNetDetector
from components.fewshot.learners.detection.transfer import TransferDetector

DETECTORS: dict[str, type[Detector]] = {
    "protonet": ProtoNetDetector,
    "transfer": TransferDetector,
    "finetune": FineTuneDetector,
}

__all__ = ["DETECTORS", "Detector", "FineTuneDetector", "ProtoNetDetector", "TransferDetector"]
