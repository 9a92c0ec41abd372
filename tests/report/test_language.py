"""Every text of the page in French."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message

from mem0tray import report
from mem0tray.core.language import Language

_PACKAGE = Path(report.__file__).parent
_FIELD = re.compile(r"\{\w+\}")


def _texts() -> Iterator[tuple[str, ...]]:
    """What is given to `_` and `ngettext`, singular and plural."""
    for path in _PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("_", "ngettext"):
                    several = node.args[: 2 if name == "ngettext" else 1]
                    yield tuple(str(ast.literal_eval(each)) for each in several)


def _given(message: Message) -> list[str]:
    found = message.string
    return [found] if isinstance(found, str) else [each or "" for each in found or ()]


def test_every_text_is_translated(catalog: Catalog) -> None:
    """None is missing, each with the placeholders of its source."""
    found = set(_texts())
    assert len(found) > 80
    for texts in sorted(found):
        message = catalog.get(texts[0])
        assert message is not None, texts
        given = _given(message)
        assert len(given) == len(texts), texts
        for source, french in zip(texts, given, strict=True):
            assert french, source
            assert sorted(_FIELD.findall(french)) == sorted(_FIELD.findall(source)), source


def test_distances(french: Language) -> None:
    """Both directions, in the language's words."""
    english = Language("en")
    assert english.distance(-180) == "3 minutes ago"
    assert english.distance(86_400 * 3) == "in 3 days"
    assert french.distance(-180) == "il y a 3 minutes"
    assert french.day(1_764_500_000.0) == "30 nov."
