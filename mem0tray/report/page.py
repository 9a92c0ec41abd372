"""The page: its facts, what to do, and the HTML, in which all foreign text is one harmless line."""

import base64
import hashlib
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mem0tray import __version__
from mem0tray.actions import diagnose, standing
from mem0tray.actions.diagnose import DUE, WAITING, Surroundings
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.actions.waiting import DLQ_LIST, FoundItem, Identity, WaitingItems
from mem0tray.config.server_choice import said
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED
from mem0tray.core.text import one_line, short_id
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt
from mem0tray.server.remedy import asks_nothing

# How good something is: each tone has its colour and sign in the style sheet.
Tone = Literal["good", "warn", "bad", "calm", "off"]

SHOWN: Final = 200  # dead letters
HIDDEN: Final = "•••"
NEVER: Final = "–"
_ALONE: Final = Surroundings(())  # faults of server and worker stand on the page once
_HERE: Final = Path(__file__).parent
_TYPED: Final = re.compile("`([^`]+)`")
_CREDENTIALS: Final = re.compile(r"://[^\s/]*@")
_LONGEST: Final = 2000  # characters of a text, mostly cut earlier
_LINES: Final = 60  # of a memory's content
_NOW: Final = 5.0
_SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
_DAYS: Final = 30


class Day(NamedTuple):
    """A local day: when it begins, the memories delivered, the dead letters at its end."""

    start: float
    delivered: int
    dead: int


class Gathered(NamedTuple):
    """Everything at one moment; `nonsense` counts what makes no sense in the DLQ file."""

    now: float
    overview: Overview
    dead: Sequence[FoundItem] = ()
    nonsense: int = 0
    attempts: Mapping[Identity, Attempt] = {}
    past: Sequence[Day] = ()


def gather(settings: Settings, now: float) -> Gathered:
    """Read everything there is to show."""
    seen = standing.read(settings, now)
    with Reader(seen.paths.ledger) as reader:
        waits = WaitingItems(reader, seen.step)
        dead, odd = waits.listed(DLQ_LIST), waits.odd
        since = [items.moved_to_dlq(raw, now) for raw in (*(each.raw for each in dead), *odd)]
        attempts = reader.last_attempts()
        return Gathered(
            now, standing.overview(seen), dead, len(odd), attempts, days(reader, now, since)
        )


def days(reader: Reader, now: float, dead_since: Iterable[float]) -> list[Day]:
    """List the last days, from the one before the first memory: that shows the rise."""
    began = reader.began()
    if began is None:
        return []
    today = datetime.fromtimestamp(now).date()  # noqa: DTZ006  (local days are meant)
    shown = [today - timedelta(days=n) for n in reversed(range(_DAYS))]
    starts = [datetime.combine(day, time.min).timestamp() for day in shown]
    starts = starts[max(0, bisect_right(starts, began) - 2) :]
    delivered = [0] * len(starts)
    for at, number in reader.deliveries(starts[0], _SLOT).items():
        delivered[max(0, bisect_right(starts, at) - 1)] += number
    gone = reader.stays(starts[0])
    came = sorted([*(start for start, _ in gone), *dead_since])
    went = sorted(end for _, end in gone)
    ends = [*starts[1:], math.inf]
    dead = [bisect_left(came, end) - bisect_left(went, end) for end in ends]
    return list(map(Day, starts, delivered, dead))


# What the page says first, and what to do ---------------------------------------------------------


class Message(NamedTuple):
    """How things stand or what to do, with `detail` of others, about the whole id in `memory`."""

    tone: Tone
    title: str
    text: str
    detail: str = ""
    memory: str = ""


def headline(seen: Overview, language: Language) -> Message:
    """Say what a person should know first, and what to do."""
    _ = language.gettext
    if seen.state in (DOWN, ACTION_NEEDED):
        title = _("Action needed")
        text = _("Deliveries may be held up until this is put right. Nothing is lost.")
        if seen.state == DOWN:
            title = _("The server is down")
            text = _(
                "Nothing is lost, and no attempt is counted meanwhile."
                " Deliveries go on by themselves once it is back."
            )
        how = _("`mem0tray doctor` checks everything they need.")
        return Message("bad", title, f"{text} {how}", seen.reason.said(language))
    resume = _("Type `mem0tray resume`.")
    if seen.state == NOT_RUNNING:
        text = _("What waits is kept safe, and is sent once it runs again.")
        how = _("Open the app, or type `mem0tray run`.")
        how = how if seen.pause is None else f"{how} {resume}"
        return Message("off", _("mem0tray is not running"), f"{text} {how}")
    if seen.state == PAUSED and seen.pause is None:
        text = _("The server asked for a break. Deliveries go on by themselves.")
        return Message("calm", _("Deliveries take a break"), text)
    if seen.state == PAUSED:
        text = _("You paused them until you resume. Memories are taken in and kept.")
        if seen.pause != math.inf:
            text = _("You paused them until {time}. Memories are taken in and kept.")
            text = text.format(time=absolute(seen.pause, language))
        return Message("calm", _("Deliveries are paused"), f"{text} {resume}")
    if seen.state == HEALTHY:
        return _healthy(seen, language)
    return Message("off", _("mem0tray is starting"), _("The server has not been heard from yet."))


def _healthy(seen: Overview, language: Language) -> Message:
    _, ngettext, number = language.gettext, language.ngettext, language.number
    if seen.dlq:
        title = ngettext(
            "{count} memory is not delivered yet",
            "{count} memories are not delivered yet",
            seen.dlq,
        )
        text = _(
            "The server answers. None is lost: each is tried again automatically,"
            " at intervals that grow up to an hour."
        )
        return Message("warn", title.format(count=number(seen.dlq)), text)
    if seen.queue and seen.queue == seen.held:
        text = _("What waits is held until you decide; new memories are sent as they arrive.")
        return Message("warn", _("Held memories wait for you"), text)
    if seen.queue:
        text = ngettext(
            "{count} memory is on its way.", "{count} memories are on their way.", seen.queue
        )
        text = text.format(count=number(seen.queue))
        return Message("good", _("Memories are being delivered"), text)
    is_new = seen.last_delivery is None and not seen.totals.get("synced")
    title = _("Ready for the first memory") if is_new else _("Every memory is delivered")
    return Message("good", title, _("Nothing waits. New memories are sent as soon as they arrive."))


def advice(seen: Gathered, language: Language) -> Iterable[Message]:
    """Say everything there is to do besides: once for each cause, the commonest first."""
    number = language.number
    if held := seen.overview.held:
        title = language.ngettext(
            "{count} memory is held: another worker has perhaps delivered it",
            "{count} memories are held: another worker has perhaps delivered them",
            held,
        )
        _ = language.gettext
        text = _("The server cannot tell. `mem0tray retry ID` sends, `mem0tray delete ID` drops.")
        yield Message("warn", title.format(count=number(held)), text)
    for cause, group in diagnose.grouped(seen.dead, _ALONE, seen.attempts, seen.now):
        count = len(group)
        title = language.ngettext(
            "{count} memory not delivered: {cause}",
            "{count} memories not delivered: {cause}",
            count,
        ).format(count=number(count), cause=cause.name.said(language))
        detail = "" if cause.name in (WAITING, DUE) else cause.detail.said(language)
        tone: Tone = "calm" if asks_nothing(cause.remedy) else "warn"
        yield Message(tone, title, cause.remedy.said(language), detail, group[0].id)


# HTML -------------------------------------------------------------------------------------------


class Chart(NamedTuple):
    """A chart of one number a day, as bars."""

    title: str
    summary: str
    tone: Tone
    labels: Sequence[str]
    values: Sequence[int]


def render(seen: Gathered, language: Language, *, with_content: bool) -> str:
    """Render the document."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    letters = [each for each in seen.dead if each.item is not None]
    letters.sort(key=lambda each: (diagnose.next_retry(each), each.item and each.item.timestamp))
    return templates(language).get_template("page.html").render(
        seen=seen.overview,
        made=absolute(seen.now, language),
        ago=lambda at: relative(at, seen.now, language),
        date=lambda at: absolute(at, language),
        destination=said(seen.overview.destination, language),
        headline=headline(seen.overview, language),
        advice=list(advice(seen, language)),
        charts=list(charts(seen, language)),
        letters=letters[:SHOWN],
        why=lambda each: diagnose.why_failed(each, seen.attempts.get(each.identity)).said(language),
        due=lambda each: _when(diagnose.next_retry(each), seen, language),
        more=len(letters[SHOWN:]),
        nonsense=seen.nonsense,
        with_content=with_content,
        version=__version__,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        style=Markup(style),  # noqa: S704  (our own file)
    )  # fmt: skip


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


def _when(due: float, seen: Gathered, language: Language) -> str:
    _ = language.gettext
    if due > seen.now:
        return relative(due, seen.now, language)
    return _("now") if seen.overview.state == HEALTHY else _("once the way is clear")


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


def charts(seen: Gathered, language: Language) -> Iterable[Chart]:
    """Yield each chart for which there is something to show."""
    if not seen.past:
        return
    _, number = language.gettext, language.number
    labels = [language.day(day.start) for day in seen.past]
    delivered, dead = [day.delivered for day in seen.past], [day.dead for day in seen.past]
    summary = _("{count} since {time}").format(count=number(sum(delivered)), time=labels[0])
    yield Chart(_("Deliveries by day"), summary, "good", labels, delivered)
    if any(dead):
        summary = _("{count} now").format(count=number(dead[-1]))
        yield Chart(_("Memories not delivered"), summary, "warn", labels, dead)
