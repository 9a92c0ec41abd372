"""What a user does in the window: each by the action that the command of that name uses."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from mem0tray.actions import backups, server_memories, verbs, waiting
from mem0tray.actions.backups import RestoreSource
from mem0tray.actions.server_memories import Corrected
from mem0tray.actions.verbs import Changed
from mem0tray.actions.waiting import NO_LONGER_WAITS, QUEUE_LIST, FoundItem, WaitingItems
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.language import Language
from mem0tray.core.reasons import NONE, Reason
from mem0tray.files import orders
from mem0tray.ledger.rows import Matching
from mem0tray.server.model import ServerMemory
from mem0tray.window import page, settings_form
from mem0tray.window.page import Group
from mem0tray.window.progress import Retry

Form = ImmutableMultiDict[str, Any]
FILTER: Final = ("cause", "project", "age", "text", "keys")
HELD: Final = "held"
_TOO_LONG: Final = Reason("The text is too long; nothing was changed.")
_LONGEST_FORM: Final = 4_000_000  # bytes: the longest text has three for each of its own
_DIGITS: Final = 19  # of a key in the ledger
# What became of the text whose place another has taken, if a server has it, or may have it.
_FORMER: Final = {
    orders.DELIVERED: Reason("The text before had been sent already: the server gets both."),
    orders.IN_FLIGHT: Reason(
        "The text before is being sent at this moment: if the server takes it, it gets both."
    ),
    orders.PERHAPS: Reason("The server may have the text before: it gets this one in any case."),
}
_SENT: Final = Reason("The text waits to be delivered.")


class Said(NamedTuple):
    """What is said of an act that is done; `undo` is the backup that undoes it, if any.

    `event` says what the page refreshes: `done` (lists), `saved` (settings), `switched` (switches).
    """

    text: str
    undo: str = ""
    event: str = "done"


def current() -> Settings:
    """Return the settings in force now; those that are wrong are at their defaults."""
    return config.read().settings


class Acts:
    """The acts by their names; each raises Mem0TrayError where it cannot be done."""

    def __init__(self, language: Callable[[], Language]) -> None:
        self._language = language
        self.retried: Retry | None = None  # the last act of this kind
        self.by_name: dict[str, Callable[[Form], Said]] = {
            "retry": self._retry,
            "delete": self._delete,
            "restore": self._restore,
            "edit": self._edit,
            "correct": self._correct,
            "remove": self._remove,
            "pause": self._pause,
            "resume": self._resume,
            "settings": self._settings,
            "login": self._login,
            "claude": self._claude,
        }

    @property
    def _not_heard(self) -> str:
        return verbs.BUSY.said(self._language())

    def _filled(self, text: str, number: int) -> str:
        return text.format(n=self._language().number(number))

    def _retry(self, form: Form) -> Said:
        settings, since = current(), time.time()
        with waiting.opened(settings) as seen:
            done = verbs.retry_found(settings, seen, memories_of(seen, form))
        if not done.items:
            raise NotFoundError(NO_LONGER_WAITS)
        self.retried = Retry([each.known.key for each in done.items if each.known], since)
        number, ngettext = len(done.items), self._language().ngettext
        text = ngettext("{n} memory is tried again.", "{n} memories are tried again.", number)
        return Said(self._filled(text, number))

    def _delete(self, form: Form) -> Said:
        settings = current()
        with waiting.opened(settings) as seen:
            chosen = memories_of(seen, form)
        if number_in(form.get("number"), 0) not in (0, len(chosen)):  # the user agreed to another
            raise Mem0TrayError(Reason("What matches has changed meanwhile: look at it again."))
        done = verbs.delete(settings.locations(), settings, chosen)
        if not (done.items or done.in_flight):
            raise NotFoundError(NO_LONGER_WAITS)
        number, sent, ngettext = len(done.items), len(done.in_flight), self._language().ngettext
        text = ngettext(
            "{n} memory is deleted, a copy is kept.",
            "{n} memories are deleted, a copy is kept.",
            number,
        )
        said = self._filled(text, number)
        if sent:
            text = ngettext(
                "{n} is being sent, and deleted if the server does not take it.",
                "{n} are being sent, and deleted if the server does not take them.",
                sent,
            )
            said = f"{said} {self._filled(text, sent)}"
        return Said(said if done.heard else self._not_heard, done.backup.name)

    def _restore(self, form: Form) -> Said:
        settings = current()
        paths = settings.locations()
        name = str(form.get("backup", ""))
        source = backups.named(paths, Path(name).name) if name else backups.last_delete(paths)
        is_edit = source.kind == backups.EDIT and source.pieces
        undone = self._undo(settings, source) if is_edit else None
        return undone or Said(verbs.restore(paths, settings, source).said(self._language()))

    def _undo(self, settings: Settings, edit: RestoreSource) -> Said | None:
        """Put an edit's old text back; None if its new one neither waits nor is on the server."""
        said = self._language().gettext("The memory has its old text again.")
        done = verbs.undo(settings, edit)
        if done is not None:
            return self._changed(said, done)
        corrected = server_memories.undo(settings, edit.pieces[0])
        return None if corrected is None else _corrected(said, corrected)

    def _changed(self, said: str, done: Changed) -> Said:
        """Say that a text took the place of another, and whether a server may have that one."""
        former = _FORMER.get(done.outcome, NONE).said(self._language())
        text = f"{said} {former}".strip() if done.heard else self._not_heard
        return Said(text, done.kept.name)

    def _correct(self, form: Form) -> Said:
        memory, text = delivered_of(form), _text(form)
        if text == memory.text:
            raise Mem0TrayError(Reason("The text is the same; nothing was changed."))
        done = server_memories.correct(current(), memory, text)
        said = self._language().gettext("Corrected: the new text is sent, the old one is kept.")
        return _corrected(said, done)

    def _remove(self, form: Form) -> Said:
        done = server_memories.delete(current(), [delivered_of(form)])
        if done.trouble is not None:
            raise done.trouble
        said = self._language().gettext("Deleted, a copy is kept.")
        return Said(said, done.backup.name)

    def _edit(self, form: Form) -> Said:
        settings, gettext, text = current(), self._language().gettext, _text(form)
        with waiting.opened(settings) as seen:
            chosen = memories_of(seen, form)
        if not chosen:
            raise NotFoundError(NO_LONGER_WAITS)
        found = chosen[0]
        if found.identity[1].hex() != form.get("seen"):
            raise NotFoundError(server_memories.CHANGED)
        said = Said(gettext("Changed, and tried again; the old text is kept."))
        if found.item is None or text != found.item.content:
            done = verbs.edit_text(settings.locations(), settings, found, text)
            said = self._changed(said.text, done)
            if not done.heard:
                return said
        with waiting.opened(settings) as seen:
            verbs.retry_found(settings, seen, [e for e in seen.candidates([found.id]) if e.is_dead])
        return said

    def _pause(self, _: Form) -> Said:
        orders.write_pause(current().locations(), None)
        return Said(self._language().gettext("Deliveries are paused"))

    def _resume(self, _: Form) -> Said:
        orders.clear_pause(current().locations())
        return Said(self._language().gettext("Deliveries go on."))

    def _settings(self, form: Form) -> Said:
        settings_form.save(form)
        return Said(self._language().gettext("Saved."), event="saved")

    def _login(self, form: Form) -> Said:
        settings_form.start_at_login(wanted=bool(form.get("on")))
        return Said(self._language().gettext("Saved."), event="switched")

    def _claude(self, form: Form) -> Said:
        settings_form.connect_claude(wanted=bool(form.get("on")))
        text = self._language().gettext("Saved. Sessions that begin now follow it.")
        return Said(text, event="switched")


def _corrected(said: str, done: Corrected) -> Said:
    """Say that another text is sent; raise if the server did not say that it deleted the former."""
    if done.removed.trouble is not None:
        raise Mem0TrayError(_SENT, done.removed.trouble.reason)
    return Said(said, done.kept.name)


def _text(form: Form) -> str:
    text = str(form.get("content", "")).replace("\r\n", "\n")
    if not text.strip():
        raise Mem0TrayError(Reason("The text is empty; nothing was changed."))
    if items.is_too_long(text):
        raise Mem0TrayError(_TOO_LONG)
    return text


def delivered_of(form: Form) -> ServerMemory:
    """Find the memory on the server that a form names, with the text that was `seen`, if any."""
    found = server_memories.find(current(), str(form.get("id", "")))
    if form.get("seen", digest := items.digest(found.project, found.text).hex()) != digest:
        raise NotFoundError(server_memories.CHANGED)
    return found


async def form_of(request: Request) -> Form:
    """Read a form as a page of ours sends it; `Request.form` would need one more package.

    Raises Mem0TrayError where it is longer than any of ours.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise Mem0TrayError(_TOO_LONG)
    return ImmutableMultiDict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True))


def memories_of(seen: WaitingItems, form: Form) -> list[FoundItem]:
    """Find the memories that a form names: keys, what is held, or all that match its filter."""
    if HELD in form:
        return [each for each in seen.listed(QUEUE_LIST) if each.is_held]
    if "all" not in form:
        return seen.with_keys(keys_of(form))
    seen.step.check()
    now = time.time()
    wanted = matching_of(form, page.grouped(seen, now), now)
    return seen.with_keys(seen.reader.matching(wanted))


def keys_of(form: Form) -> list[int]:
    """Return the keys in the ledger that a form names."""
    return [number for key in form.getlist("key") if (number := number_in(key, 0))]


def number_in(given: object, least: int) -> int:
    """Return the number that a field holds; `least` for less, and for nonsense."""
    text = str(given or "")
    return max(least, int(text)) if text.isdecimal() and len(text) < _DIGITS else least


def filter_of(form: Form, order: str) -> dict[str, object]:
    """Return what the filter's fields are to show."""
    given = {name: str(form.get(name) or "") for name in FILTER}
    return given | {"order": order, "all": "all" in form, "any": any(given.values())}


def matching_of(form: Form, groups: Sequence[Group], now: float) -> Matching:
    """Return which memories the fields of the filter mean."""
    given = {name: str(form.get(name) or "") for name in FILTER}
    errors = None
    if given["cause"]:  # a group that has gone has no errors any more
        errors = [error for each in groups if each.name == given["cause"] for error in each.errors]
    text = given["text"].strip(" ") or None  # only these: a control character is a text
    since, before = page.of_age(given["age"], now)
    keys = [number_in(key, 0) for key in given["keys"].split(",")] if given["keys"] else None
    return Matching(given["project"] or None, errors, text, since, before, keys)
