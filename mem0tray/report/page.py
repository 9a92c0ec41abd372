"""The page as HTML. Templates make one harmless line of whatever they print, and escape it."""

import base64
import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mem0tray import __version__
from mem0tray.actions import diagnose
from mem0tray.config.server_choice import said
from mem0tray.core.item import Item
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED
from mem0tray.core.text import one_line, short_id
from mem0tray.report.advice import Tone, advice, headline
from mem0tray.report.gathering import Gathered

SHOWN: Final = 200  # dead letters
HIDDEN: Final = "•••"
NEVER: Final = "–"
_HERE: Final = Path(__file__).parent
_TYPED: Final = re.compile("`([^`]+)`")
_CREDENTIALS: Final = re.compile(r"://[^\s/]*@")
_LONGEST: Final = 2000  # characters of a text, mostly cut earlier
_LINES: Final = 60  # of a memory's content
_NOW: Final = 5.0
_NEAR: Final = 43_200.0  # half a day, within which a time of day is enough


class Letter(NamedTuple):
    """A dead letter on the page; id and reason are foreign texts."""

    id: str
    item: Item
    reason: str
    due: str
    due_note: str


def render(seen: Gathered, language: Language, file: str, *, with_content: bool) -> str:
    """Render the document; `file` names the DLQ file."""
    environment = templates(language)
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    letters, more = _letters(seen, language)
    return environment.get_template("page.html").render(
        seen=seen.overview,
        made=absolute(seen.now, language),
        ago=lambda at: relative(at, seen.now, language),
        date=lambda at: absolute(at, language),
        destination=said(seen.overview.destination, language),
        headline=headline(seen.overview, lambda at: clock(at, seen.now, language), language),
        advice=advice(seen, file, language),
        charts=list(charts(seen, language)),
        letters=letters,
        more=more,
        nonsense=seen.nonsense,
        with_content=with_content,
        version=__version__,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        style=Markup(style),  # noqa: S704  (our own file)
    )


def templates(language: Language) -> Environment:
    """Make the templates, in this language."""
    environment = Environment(
        loader=FileSystemLoader(_HERE, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda text: _harmless(text) if type(text) is str else text,
    )
    environment.globals.update(_=language.gettext, ngettext=language.ngettext, lang=language.code)
    environment.filters.update(
        number=language.number,
        cut=_harmless,
        id=lambda text: short_id(text) or NEVER,
        block=block,
        typed=_typed,
    )
    return environment


def _harmless(text: str, limit: int = _LONGEST) -> str:
    return one_line(_CREDENTIALS.sub(f"://{HIDDEN}@", text), limit)


def _typed(text: str) -> Markup:
    return Markup(_TYPED.sub(r"<code>\1</code>", str(escape(_harmless(text)))))  # noqa: S704


def block(text: str) -> Markup:
    """Escape `text`, and keep its first lines."""
    lines = text[:_LONGEST].splitlines()
    shown = "\n".join(map(_harmless, lines[:_LINES])).strip()
    return escape(f"{shown} …" if len(text) > _LONGEST or len(lines) > _LINES else shown)


def _letters(seen: Gathered, language: Language) -> tuple[list[Letter], int]:
    found = [
        (diagnose.next_retry(each), each.item, each) for each in seen.dead if each.item is not None
    ]
    found.sort(key=lambda one: (one[0], one[1].timestamp))
    letters = []
    for due, item, each in found[:SHOWN]:
        why = diagnose.why_failed(each, seen.attempts.get(each.identity)).said(language)
        letters.append(Letter(each.id, item, why, *_when(due, seen, language)))
    return letters, len(found[SHOWN:])


def _when(due: float, seen: Gathered, language: Language) -> tuple[str, str]:
    """Say when it is tried again, and how far away that is; or what it waits for."""
    _ = language.gettext
    if due > seen.now:
        return clock(due, seen.now, language), relative(due, seen.now, language)
    if seen.overview.worker is None:
        return _("at the next start"), ""
    blocked = {
        DOWN: _("once the server is back"),
        PAUSED: _("after the pause"),
        ACTION_NEEDED: _("once the way is clear"),
    }
    return blocked.get(seen.overview.state, _("now")), ""


def absolute(at: float | None, language: Language) -> str:
    """Format local date and time of day; a dash for never, and for what no calendar has."""
    try:
        return language.date_and_time(at) if at and at > 0 else NEVER
    except (OverflowError, OSError, ValueError):
        return NEVER


def relative(at: float, now: float, language: Language) -> str:
    """Say how long ago, or how long until then."""
    _ = language.gettext
    return _("just now") if abs(at - now) < _NOW else language.distance(at - now)


def clock(at: float, now: float, language: Language) -> str:
    """Format the time of day; with its date if it is far from now."""
    return language.time(at) if abs(at - now) < _NEAR else absolute(at, language)


# Charts ---------------------------------------------------------------------------------

_TICKS: Final = 6  # labels that an axis has room for
_ROUND: Final = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100)


class Chart(NamedTuple):
    """A chart of one series over time: bars, or an area.

    `ticks` are the `labels` that the axis has room for; `head` names a label, `name` a value.
    """

    title: str
    summary: str
    is_area: bool
    head: str
    name: str
    tone: Tone
    labels: Sequence[str]
    ticks: Sequence[str]
    values: Sequence[int]

    @property
    def end(self) -> int:
        """Where the axis from 0 ends: a round number, and even, so that its middle is whole."""
        largest, scale = max(self.values), 1
        while largest > _ROUND[-1] * scale:
            scale *= 10
        return next(end * scale for end in _ROUND if end * scale >= largest)


def charts(seen: Gathered, language: Language) -> Iterable[Chart]:
    """Yield each chart for which there is something to show."""
    _, number, past = language.gettext, language.number, seen.past
    if past is None:
        return
    labels = [language.day(at) for at in past.starts]
    last, every = len(labels) - 1, math.ceil(len(labels) / _TICKS)
    ticks = [label if (last - at) % every == 0 else "" for at, label in enumerate(labels)]
    title, head, name = _("Deliveries by day"), _("Day"), _("Delivered")
    summary = _("{count} since {time}").format(count=number(sum(past.delivered)), time=labels[0])
    yield Chart(title, summary, False, head, name, "good", labels, ticks, past.delivered)  # noqa: FBT003
    if any(past.dead):
        summary = _("{count} now, at most {most} since {time}").format(
            count=number(past.dead_now), most=number(max(past.dead)), time=labels[0]
        )
        title, name = _("Memories not delivered"), _("Not delivered")
        yield Chart(title, summary, True, head, name, "warn", labels, ticks, past.dead)  # noqa: FBT003
