"""Which episodes tell what came since the model in production: by hand, and that those of its push are the very same."""

import numpy as np
import pytest

from components.few_shot_evaluator.arrivals import NOTHING, arrivals
from components.fewshot.episodes.episode import ClassIndex, EpisodeSpec
from components.fewshot.episodes.frozen import episodes_hash
from components.fewshot.episodes.sampler import EpisodeSampler
from components.fewshot.images.store import ImageStore
from components.fewshot.serving.manifest import Manifest
from components.fewshot.settings.image import ImageSpec

SPEC = EpisodeSpec(way=3, shot=1, query=4)
KNOWN = {
    name: [f"span-{span}/{name}/{i}" for span in (1, 2) for i in range(3)] for name in ("ash", "elm", "fir", "oak")
}
MORE = {
    "elm": ["span-3/elm/0"],
    "beech": [f"span-3/beech/{i}" for i in range(5)],
    "yew": [f"span-4/yew/{i}" for i in range(3)],
}


def store_of(*parts: dict[str, list[str]]) -> ImageStore:
    names = sorted({name for part in parts for name in part})
    images = {name: sorted(one for part in parts for one in part.get(name, ())) for name in names}
    index = ClassIndex.of((name, "", len(images[name])) for name in names)
    return ImageStore(index, [one for name in names for one in images[name]], lambda row: b"", None)


def manifest(fixed_way: int | None = None, **data: object) -> Manifest:
    shown = {"learner": "protonet", "base_model": "conv4", "batch_norm": "running", "inductive": True}
    return Manifest(**shown, image=ImageSpec(), episodes=EpisodeSpec(), seed=0, steps=0, fixed_way=fixed_way, data=data)


@pytest.fixture
def production() -> Manifest:
    """Pushed when there were two spans."""
    store = store_of(KNOWN)
    drawn = [EpisodeSampler(store.index, SPEC, 7)(number) for number in range(5)]
    was = {"spans": ["span-1", "span-2"], "spec_test": SPEC.model_dump(mode="json"), "seed": 7, "test_episodes": 5}
    return manifest(**was, hash_test=episodes_hash(drawn, store.index, store.source_ids))


def found(production: Manifest, store: ImageStore, candidate: Manifest | None = None):
    spans = [f"span-{number}" for number in range(1, 5)]
    return arrivals([candidate or manifest(), production], store, SPEC, 9, spans)


def test_the_episodes_of_the_push_are_drawn_again_and_new_classes_have_their_own(production):
    store = store_of(KNOWN, MORE)
    come = found(production, store)
    assert come.why_not == {} and come.specs["before"] == SPEC
    assert episodes_hash(come.sets["before"], store.index, store.source_ids) == production.data["hash_test"]
    assert {episode.index for episode in come.sets["new"]} == set(range(5))
    # beech has 5 images and yew 3: two ways, and queries for the smaller of the two
    assert come.specs["new"] == EpisodeSpec(way=2, shot=1, query=2)
    drawn = {store.index.names[place] for episode in come.sets["new"] for place in episode.class_ids}
    assert drawn == {"beech", "yew"}
    for episode in come.sets["new"]:
        names = [store.source_ids[row].split("/")[1] for row in episode.query.rows]
        assert names == [store.index.names[episode.class_ids[label]] for label in episode.query.labels]


def test_one_new_class_is_too_few(production):
    come = found(production, store_of(KNOWN, {"beech": MORE["beech"]}))
    assert set(come.sets) == {"before"}
    assert come.why_not == {"new": "1 test class came since, and an episode needs 2"}


def test_images_that_are_gone(production):
    less = KNOWN | {"ash": KNOWN["ash"][:-1]}
    come = found(production, store_of(less, MORE))
    assert set(come.sets) == {"new"}
    assert come.why_not == {"before": "images of its test episodes are no longer read, or no longer take part"}
    few = {name: KNOWN[name] for name in ("ash", "elm")}
    assert "3" in found(production, store_of(few, MORE)).why_not["before"]


def test_a_model_of_another_way_is_not_judged(production):
    come = found(production, store_of(KNOWN, MORE), manifest(fixed_way=5))
    assert come.sets == {} and all("a fixed head of 5 classes" in reason for reason in come.why_not.values())


def test_nothing_came(production):
    assert found(production, store_of(KNOWN)) == NOTHING
    assert found(manifest(), store_of(KNOWN, MORE)) == NOTHING, "pushed by a run without spans"
    assert np.array_equal(NOTHING.sets, {})
