"""`python -m pipeline.drawing`: draws the code in docs/architecture.md, as Mermaid diagrams between markers.

One diagram shows the rooms of the code and their imports, read from the import statements. The other shows the TFX graph and the
artifacts that flow in it, read from the pipeline that `create_pipeline` makes.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- {}, drawn by `make drawing` -->", "<!-- end of drawing -->"

# Subgraphs of the drawing of rooms. Every folder or module directly in one of these folders is a room.
AREAS = ("pipeline", "components", "components/fewshot", "data")
AREA_MODULES = {area.replace("/", ".") for area in AREAS}  # their `__init__.py` hold nothing but a docstring
# Modules that are drawn as one room.
TOGETHER = {
    "pipeline/cli.py": ("cli", "drawing"),
    "pipeline/graph.py, config.py ...": ("graph", "config", "baselines", "presets", "production", "image_sets"),
}

Edges = dict[str, set[str]]  # from a room to the rooms that it imports


def main() -> None:
    """Writes both diagrams into the page."""
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"drawn: {PAGE}")


def drawn(page: str) -> str:
    """Returns the text of the page with both diagrams up to date.

    Raises:
      ValueError: the page lacks the markers of a diagram.
    """
    for name, diagram in (("rooms", draw_rooms(without_implied(room_imports(ROOT)))), ("graph", draw_graph())):
        begin = BEGIN.format(name)
        if begin not in page or END not in page.partition(begin)[2]:
            raise ValueError(f"{PAGE}: expected a line {begin!r} and after it a line {END!r}, for the diagram")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n```mermaid\n{diagram}\n```\n{END}{rest.partition(END)[2]}"
    return page


def room_imports(root: Path) -> Edges:
    """Returns every room of the code in `root` with the rooms that its modules import."""
    files = {path.relative_to(root) for area in AREAS for path in (root / area).rglob("*.py")}
    modules = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in files}
    modules = {name: path for name, path in modules.items() if name not in AREA_MODULES}
    edges: Edges = {room_of(path): set() for path in modules.values()}
    for path in modules.values():
        room = room_of(path)
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
            edges[room] |= {room_of(modules[name]) for name in imported(node) if name in modules}
    return {room: others - {room} for room, others in edges.items()}


def imported(node: ast.AST) -> set[str]:
    """Returns the full names that an import statement may mean as modules; the empty set for other code."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return set()


def room_of(path: PurePath) -> str:
    """Returns the room of a module, such as `components/fewshot/images`."""
    for room, names in TOGETHER.items():
        if path.parent.as_posix() == "pipeline" and path.stem in names:
            return room
    area = max((area for area in AREAS if path.is_relative_to(area)), key=len)
    room = PurePath(area, path.relative_to(area).parts[0]).as_posix()
    return "components/each component" if area == "components" else room


def without_implied(edges: Edges) -> Edges:
    """Returns the edges without those that follow from a longer path."""
    reached: Edges = {}

    def beyond(room: str) -> set[str]:
        if room not in reached:
            reached[room] = set()  # ends the search if rooms import one another
            reached[room] = set().union(*({one} | beyond(one) for one in edges[room]))
        return reached[room]

    return {
        room: {one for one in targets if not any(one in beyond(other) for other in targets)}
        for room, targets in edges.items()
    }


def draw_rooms(edges: Edges) -> str:
    """Returns a Mermaid diagram of rooms, in a subgraph for each area."""
    lines = ["flowchart TD"]
    for area in AREAS:
        lines.append(f'  subgraph {_id(area)}_area ["{area}"]')
        lines += [f'    {_id(room)}["{room[len(area) + 1 :]}"]' for room in sorted(edges) if area_of(room) == area]
        lines.append("  end")
    return "\n".join(lines + [f"  {_id(room)} --> {_id(one)}" for room in sorted(edges) for one in sorted(edges[room])])


def area_of(room: str) -> str:
    """Returns the area that a room is drawn in."""
    return max((area for area in AREAS if room.startswith(f"{area}/")), key=len)


def draw_graph() -> str:
    """Returns a Mermaid diagram of the TFX graph: its nodes, and the outputs that flow between them."""
    from pipeline.config import load_settings
    from pipeline.graph import create_pipeline
    from pipeline.image_sets import glyphs_at
    from pipeline.presets import find_preset

    pipeline = create_pipeline(
        load_settings(find_preset("glyphs")), glyphs_at("images"), "fewshot-runs", data_fingerprint=""
    )
    flows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for node in pipeline.components:
        for channel in node.inputs.values():
            if producer := getattr(channel, "producer_component_id", None):
                flows[producer, node.id].add(channel.output_key)
    # Sorted, because TFX orders nodes of equal rank differently from process to process.
    lines = ["flowchart TD", *(f"  {name}" for name in sorted(node.id for node in pipeline.components))]
    lines += [f"  {one} -- {', '.join(sorted(keys))} --> {other}" for (one, other), keys in sorted(flows.items())]
    return "\n".join(lines)


def _id(room: str) -> str:
    return re.sub(r"\W+", "_", room).strip("_")


if __name__ == "__main__":
    main()
