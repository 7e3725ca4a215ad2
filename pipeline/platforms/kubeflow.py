"""Compiles the graph for Vertex AI Pipelines or open-source Kubeflow Pipelines. It sends nothing."""

import json
import os
import tempfile
from typing import Any, Literal

import yaml
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as kubeflow

from data.settings import ImageSetSettings
from pipeline.config import PRODUCTION, RunSettings
from pipeline.graph import create_pipeline
from pipeline.image_sets import glyphs_at, glyphs_directory, with_sides
from pipeline.platforms.machines import give_machines, selectors

IMAGE = "fewshot-tfx"
Target = Literal["vertex", "kubeflow"]


def compile_pipeline(settings: RunSettings, root: str, target: Target, output: str, image: str = IMAGE) -> list[str]:
    """Writes the compiled pipeline to a file: JSON for Vertex AI, YAML for Kubeflow.

    Args:
      settings: the settings of the run.
      root: a directory that the cluster can reach, such as gs://bucket/path.
      target: the platform that runs the pipeline.
      output: the file.
      image: a container image with this project installed (see the Dockerfile).

    Returns:
      The folders or file patterns that the pipeline will read images from.

    Raises:
      ValueError: the folder of `output` does not exist, or training is to start from whatever is in production.
    """
    if settings.warm_start == PRODUCTION:
        raise ValueError(
            "warm_start=production: expected none or the directory of an exported model, because a compiled pipeline runs later"
            " and elsewhere: name the version to start from"
        )
    data: ImageSetSettings = with_sides(
        settings.data or glyphs_at(glyphs_directory(settings, root), settings.kind), root
    )
    pipeline = create_pipeline(settings, data, root)
    give_machines(pipeline.components, settings.platform, target)
    if not os.path.isdir(os.path.dirname(os.path.abspath(output))):
        raise ValueError(f"--output {output}: no such folder; create it first")
    config = kubeflow.KubeflowV2DagRunnerConfig(
        display_name=settings.name, default_image=image, use_pipeline_spec_2_1=target == "kubeflow"
    )
    with tempfile.TemporaryDirectory() as folder:
        compiled = os.path.join(folder, "compiled.json" if target == "vertex" else "compiled.yaml")
        kubeflow.KubeflowV2DagRunner(config=config, output_filename=compiled).run(pipeline, write_out=True)
        with open(compiled, encoding="utf-8") as file:
            job = yaml.safe_load(file)  # JSON is YAML
    if target == "kubeflow":
        job["defaultPipelineRoot"] = pipeline.pipeline_info.pipeline_root  # in the other file TFX writes it
    _mend(job["pipelineSpec"] if target == "vertex" else job)
    with open(output, "w", encoding="utf-8") as file:
        if target == "vertex":
            json.dump(job, file, indent=2)
        else:
            asked = selectors(pipeline.components, settings.platform)
            yaml.safe_dump_all([job, asked] if asked else [job], file, sort_keys=False)
    return list(data.roots)


def _mend(spec: dict[str, Any]) -> None:
    """Corrects what TFX compiles: it names the producer of a value wrongly, and would take a listing of images from a cache."""
    tasks = spec["root"]["dag"]["tasks"]
    for task in tasks.values():
        for given in task.get("inputs", {}).get("parameters", {}).values():
            if value := given.get("taskOutputParameter"):
                value["producerTask"] = value["producerTask"].removesuffix("_task")
    tasks["ImageListing"]["cachingOptions"] = {}
