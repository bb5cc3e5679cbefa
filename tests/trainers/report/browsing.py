"""Pages as a parser of HTML and as a browser understands them."""

import html.parser
import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_VOID = ("meta", "img", "source")


class Outline(html.parser.HTMLParser):
    """What a page says and shows; complains of unclosed tags.

    Attributes:
        text: all of it.
        title: of the page.
        headings: of its sections.
        code: what is to be copied.
        commands: to be run.
        sources: of pictures.
        links: into the page, and `anchors` what they lead to.
    """

    def __init__(self, page):
        super().__init__()
        self.text = self.title = ""
        self.headings, self.code, self.commands = [], [], []
        self.sources, self.links, self.anchors, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "srcset"):
                self.sources.append(value)
            elif name == "href":
                self.links.append(value)
            elif name == "id":
                self.anchors.append(f"#{value}")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        last = self.open[-1] if self.open else ""
        if last == "h2":
            self.headings.append(data)
        elif last == "pre":
            self.code.append(data)
        elif last == "code":
            self.commands.append(data)
        elif last == "title":
            self.title += data
