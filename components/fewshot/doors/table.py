"""The doors by kind of task."""

from collections.abc import Mapping

from components.fewshot.doors.door import Door
from components.fewshot.doors.scenes import Scenes
from components.fewshot.doors.whole_images import WholeImages
from components.fewshot.settings.kinds import CLASSIFICATION, DETECTION

DOORS: Mapping[str, type[Door]] = {CLASSIFICATION: WholeImages, DETECTION: Scenes}
