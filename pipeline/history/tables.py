"""`fewshot runs` as text: lists of runs, their nodes, and what a model was made from."""

import textwrap

import yaml
from rich.console import Console
from rich.table import Table

from pipeline.history.runs import Ancestor, Run, RunDetails


def show_list(runs: list[Run]) -> None:
    """Prints one line per run."""
    names = list(dict.fromkeys(run.measured[0].name for run in runs if run.measured))
    figure = f"{' or '.join(names) or 'figure'}, %"
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("run", "pipeline", "state", "cached", "took", figure, "blessed"):
        right = name in ("cached", "took", figure)
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "pipeline")
    for run in runs:
        reached = f"{100 * run.measured[1]:.2f} ± {100 * (run.ci95 or 0):.2f}" if run.measured else ""
        of = f"{run.measured[0].name} " if run.measured and len(names) > 1 else ""
        blessed = {True: "yes", False: "no", None: run.decision or ""}[run.blessed]
        cached = f"{run.cached}/{run.nodes}"
        took = "" if run.seconds is None else f"{run.seconds:.0f} s"
        table.add_row(run.run_id, run.pipeline, run.state, cached, took, of + reached, blessed)
    Console().print(table)


def show_one(details: RunDetails) -> None:
    """Prints a run, its nodes, their outputs, and its settings."""
    show_list([details.run])
    table = Table(box=None, pad_edge=False)
    for name in ("node", "state", "took", "inputs", "outputs"):
        table.add_column(name, justify="right" if name == "took" else "left")
    for node in details.nodes:
        took = "" if node.seconds is None else f"{node.seconds:.1f} s"
        sides = [", ".join(str(one.id) for one in side) for side in (node.inputs, node.outputs)]
        table.add_row(node.node, node.state, took, *sides)
    print()
    Console().print(table)
    if failure := details.run.failure:
        print()
        print(
            textwrap.fill(
                f"{failure.node} failed: {failure.reason}", 80, break_long_words=False, break_on_hyphens=False
            )
        )
        if failure.log:
            print(f"traceback: {failure.log}")
    print()
    for one in (one for node in details.nodes for one in node.outputs):
        print(f"{one.id:>5}  {one.key:<22} {one.uri}")
    whole = [node.settings["configuration"] for node in details.nodes if "configuration" in node.settings]
    print("\n" + _yaml(whole[0] if whole else {node.node: node.settings for node in details.nodes}))


def show_lineage(ancestors: list[Ancestor]) -> None:
    """Prints one paragraph per artifact, from the images to the model. The settings of a node appear once."""
    told = set()
    for one in ancestors:
        print(f"{one.id:>5}  {one.type} by {one.node}, {one.made}, run {one.run_id}")
        lines = [one.uri]
        if pushed := one.properties.get("pushed_destination"):
            lines.append(f"pushed to {pushed}")
        if one.made_of:
            lines.append(f"made from {', '.join(str(i) for i in one.made_of)}")
        if (one.node, one.run_id) not in told:
            told.add((one.node, one.run_id))
            own = [one.settings[key] for key in ("settings", "custom_config") if key in one.settings]
            lines += [line for settings in own for line in _yaml(settings).splitlines()]
        print("\n".join(f"       {line}" for line in lines))


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=72, default_flow_style=None).rstrip()
