"""The page as HTML. The template escapes everything; the policy allows only our own style."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mem0tray.core.language import Language
from mem0tray.report import charts
from mem0tray.report.model import StatusPage

_HERE: Final = Path(__file__).parent
_TYPED: Final = re.compile("`([^`]+)`")


def render(page: StatusPage, language: Language) -> str:
    """The whole document; `language` writes the numbers in it."""
    environment = Environment(
        loader=FileSystemLoader(_HERE, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["typed"] = _typed
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        page=page,
        policy=_policy(style),
        style=Markup(style),  # noqa: S704  (our own file)
        # Foreign names in it are escaped by the XML writer.
        charts=[(each, Markup(charts.svg(each, language.number))) for each in page.charts],  # noqa: S704
    )


def _policy(style: str) -> str:
    """The content policy: no script, nothing from elsewhere, only this style, an inline icon."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _typed(text: str) -> Markup:
    """The text, escaped, with the parts between backticks marked as for typing."""
    return Markup(_TYPED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704
