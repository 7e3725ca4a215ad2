"""Compiles the graph for Vertex AI Pipelines or open-source Kubeflow Pipelines. It sends nothing."""

import os

from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as kubeflow

from data.settings import ImageSetSettings
from pipeline.config import PRODUCTION, RunSettings
from pipeline.graph import Target, create_pipeline
from pipeline.image_sets import glyphs_at, glyphs_directory

IMAGE = "fewshot-tfx"


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
    data: ImageSetSettings = settings.data or glyphs_at(glyphs_directory(settings, root))
    pipeline = create_pipeline(settings, data, root, target)
    if not os.path.isdir(os.path.dirname(os.path.abspath(output))):
        raise ValueError(f"--output {output}: no such folder; create it first")
    config = kubeflow.KubeflowV2DagRunnerConfig(
        display_name=settings.name, default_image=image, use_pipeline_spec_2_1=target == "kubeflow"
    )
    kubeflow.KubeflowV2DagRunner(config=config, output_filename=output).run(pipeline, write_out=True)
    return list(data.roots)
