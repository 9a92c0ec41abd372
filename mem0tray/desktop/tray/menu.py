"""The view of the tray, and the menu, as data. It shows times, never ages."""

import os
import textwrap
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from mem0tray.actions.diagnose import why_failed
from mem0tray.actions.one_writer import InStep
from mem0tray.actions.waiting import DLQ_LIST, WaitingItems
from mem0tray.actions.worker_report import SILENT, silence
from mem0tray.config.server_choice import CHOOSE, said
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.core.text import one_line, short_id
from mem0tray.ledger.reader import Reader
from mem0tray.server import answers

if TYPE_CHECKING:
    from mem0tray.worker.thread import WorkerThread

Value = float | str | bool | None
LEVELS: Final = ("all", "problems", "none")
_FLAT: Final = 5  # memories in a menu without submenus: more would be too many lines
_PROJECT: Final = 24
_SERVER: Final = 48
_REASON: Final = 44
_BEGIN: Final = 50  # of a memory's text
_SHORT: Final = 24  # a reason beside that
_FIRST_LINE: Final = 100
_STATE_LINE: Final = 80
_TOOLTIP_REASON: Final = 240
SHOWN: Final = 10  # memories in the menu, of those not delivered


class DeadLetter(Struct, frozen=True):
    """A dead letter in a menu: when it became one (Unix seconds), why it failed last.

    `begin` is one line of its text.
    """

    item_id: str
    digest: bytes
    project: str
    since: float
    reason: Reason
    begin: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that icon, tooltip and menu show; without a server `destination` is empty."""

    state: str
    reason: Reason = reasons.NONE
    destination: str = ""
    queue: int = 0
    dlq: int = 0
    letters: tuple[DeadLetter, ...] = ()
    last_delivery: float | None = None
    paused: bool = False
    level: str = "all"
    texts: bool = False  # whether memories are shown by how they begin
    at_login: bool = False
    held: int = 0  # entries that another worker has perhaps delivered
    restorable: bool = False  # whether there is a deletion to take back
    former: tuple[str, ...] = ()  # servers with memories that the chosen one lacks


def view_of(
    worker: "WorkerThread", settings: Settings, *, at_login: bool, former: tuple[str, ...] = ()
) -> View:
    """Look at the worker in this process; other arguments as in `View`. Raises LedgerError."""
    level = settings.notifications.level
    if not worker.is_ready:  # there is no ledger to look at yet
        state = ACTION_NEEDED if worker.hindrance else STARTING
        return View(state, worker.hindrance, level=level, at_login=at_login)
    look = worker.look()
    state, reason = look.state.name, look.state.reason
    if worker.silence > SILENT:
        state, reason = ACTION_NEEDED, silence(os.getpid())
    with Reader(worker.paths.ledger) as reader:
        return View(
            state=state,
            reason=reason,
            destination=worker.destination,
            queue=look.queue,
            dlq=look.dlq,
            letters=oldest(reader, SHOWN) if look.dlq else (),
            last_delivery=look.last_delivery,
            paused=look.paused,
            level=level,
            texts=settings.ui.show_texts,
            at_login=at_login,
            held=look.held,
            restorable=reader.has_discarded(),
            former=former,
        )


def oldest(reader: Reader, limit: int) -> tuple[DeadLetter, ...]:
    """Read the first `limit` dead letters in the file's order."""
    letters, waits = [], WaitingItems(reader, InStep())
    for found in map(waits.with_attempts, waits.listed(DLQ_LIST, limit=limit)):
        moved = items.number((items.load_object(found.raw) or {}).get("moved_to_dlq_at"))
        why = why_failed(found, found.last_attempt)
        begin, since = one_line(found.content or "", _BEGIN), moved or found.since or 0.0
        letters.append(DeadLetter(*found.identity, found.project, since, why, begin))
    return tuple(letters)


class Verb(Enum):
    """A wish behind a click."""

    RETRY_ALL = auto()
    RETRY = auto()
    DELETE = auto()
    COPY_ID = auto()
    DIAGNOSE = auto()
    OPEN = auto()
    OPEN_DLQ = auto()
    OPEN_LOG = auto()
    RESTORE = auto()
    BRING_OVER = auto()
    PAUSE = auto()
    RESUME = auto()
    LEVEL = auto()
    AT_LOGIN = auto()
    SETTINGS = auto()
    QUIT = auto()


@dataclass(frozen=True, slots=True)
class MenuCommand:
    """A verb and what it is about: a dead letter, minutes, a level, a server, or on and off."""

    verb: Verb
    letter: DeadLetter | None = None
    value: Value = None


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A line of the menu. A separator has no label; `checked` is None without a check mark."""

    label: str = ""
    command: MenuCommand | None = None
    entries: tuple["MenuEntry", ...] = ()
    enabled: bool = True
    checked: bool | None = None
    radio: bool = False
    default: bool = False


SEPARATOR: Final = MenuEntry()


def _item(label: str, verb: Verb, about: "DeadLetter | Value" = None, **options: Any) -> MenuEntry:
    letter = about if isinstance(about, DeadLetter) else None
    value = None if isinstance(about, DeadLetter) else about
    return MenuEntry(label, MenuCommand(verb, letter, value), **options)


def build(
    view: View, language: Language, now: float, *, nests: bool = True
) -> tuple[MenuEntry, ...]:
    """Build the whole menu; `nests`: a submenu may have submenus, as dead letters have."""
    _ = language.gettext
    letters = [_letter(letter, language, now, texts=view.texts) for letter in view.letters]
    if not nests:
        letters = [line for letter in letters[:_FLAT] for line in _flat(letter)]
    return (
        _item(_("Open mem0tray"), Verb.OPEN, default=True),
        _item(_first_line(view, language), Verb.OPEN),
        _item(_counts(view, language), Verb.OPEN),
        SEPARATOR,
        _item(_("Try all again now"), Verb.RETRY_ALL, enabled=view.dlq > 0),
        MenuEntry(_("Memories not delivered"), entries=tuple(letters), enabled=bool(view.letters)),
        SEPARATOR,
        _item(_("Open DLQ file"), Verb.OPEN_DLQ),
        _item(_("Open log"), Verb.OPEN_LOG),
        _item(_("Restore last deletion"), Verb.RESTORE, enabled=view.restorable),
        *(_item(_former(server, language), Verb.BRING_OVER, server) for server in view.former),
        SEPARATOR,
        _pause(view, language),
        _levels(view, language),
        _item(_("Start at login"), Verb.AT_LOGIN, not view.at_login, checked=view.at_login),
        _item(_("Settings…"), Verb.SETTINGS),
        SEPARATOR,
        _item(_("Quit"), Verb.QUIT),
    )


def shape(entries: tuple[MenuEntry, ...]) -> object:
    """Equal for two menus with the same things in the same places: one can become the other."""
    return tuple(
        (identity(entry), entry == SEPARATOR, entry.checked is None, shape(entry.entries))
        for entry in entries
    )


def identity(entry: MenuEntry) -> object:
    """Equal for two entries at one place of a menu that are one thing, whatever their words."""
    command = entry.command
    if command is not None:
        is_switch = isinstance(command.value, bool)  # which a click turns round
        return (command.verb, command.letter, None if is_switch else command.value)
    about = {each.command.letter for each in entry.entries if each.command is not None}
    return ("text or submenu", *about)


def state_line(view: View, language: Language) -> str:
    """The state in words, and where memories go."""
    _ = language.gettext
    words = {
        HEALTHY: _("Server healthy"),
        DOWN: _("Server down"),
        PAUSED: _("Paused"),
        STARTING: _("Starting"),
        ACTION_NEEDED: _("Action needed"),
    }.get(view.state, view.state)
    there = one_line(said(view.destination, language), _STATE_LINE)
    if not there and view.reason == CHOOSE:
        there = _("choose a server")
    # Unknown for a moment at the start, or until wrong settings are mended.
    return one_line(f"{words} · {there}", _STATE_LINE) if there else words


def _first_line(view: View, language: Language) -> str:
    line = state_line(view, language)
    reason = one_line(view.reason.said(language), _FIRST_LINE)
    if view.state not in (DOWN, ACTION_NEEDED) or not reason or view.reason == CHOOSE:
        return line
    return one_line(f"{line} · {reason}", _FIRST_LINE)


def _counts(view: View, language: Language) -> str:
    _, ngettext, n = language.gettext, language.ngettext, language.number
    waiting = ngettext("{n} memory waiting", "{n} memories waiting", view.queue)
    failed = ngettext("{n} not delivered", "{n} not delivered", view.dlq)
    return f"{waiting.format(n=n(view.queue))} · {failed.format(n=n(view.dlq))}"


def tooltip(view: View, language: Language, now: float) -> str:
    """State, counts and last delivery, a line each; `now` as for `build`."""
    _, ngettext, n = language.gettext, language.ngettext, language.number
    lines = [f"mem0tray · {state_line(view, language)}"]
    if view.state == ACTION_NEEDED:
        reason = one_line(view.reason.said(language), _TOOLTIP_REASON)
        lines += textwrap.wrap(reason, _STATE_LINE)
    lines.append(_counts(view, language))
    if view.held:
        held = ngettext("{n} of these is held", "{n} of these are held", view.held)
        lines.append(held.format(n=n(view.held)))
    if view.last_delivery is not None:
        time = moment(view.last_delivery, language, now)
        lines.append(_("Last delivery: {time}").format(time=time))
    return "\n".join(lines)


def _former(server: str, language: Language) -> str:
    _ = language.gettext
    if server == LOCAL_URL:  # a sentence of its own: French says "de cet ordinateur"
        return _("Bring memories over from this computer’s server")
    return _("Bring memories over from {server}").format(server=one_line(server, _SERVER))


def _flat(letter: MenuEntry) -> tuple[MenuEntry, ...]:
    """Show a dead letter without a submenu: its own line diagnoses it, which changes nothing."""
    below = (replace(entry, label=f"• {entry.label}") for entry in letter.entries)
    return (MenuEntry(letter.label, letter.entries[-1].command), *below)


def _letter(letter: DeadLetter, language: Language, now: float, *, texts: bool) -> MenuEntry:
    _ = language.gettext
    project = one_line(letter.project, _PROJECT) or _("no project")
    said = letter.reason.said(language)
    begin = letter.begin if texts else ""
    names = (begin, project) if begin else (project, short_id(letter.item_id))
    reason = str(answers.status_in(said) or one_line(said, _SHORT if begin else _REASON))
    parts = (*names, reason, moment(letter.since, language, now))
    entries = (
        _item(_("Try again now"), Verb.RETRY, letter),
        _item(_("Back up then delete…"), Verb.DELETE, letter),
        _item(_("Copy ID"), Verb.COPY_ID, letter),
        _item(_("Diagnose"), Verb.DIAGNOSE, letter),
    )
    return MenuEntry(" · ".join(part for part in parts if part), entries=entries)


def moment(at: float, language: Language, now: float | None = None) -> str:
    """Unix seconds as a local time, with its date unless that is the day of `now`; or `?`."""
    try:
        day = None if now is None else datetime.fromtimestamp(now).date()  # noqa: DTZ006  (local time is meant)
        same_day = datetime.fromtimestamp(at).date() == day  # noqa: DTZ006
        return language.time(at) if same_day else language.date_and_time(at)
    except (OverflowError, ValueError, OSError):
        return "?"


def _pause(view: View, language: Language) -> MenuEntry:
    _, ngettext = language.gettext, language.ngettext
    lengths = {  # in minutes
        ngettext("{n} minute", "{n} minutes", 30).format(n=30): 30,
        ngettext("{n} hour", "{n} hours", 1).format(n=1): 60,
        _("Until resumed"): None,
    }
    entries = [
        _item(label, Verb.PAUSE, minutes, enabled=not view.paused)
        for label, minutes in lengths.items()
    ]
    resume = _item(_("Resume"), Verb.RESUME, enabled=view.paused)
    return MenuEntry(_("Pause"), entries=(*entries, resume))


def _levels(view: View, language: Language) -> MenuEntry:
    _ = language.gettext
    names = zip(LEVELS, (_("All"), _("Problems only"), _("None")), strict=True)
    entries = [
        _item(label, Verb.LEVEL, each, checked=view.level == each, radio=True)
        for each, label in names
    ]
    return MenuEntry(_("Notifications"), entries=tuple(entries))
