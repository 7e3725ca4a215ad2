"""The figures of metrics.json, from the results of all models."""

import os
from collections.abc import Mapping, Sequence
from typing import cast

from components.few_shot_evaluator.advice import advice
from components.few_shot_evaluator.case import MAIN, STRANGERS, Case
from components.few_shot_evaluator.evaluate import BEST, CANDIDATE, MODEL, PRODUCTION, independence_of, verdict
from components.few_shot_evaluator.metrics_json import Metrics, OnArrivals, Rival, Verdict
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.evaluation.checks import label_spread
from components.fewshot.evaluation.judging import EncodedEpisode, encode_episode
from components.fewshot.evaluation.metrics import none_of_these, paired_difference, summarise
from components.fewshot.evaluation.results import EpisodeResult
from components.fewshot.serving.manifest import Manifest
from components.fewshot.serving.served import ServedModel

FEW = 10  # episodes on which latency and label spread are measured
FACTS = ("learner", "base_model", "batch_norm", "inductive", "steps")


def figures(
    case: Case,
    model: ServedModel,
    results: Mapping[str, dict[str, list[EpisodeResult]]],
    gate: GateSettings,
    facts: Mapping[str, object],
) -> Metrics:
    """Returns the content of metrics.json.

    Args:
      case: what was judged.
      model: the candidate.
      results: by set of episodes, then by model.
      gate: what the candidate must reach.
      facts: about the candidate and the episodes.
    """
    warm = cast(str | None, model.manifest.lineage.get("warm_start_from"))
    independence = independence_of(model, case.store, case.episodes)
    decision = verdict(results[MAIN], gate, independence, case.earlier.unfit, warm, on_arrivals(case, results))
    describe_rivals(decision, case)
    also = [
        {**cast(dict[str, object], one["spec"]), "name": one["name"], **summarise(results[f"also-{i}"][MODEL])}
        for i, one in enumerate(case.also)
    ]
    spread = label_spread(model, few_encoded(case)) if model.manifest.fixed_way else None
    threshold = model.manifest.none_of_these.get("threshold")
    strangers = results.get(STRANGERS, {}).get(MODEL, [])
    told = {"none_of_these": None if threshold is None else none_of_these(strangers, threshold)}
    metrics = cast(Metrics, {**decision, **facts, **told, "also": also, "label_spread": spread})
    return {**metrics, "advice": advice(metrics)}


def on_arrivals(case: Case, results: Mapping[str, dict[str, list[EpisodeResult]]]) -> dict[str, OnArrivals]:
    """Returns the figures of the candidate and of the model in production on what came since that one, and on what was there
    before."""
    found = {name: OnArrivals(not_judged=reason) for name, reason in case.arrivals.why_not.items()}
    for name in case.arrivals.sets:
        ours, theirs = (results[name][model] for model in (MODEL, PRODUCTION))
        spec = case.arrivals.specs[name].model_dump(mode="json", include={"way", "shot", "query"})
        figures: Mapping[str, object] = summarise(ours)
        shown = {key: figures[key] for key in ("episodes", "classes", "accuracy", "ci95")}
        pair = {"production": summarise(theirs)["accuracy"], "difference": paired_difference(ours, theirs)}
        found[name] = cast(OnArrivals, {**spec, **shown, **pair})
    return found


def describe_rivals(decision: Verdict, case: Case) -> None:
    """Adds to the figures of each rival what its manifest says of it, and the version of an earlier model."""
    rivals = {**decision["baselines"], PRODUCTION: decision["production"], BEST: decision["best"]}
    for name, rival in rivals.items():
        if rival is not None and name in case.models:
            rival.update(cast(Rival, Manifest.read(case.models[name]).model_dump(include=set(FACTS))))
        if rival is not None and name in case.earlier.models:
            rival["version"] = os.path.basename(case.earlier.models[name])
    for name, rival in decision["candidates"].items():
        manifest = Manifest.read(case.models[f"{CANDIDATE}{name}"])
        told = {**manifest.model_dump(include=set(FACTS)), "validation": manifest.validation or None}
        rival.update(cast(Rival, told))


def few_encoded(case: Case) -> Sequence[EncodedEpisode]:
    """Returns the first few of the main episodes with their images."""
    return [encode_episode(case.store, episode) for episode in case.episodes[:FEW]]
