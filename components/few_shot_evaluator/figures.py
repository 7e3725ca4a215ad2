"""The figures of metrics.json, from the results of all models."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from components.few_shot_evaluator.advice import advice
from components.few_shot_evaluator.case import MAIN, STRANGERS, Case
from components.few_shot_evaluator.evaluate import BEST, CANDIDATE, MODEL, PRODUCTION, independence_of, verdict
from components.few_shot_evaluator.metrics_json import Metrics, OnArrivals, Rival, Verdict
from components.few_shot_evaluator.settings import GateSettings
from components.fewshot.evaluation.checks import label_spread
from components.fewshot.evaluation.kinds import EVALUATIONS
from components.fewshot.evaluation.metrics import none_of_these, paired_difference
from components.fewshot.serving.manifest import Manifest
from components.fewshot.settings.metrics import METRICS

FEW = 10  # episodes on which latency and label spread are measured
Results = Mapping[str, dict[str, list[Any]]]  # those of a kind of task, by set of episodes, then by model
FACTS = ("learner", "base_model", "batch_norm", "inductive", "steps")


def figures(
    case: Case,
    model: Any,
    results: Results,
    gate: GateSettings,
    facts: Mapping[str, object],
) -> Metrics:
    """Returns the content of metrics.json.

    Args:
      case: what was judged.
      model: the client of the candidate.
      results: by set of episodes, then by model.
      gate: what the candidate must reach.
      facts: about the candidate and the episodes.
    """
    kind = model.manifest.kind
    warm = cast(str | None, model.manifest.lineage.get("warm_start_from"))
    independence = independence_of(model, case.store, case.episodes)
    come = on_arrivals(case, results, kind)
    decision = verdict(results[MAIN], gate, independence, case.earlier.unfit, warm, come, kind)
    describe_rivals(decision, case)
    summarise = EVALUATIONS[kind].summarise
    also = [
        {**cast(dict[str, object], one["spec"]), "name": one["name"], **summarise(results[f"also-{i}"][MODEL])}
        for i, one in enumerate(case.also)
    ]
    spread = label_spread(model, few_encoded(case, kind)) if model.manifest.fixed_way else None
    threshold = model.manifest.none_of_these.get("threshold")
    strangers = results.get(STRANGERS, {}).get(MODEL, [])
    told = {"none_of_these": None if threshold is None else none_of_these(strangers, threshold)}
    metrics = cast(Metrics, {**decision, **facts, **told, "also": also, "label_spread": spread})
    return {**metrics, "advice": advice(metrics)}


def on_arrivals(case: Case, results: Results, kind: str) -> dict[str, OnArrivals]:
    """Returns the figures of the candidate and of the model in production on what came since that one, and on what was there
    before."""
    found = {name: OnArrivals(not_judged=reason) for name, reason in case.arrivals.why_not.items()}
    for name in case.arrivals.sets:
        ours, theirs = (results[name][model] for model in (MODEL, PRODUCTION))
        spec = case.arrivals.specs[name].model_dump(mode="json", include={"way", "shot", "query"})
        summarise, metric = EVALUATIONS[kind].summarise, METRICS[kind]
        figures = summarise(ours)
        shown = {key: figures[key] for key in ("episodes", "classes", metric.key, "ci95")}
        pair = {"production": metric.of(summarise(theirs)), "difference": paired_difference(ours, theirs)}
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


def few_encoded(case: Case, kind: str) -> Sequence[Any]:
    """Returns the first few of the main episodes with their images, for models of a kind."""
    return [EVALUATIONS[kind].encode(case.store, episode) for episode in case.episodes[:FEW]]
