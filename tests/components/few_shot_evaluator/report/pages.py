"""A page as a browser would take it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a browser would fetch or run, the headings, and whether all elements are closed."""

    VOID = {"meta", "img", "br", "link", "path", "use"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.elements: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.fetched += [value for key, value in attrs if key in ("src", "href", "xlink:href", "action") and value]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag
