"""The page: its facts, what to do, and its templates, in which text of others is harmless."""

import base64
import hashlib
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import time as clock
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct
from msgspec.structs import replace

from mem0tray.actions import backups, diagnose, standing
from mem0tray.actions.diagnose import DUE, WAITING, Cause, Surroundings
from mem0tray.actions.standing import Overview, Snapshot
from mem0tray.actions.waiting import FoundItem, WaitingItems
from mem0tray.config.server_choice import said
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.language import Language
from mem0tray.core.reasons import NONE, Reason
from mem0tray.core.state import HEALTHY
from mem0tray.core.text import one_line, short_id, without_password
from mem0tray.core.version import __version__
from mem0tray.files import atomic
from mem0tray.ledger.outages import Outage
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Matching
from mem0tray.server.remedy import ID, REWORD, SHORTEN, asks_nothing
from mem0tray.window import outages
from mem0tray.window.words import NEVER, Tone, absolute, headline, relative

SHOWN: Final = 200  # memories that are not delivered, on one page
_ERRORS: Final = 500  # that are looked at
_ALONE: Final = Surroundings(())  # faults of server and worker stand on the page once
_HERE: Final = Path(__file__).parent
_TYPED: Final = re.compile("`([^`]+)`")
_LONGEST: Final = 2000  # characters of a text, mostly cut earlier
_LINES: Final = 60  # of a memory's content
_SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
_HOUR: Final = 3600.0
DAY, WEEK, MONTH = "day", "week", "month"
SPANS: Final = {DAY: 24, WEEK: 7, MONTH: 30}  # hours of a day, days of the others
_LENGTHS: Final = {DAY: 24 * _HOUR, WEEK: 7 * 24 * _HOUR, MONTH: 30 * 24 * _HOUR}
Bounds = tuple[float | None, float | None]


class Slot(NamedTuple):
    """An hour or a local day: when it begins, the memories delivered, those not at its end."""

    start: float
    delivered: int
    dead: int


class Group(Struct, frozen=True):
    """Memories that fail for one cause: how many, one of them, and the errors that they have.

    `name` stands for the group in an address.
    """

    name: str
    cause: Cause
    count: int
    example: FoundItem
    errors: Sequence[str]

    @property
    def tone(self) -> Tone:
        """How urgent it is: calm where it needs nothing but time."""
        return "calm" if asks_nothing(self.cause.remedy) else "warn"

    @property
    def is_of_text(self) -> bool:
        """Whether their texts must be changed."""
        return self.cause.remedy in _BY_BUTTONS

    @property
    def detail(self) -> Reason:
        """What the server said; where each waits for a time of its own, nothing."""
        return NONE if self.cause.name in (WAITING, DUE) else self.cause.detail


class Gathered(NamedTuple):
    """How things stand at one moment; of the DLQ file `nonsense` counts what makes no sense.

    `today` counts deliveries. `restorable`: a deletion can be undone; `backed_up`: a file is kept
    from which to restore.
    """

    now: float
    overview: Overview
    groups: Sequence[Group] = ()
    nonsense: int = 0
    today: int = 0
    past: Sequence[Slot] = ()
    outages: Sequence[Outage] = ()
    span: str = MONTH
    projects: Sequence[str] = ()
    restorable: bool = False
    backed_up: bool = False


class LetterList(NamedTuple):
    """Some of the memories that are not delivered, after `offset` others of `total`."""

    letters: Sequence[FoundItem] = ()
    total: int = 0
    offset: int = 0


def gather(
    seen: Snapshot, reader: Reader, span: str = "", before: Gathered | None = None
) -> Gathered:
    """Read how things stand, why what is not delivered is not, and the past of a span, if any.

    `before`: what was gathered before, if the ledger has not changed since.
    """
    waits, overview = WaitingItems(reader, seen.step), standing.overview(seen)
    odd = waits.odd
    counted = before or Gathered(
        seen.at,
        overview,
        groups=grouped(waits, seen.at),
        projects=sorted(each.project for each in reader.by_project() if each.dead),
        today=sum(reader.deliveries(_midnight(_today(seen.at)), _SLOT).values()),
    )
    return counted._replace(
        now=seen.at,
        overview=overview,
        nonsense=len(odd),
        past=history(reader, seen.at, odd, span) if span else (),
        outages=reader.outages(seen.at - _LENGTHS[span], seen.at) if span else (),
        span=span,
        restorable=reader.has_discarded(),
        backed_up=backups.are_there(seen.paths),
    )


def listing(
    waits: WaitingItems, wanted: Matching, order: str = "due", limit: int = SHOWN, offset: int = 0
) -> LetterList:
    """List some of the memories that match, after `offset` others; past the end the last page."""
    keys = waits.reader.matching(wanted, order)
    offset = min(offset, max(0, len(keys) - 1) // limit * limit)
    found = waits.with_keys(keys[offset : offset + limit])
    letters = [waits.with_attempts(each) for each in found if each.item is not None]
    return LetterList(letters, len(keys), offset)


def of_age(name: str, now: float) -> Bounds:
    """Return since when, and from before when, what is of an age waits; None is any time."""
    week = now - 7 * 24 * _HOUR
    ages: dict[str, Bounds] = {
        "hour": (now - _HOUR, None),
        "today": (_midnight(_today(now)), None),
        "week": (week, None),
        "older": (None, week),
    }
    return ages.get(name, (None, None))


def _today(now: float) -> date:
    return datetime.fromtimestamp(now).date()  # noqa: DTZ006  (the local day is meant)


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min).timestamp()


def grouped(waits: WaitingItems, now: float) -> list[Group]:
    """Sum up what is not delivered by what is to be done, the commonest first."""
    alike: dict[tuple[object, ...], Group] = {}
    for error, count, example in waits.failures(_ERRORS):
        cause = cause_of(waits.with_attempts(example), now)
        name = hashlib.sha256(repr(cause.likeness).encode()).hexdigest()[:12]
        first = alike.get(cause.likeness, Group(name, cause, 0, example, ()))
        errors = [*first.errors, error]
        alike[cause.likeness] = replace(first, count=first.count + count, errors=errors)
    return sorted(alike.values(), key=lambda each: -each.count)


def cause_of(found: FoundItem, now: float) -> Cause:
    """Find why a memory is stuck; `found` has its attempts."""
    return diagnose.causes(found, _ALONE, found.last_attempt, now, ID)[0]


def history(reader: Reader, now: float, odd: Iterable[bytes], span: str) -> list[Slot]:
    """List the hours or days of a span, from the one before the first memory: the rise shows."""
    began = reader.began()
    if began is None:
        return []
    count = SPANS[span]
    if span == DAY:
        hour = now - now % _HOUR  # in zones that are whole hours off
        starts = [hour - n * _HOUR for n in reversed(range(count))]
    else:
        shown = [_today(now) - timedelta(days=n) for n in reversed(range(count))]
        starts = list(map(_midnight, shown))
    starts = starts[max(0, bisect_right(starts, began) - 2) :]
    delivered = [0] * len(starts)
    for at, number in reader.deliveries(starts[0], _SLOT).items():
        delivered[max(0, bisect_right(starts, at) - 1)] += number
    gone = reader.stays(starts[0])
    since = [*reader.dead_since(), *(items.moved_to_dlq(raw, now) for raw in odd)]
    came = sorted([*(start for start, _ in gone), *since])
    went = sorted(end for _, end in gone)
    ends = [*starts[1:], math.inf]
    dead = [bisect_left(came, end) - bisect_left(went, end) for end in ends]
    return list(map(Slot, starts, delivered, dead))


# What the window says in place of commands.
_BY_BUTTONS: Final = {
    REWORD: Reason("Correct the text, or delete the memory."),
    SHORTEN: Reason("Shorten the text, or delete the memory."),
    diagnose.NAMELESS.remedy: Reason("Name its project in the DLQ file, or delete the memory."),
}


# HTML -------------------------------------------------------------------------------------------


class Chart(NamedTuple):
    """A chart of one number a day, as bars before the outages."""

    title: str
    summary: str
    tone: Tone
    labels: Sequence[str]
    values: Sequence[int]
    bands: Sequence[outages.Band] = ()


def save(settings: Settings, language: Language, out: Path, *, with_content: bool) -> Path:
    """Write the page for its owner alone, as a document of its own, which loads nothing.

    Returns its absolute path. Raises FileUnavailableError.
    """
    seen = standing.read(settings, clock())
    with Reader(seen.paths.ledger) as reader:
        gathered = gather(seen, reader, MONTH)
        listed = listing(WaitingItems(reader, seen.step), Matching())
    text = render(gathered, listed, language, with_content=with_content)
    out = out.expanduser().absolute()
    with suppress(OSError):  # `replace` keeps the mode of the file that is there
        if out.is_file() and not out.is_symlink():
            out.chmod(0o600)
    atomic.replace(out, text.encode("utf-8", "replace"))
    return out


def render(seen: Gathered, listed: LetterList, language: Language, *, with_content: bool) -> str:
    """Render the document that is saved."""
    style = (_HERE / "static" / "window.css").read_text(encoding="utf-8")
    values = shown(seen, language) | shown_letters(listed, seen, language)
    return templates(language).get_template("saved.html").render(
        **values,
        with_content=with_content,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        style=Markup(style),  # noqa: S704  (our own file)
    )  # fmt: skip


def shown(seen: Gathered, language: Language, *, live: bool = False) -> dict[str, object]:
    """Return what the templates show of how things stand."""
    return {
        **seen._asdict(),
        "seen": seen.overview,
        "made": absolute(seen.now, language),
        "ago": lambda at: relative(at, seen.now, language),
        "destination": said(seen.overview.destination, language),
        "headline": headline(seen.overview, language, live=live),
        "charts": list(charts(seen, language)),
        "unreached": outages.summary(seen.outages, language),
        "span_of": lambda each: outages.span(each, language),
        "backed_up": seen.restorable or seen.backed_up,
        "said": lambda reason: reason.said(language),
        "to_do": lambda cause: to_do(cause, language, live=live),
        "live": live,
        "version": __version__,
    }


def to_do(cause: Cause, language: Language, *, live: bool = False) -> str:
    """Say what to do about it; a page that is `live` has buttons."""
    remedy = _BY_BUTTONS.get(cause.remedy) if live else None
    return (remedy or cause.remedy).said(language)


def shown_letters(listed: LetterList, seen: Gathered, language: Language) -> dict[str, object]:
    """Return what the templates show of memories that are not delivered."""
    return {
        "letters": listed.letters,
        "total": listed.total,
        "more": max(0, listed.total - listed.offset - len(listed.letters)),
        "why": lambda each: diagnose.why_failed(each, each.last_attempt).said(language),
        "age": lambda each: relative(each.since or 0.0, seen.now, language),
        "due": lambda each: _when(each.due, seen, language),
    }


def templates(language: Language) -> Environment:
    """Make the templates, in this language."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda text: _harmless(text) if type(text) is str else text,
    )
    environment.globals.update(_=language.gettext, ngettext=language.ngettext, lang=language.code)
    environment.globals["date"] = lambda at: absolute(at, language)
    environment.filters.update(
        number=language.number,
        cut=_harmless,
        id=lambda text: short_id(text) or NEVER,
        block=block,
        typed=_typed,
    )
    return environment


def _harmless(text: str, limit: int = _LONGEST) -> str:
    return one_line(without_password(text), limit)


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


def charts(seen: Gathered, language: Language) -> Iterable[Chart]:
    """Yield each chart for which there is something to show."""
    if not seen.past:
        return
    _, number = language.gettext, language.number
    label = language.time if seen.span == DAY else language.day
    labels = [label(each.start) for each in seen.past]
    delivered, dead = [each.delivered for each in seen.past], [each.dead for each in seen.past]
    starts = [each.start for each in seen.past]
    end = starts[-1] + (_HOUR if seen.span == DAY else 24 * _HOUR)
    bands = list(outages.bands(seen.outages, starts, end, language))
    summary = _("{count} since {time}").format(count=number(sum(delivered)), time=labels[0])
    yield Chart(_("Deliveries"), summary, "good", labels, delivered, bands)
    if any(dead):
        summary = _("{count} now").format(count=number(dead[-1]))
        yield Chart(_("Memories not delivered"), summary, "warn", labels, dead, bands)
