"""The work of a click: the same verbs as the commands, on threads of its own.

A callback of the tray only hands the command over, since slow work would freeze the menu.
"""

import os
import queue
import threading
import time
from collections.abc import Callable
from subprocess import SubprocessError
from typing import TYPE_CHECKING, Final

from mem0tray.actions import backups, diagnose, migrate, standing, verbs, waiting
from mem0tray.actions.diagnose import Surroundings
from mem0tray.actions.migrate import Migration
from mem0tray.actions.waiting import NO_LONGER_WAITS, FoundItem
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.core.text import excerpt, one_line, short_id
from mem0tray.desktop import clipboard, session
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.notify import Notice, notice_texts
from mem0tray.desktop.tray import menu
from mem0tray.desktop.tray.menu import DeadLetter, MenuCommand, Verb
from mem0tray.files import orders
from mem0tray.system.paths import Paths
from mem0tray.system.paths import config_file as settings_file

if TYPE_CHECKING:
    from mem0tray.desktop.autostart import Autostart

_STOP: Final = 1.0
_LINE: Final = 300
_TEXT: Final = 150  # characters of a memory in a window
_FORMER_EVERY: Final = 30.0  # seconds between two looks into the ledger, which may be a large one
_IN_FLIGHT: Final = Reason(
    "It is being sent at this moment. If the server takes it, it is delivered and not deleted."
)
_ELSEWHERE: Final = {Verb.BRING_OVER: "migration"} | dict.fromkeys(
    (Verb.DELETE, Verb.COPY_ID, Verb.DIAGNOSE),  # which may open a window
    "dialogs",
)
_Commands = queue.SimpleQueue[MenuCommand | None]


class Controller:
    """Carries out commands. `end` ends the tray; `changed` is called after each verb."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        dialogs: Dialogs,
        autostart: "Autostart",
        *,
        notify: Callable[[Notice], object],
        end: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._language = language
        self._dialogs = dialogs
        self._show_notice = notify
        self._end = end
        self._changed = changed
        self._former: tuple[str, float, tuple[str, ...]] = ("", 0.0, ())
        self._waiting = {name: _Commands() for name in ("clicks", "dialogs", "migration")}
        run = self._run
        clicks, asking, moving = ([name] for name in self._waiting)
        self._threads = (
            threading.Thread(target=run, args=clicks, name="mem0tray-clicks", daemon=True),
            threading.Thread(target=run, args=asking, name="mem0tray-dialogs", daemon=True),
            threading.Thread(target=run, args=moving, name="mem0tray-migration", daemon=True),
        )
        self._verbs: dict[Verb, Callable[[MenuCommand], object]] = {
            Verb.RETRY_ALL: lambda _: verbs.retry_all(self._settings(), held=False),
            Verb.RETRY: lambda it: verbs.retry_ids(self._settings(), [self._found(it).id]),
            Verb.DELETE: self._delete,
            Verb.COPY_ID: self._copy_id,
            Verb.DIAGNOSE: self._diagnose,
            Verb.OPEN: self._open_window,
            Verb.OPEN_DLQ: lambda _: session.show(self._paths().dlq, self._failed, edits=True),
            Verb.OPEN_LOG: lambda _: session.show(self._paths().log, self._failed),
            Verb.RESTORE: self._restore,
            Verb.BRING_OVER: self._bring_over,
            Verb.PAUSE: self._pause,
            Verb.RESUME: lambda _: orders.clear_pause(self._paths()),
            Verb.LEVEL: self._level,
            Verb.AT_LOGIN: lambda it: (autostart.enable if it.value else autostart.disable)(),
            Verb.SETTINGS: self._open_window,
        }

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for commands in self._waiting.values():
            commands.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_STOP)

    def do(self, command: MenuCommand) -> None:
        """Carry a command out soon; from any thread."""
        if command.verb is Verb.QUIT:
            self._end()
            return
        self._waiting[_ELSEWHERE.get(command.verb, "clicks")].put(command)

    def former(self) -> tuple[str, ...]:
        """Former servers with memories that the chosen one lacks, as the ledger names them."""
        settings = self._settings()
        paths, now = settings.locations(), time.monotonic()
        server, (name, looked, found) = chosen_server(settings, paths), self._former
        if server.name != name or now - looked >= _FORMER_EVERY:
            found = tuple(migrate.candidates(paths, server)) if not server.trouble else ()
            self._former = (server.name, now, found)
        return found

    def _run(self, name: str) -> None:
        while (command := self._waiting[name].get()) is not None:
            try:
                self._verbs[command.verb](command)
            except Exception as error:  # noqa: BLE001  (a click must not end all later ones)
                self._failed(error, command.verb)
            os.environ.pop(session.TOKEN, None)  # the token was for this click
            self._changed()

    def _failed(self, error: Exception, verb: Verb | None = None) -> None:
        title = self._language().gettext("That did not work")
        again = verb is Verb.OPEN  # a click must not offer it again
        self._notify(title, self._explained(error), good=False, clickable=not again)

    def _explained(self, error: Exception) -> str:
        known = isinstance(error, OSError | SubprocessError)
        reason = reasons.quoted(str(error) if known else repr(error))
        if isinstance(error, Mem0TrayError):
            reason = error.reason
        return one_line(reasons.sentence(reason).said(self._language()), _LINE)

    def _notify(self, title: str, text: str, *, good: bool = True, clickable: bool = True) -> None:
        answer = notice_texts.answer(title, text, self._language(), good=good, clickable=clickable)
        self._show_notice(answer)

    def _paths(self) -> Paths:
        return self._settings().locations()

    def _delete(self, command: MenuCommand) -> None:
        language = self._language()
        _ = language.gettext
        found = self._found(command)
        about = _("Project: {project}\nID: {id}\nNot delivered since: {date}").format(
            project=one_line(found.project, 80) or _("no project"),
            id=one_line(found.id, 80),
            date=menu.moment(_letter(command).since, language),
        )
        after = _("A backup is written first; “Restore last deletion” puts it back.")
        title, buttons = _("Delete this memory?"), (_("Back up and delete"), _("Cancel"))
        if not self._dialogs.ask(title, f"{about}\n\n{after}", *buttons, self._begin(found)):
            return
        # It may have been delivered while the question was open.
        settings = self._settings()
        done = verbs.delete(settings.locations(), settings, [self._found(command)])
        if done.in_flight:
            raise Mem0TrayError(_IN_FLIGHT)
        if not done.items:
            raise NotFoundError(NO_LONGER_WAITS)
        # The worker sends the notification, as for the command: one deletion, reported once.

    def _copy_id(self, command: MenuCommand) -> None:
        letter = _letter(command)
        _ = self._language().gettext
        try:
            clipboard.copy(letter.item_id)
        except (Mem0TrayError, OSError, SubprocessError) as error:
            text = f"{one_line(letter.item_id, 80)}\n\n{self._explained(error)}"
            self._dialogs.show(_("The ID was not copied"), text, _("Close"))

    def _diagnose(self, command: MenuCommand) -> None:
        language = self._language()
        _ = language.gettext
        settings, found, now = self._settings(), self._found(command), time.time()
        around = Surroundings.ask(settings, standing.read(settings, now))
        cause = diagnose.causes(found, around, found.last_attempt, now)[0]
        said = cause.sentence.said(language)
        what = _("{cause}: {advice}").format(cause=cause.name.said(language), advice=said)
        both = (what[:1].upper() + what[1:], cause.remedy.said(language))
        text = "\n\n".join(one_line(line, _LINE) for line in both)
        project = one_line(found.project, 40) or _("no project")
        title = f"{project} · {short_id(found.id)}"
        self._dialogs.show(title, text, _("Close"), self._begin(found))

    def _begin(self, found: FoundItem) -> str:
        if found.item is None or not self._settings().ui.show_texts:
            return ""
        return excerpt(found.item.content, _TEXT)

    def _found(self, command: MenuCommand) -> FoundItem:
        letter = _letter(command)
        with waiting.opened(self._settings()) as seen:
            for found in seen.candidates([letter.item_id]):
                if found.is_dead and found.identity == (letter.item_id, letter.digest):
                    return seen.with_attempts(found)
        raise NotFoundError(NO_LONGER_WAITS)

    def _open_window(self, command: MenuCommand) -> None:
        from mem0tray.desktop import window  # slow to import, and rarely wanted

        view = "settings" if command.verb is Verb.SETTINGS else ""
        if not window.show(self._settings(), self._language(), view=view, waits=False):
            raise session.no_program("mem0tray")

    def _restore(self, _command: MenuCommand) -> None:
        language = self._language()
        _ = language.gettext
        done = verbs.restore(self._paths(), self._settings(), backups.last_delete(self._paths()))
        title = _("Restored") if done.heard else _("Not restored yet")
        self._notify(title, done.said(language), good=done.heard)

    def _bring_over(self, command: MenuCommand) -> None:
        language = self._language()
        _, ngettext, n = language.gettext, language.ngettext, language.number
        try:
            done = Migration(self._settings(), str(command.value)).run(lambda _, __: None)
        finally:
            self._former = ("", 0.0, ())
        queued, unread = done.sums.queued, done.sums.unread
        text = ngettext("{n} memory waits here now.", "{n} memories wait here now.", queued)
        title, text = _("Memories brought over"), text.format(n=n(queued))
        if unread:
            title = _("Not all memories came over")
            missing = _("{n} could not be read: see `mem0tray migrate`.")
            text = f"{text} {missing.format(n=n(unread))}"
        self._notify(title, text, good=not unread)

    def _pause(self, command: MenuCommand) -> None:
        minutes = command.value
        until = None if minutes is None else time.time() + 60.0 * float(minutes)
        orders.write_pause(self._paths(), until)

    def _level(self, command: MenuCommand) -> None:
        from mem0tray.config import config_file

        config_file.change(settings_file(), "notifications.level", str(command.value))


def _letter(command: MenuCommand) -> DeadLetter:
    if command.letter is None:
        raise LookupError(command.verb)
    return command.letter
