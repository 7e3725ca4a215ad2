"""The manifest of an exported model: what is written is read, also what an earlier version wrote."""

import json

from components.fewshot.episodes.episode import EpisodeSpec
from components.fewshot.serving.manifest import FILE, Manifest
from components.fewshot.settings.image import ImageSpec


def test_what_was_written_is_read(tmp_path):
    image = ImageSpec(height=9, width=7, channels=3, fit="pad", resize="bicubic")
    facts = {"learner": "protonet", "base_model": "conv4", "batch_norm": "running", "inductive": True}
    written = Manifest(**facts, image=image, episodes=EpisodeSpec(), seed=1, steps=2)
    written.write(str(tmp_path))
    assert Manifest.read(str(tmp_path)) == written


def test_before_there_was_a_choice_images_were_stretched(tmp_path):
    manifest = {
        "format": 1,
        "learner": "protonet",
        "base_model": "conv4",
        "image": {"height": 28, "width": 20, "channels": 1, "invert": True},
        "episodes": {"way": 5},
        "batch_norm": "running",
        "inductive": True,
        "seed": 0,
        "steps": 10,
    }
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(json.dumps(manifest))
    image = Manifest.read(str(tmp_path)).image
    assert image == ImageSpec(height=28, width=20, channels=1, invert=True, fit="stretch", resize="bilinear")


def test_models_embed_alike_where_nothing_before_the_head_differs():
    facts = {
        "learner": "protonet",
        "base_model": "conv4",
        "batch_norm": "none",
        "inductive": True,
        "seed": 0,
        "steps": 0,
    }
    graph = {"transform_graph": {"id": 4, "uri": "graph/4"}}
    form = {"image": ImageSpec(), "episodes": EpisodeSpec()}
    frozen = Manifest(**facts, **form, trainable="none", trunk="a", lineage=graph)
    alike = frozen.model_copy(update={"learner": "ridge", "seed": 3, "steps": 9})
    assert frozen.embedding == alike.embedding is not None
    for change in ({"trunk": "b"}, {"lineage": {"transform_graph": {"id": 5, "uri": "graph/5"}}}, {"lineage": {}}):
        assert frozen.model_copy(update=change).embedding != frozen.embedding
    assert frozen.model_copy(update={"trainable": "last 2"}).embedding is None
