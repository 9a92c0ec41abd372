"""A page as a browser takes it apart."""

import tempfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from mem0tray.config import settings
from mem0tray.core.language import Language
from mem0tray.window import page
from mem0tray.window.page import Gathered, LetterList

_VOID = {"meta", "link", "br", "img", "input"}


@dataclass
class Element:
    """An element with its attributes and all the text below it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class Document(HTMLParser):
    """Every element of a page, in order; AssertionError where they do not nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(source)
        self.close()

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Find the elements of that name with these attributes (`class_` for `class`)."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            each
            for each in self.elements
            if each.tag == tag and wanted.items() <= each.attributes.items()
        ]

    def text(self, tag: str, **attributes: str) -> list[str]:
        return [" ".join(each.text.split()) for each in self.all(tag, **attributes)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:  # those of SVG may end as they begin
            closed = self._open.pop()
            assert closed.tag == tag, f"<{closed.tag}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data


def made(language: Language | None = None, *, content: bool = False) -> Document:
    """Save the page for the scratch home and read it; it must be UTF-8."""
    with tempfile.TemporaryDirectory() as folder:
        path, known = Path(folder, "page.html"), settings.load().settings
        page.save(known, language or Language("en"), path, with_content=content)
        return Document(path.read_bytes().decode("utf-8", "strict"))


def rendered(seen: Gathered, language: str = "en") -> Document:
    """Make the page of what was gathered."""
    return Document(page.render(seen, LetterList(), Language(language), with_content=False))
