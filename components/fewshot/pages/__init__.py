"""What pages have in common that load no other file: how templates are read, and how they look."""

import jinja2

BASE = "base.html.j2"


def environment(package: str) -> jinja2.Environment:
    """The templates of a package; they extend `BASE`, which has the blocks `title`, `style` and `main`."""
    loaders = [jinja2.PackageLoader(name, ".") for name in (package, __name__)]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
