"""The tray application: the worker on its thread, the icon on the main one."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from mem0tray.agents import session_socket
from mem0tray.alerts import AlertWatch
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core import events, reasons
from mem0tray.core.errors import AlreadyRunningError, Mem0TrayError
from mem0tray.core.events import Event, Events
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.desktop import autostart, icon_lock, session
from mem0tray.desktop.autostart.linux import application_entry
from mem0tray.desktop.controller import Controller
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.icon_lock import IconLock
from mem0tray.desktop.notify import Offer, notice_texts, plyer_backend
from mem0tray.desktop.notify.notifier import Notifier
from mem0tray.desktop.session import nests_menus
from mem0tray.desktop.tray import Presenter, Tray, menu
from mem0tray.desktop.tray.icon import IconLook, notice_icon
from mem0tray.desktop.tray.menu import MenuCommand, Verb, View
from mem0tray.files import atomic, orders
from mem0tray.files.lock import is_locked
from mem0tray.system import programs
from mem0tray.worker.folders.settings import SettingsFile
from mem0tray.worker.log import EventLog
from mem0tray.worker.thread import WorkerThread

if TYPE_CHECKING:
    from mem0tray.desktop.bus import SessionBus
    from mem0tray.desktop.notify.dbus import Daemon
    from mem0tray.desktop.tray.xembed import OlderPanel

_OFFERED: Final = {
    Offer.STATUS: Verb.OPEN,
    Offer.RETRY: Verb.RETRY_ALL,
    Offer.RESTORE: Verb.RESTORE,
    Offer.SETTINGS: Verb.SETTINGS,
}


class Application:
    """The tray application; AlreadyRunningError after another one, or we, opened the window."""

    def __init__(self, session_bus: "SessionBus | None", *, at_login: bool = False) -> None:
        self._bus = session_bus
        file = SettingsFile()  # before the reading, so that it notices a change in between
        settings, wrong = _settings()
        self._events = Events()
        worker = partial(WorkerThread, settings, self._events, file.changed, wrong)
        try:
            self._worker = worker()
        except AlreadyRunningError as error:
            if not icon_lock.take_over(settings.locations(), os.environ):
                raise turned_away(error, settings, at_login=at_login) from error
            self._worker = worker()
        self._shown = IconLock(self._worker.paths)
        self._language: tuple[str, Language] | None = None
        self._log = EventLog(self._worker.paths, settings.log)
        self._events.subscribe(self._log)
        self._login = autostart.current(autostart.DESKTOP)
        self._panels: OlderPanel | None = None
        also: Callable[[IconLook], None] = lambda _: None  # noqa: E731  (replaced below)
        daemon: Daemon | None = None
        if session_bus is not None:
            also = self._watch_panels(session_bus)
            from mem0tray.desktop.notify import dbus

            daemon = dbus.Daemon(session_bus, notice_icon, self._offered)
        self._tray = Tray(self._clicked, session_bus, also)
        if session_bus is not None:
            self._follow_session(session_bus)
        backend = daemon or plyer_backend.of_system(notice_icon, self._offered)
        watch = AlertWatch(
            self._events, self._current, self._worker.counts, self._worker.paths.alerts
        )
        self._notifier = Notifier(self._events, backend, watch, self._current, self._words)
        self._controller = Controller(
            self._current,
            self._words,
            Dialogs(daemon),
            self._login,
            notify=self._notifier.send,
            end=self._tray.stop,
            changed=self._after_click,
        )
        nests = nests_menus(os.environ)
        self._presenter = Presenter(self._tray, self._view, self._current, self._words, nests=nests)
        self._at_login: bool | None = None
        self._ended = False

    def run(self) -> int:
        """Show the icon until the user quits, or a signal ends it; return the exit code."""
        self._events.subscribe(self._presenter)
        self._events.subscribe(self._listen)
        entry = application_entry()
        if entry is not None:
            self._mend("desktop entry", entry.mend)
        self._notifier.start()
        self._controller.start()
        self._worker.start()
        answers = session_socket.answering(self._current)
        with programs.signals(lambda _: self._tray.stop()), _console_end(self._tray.stop), answers:
            try:
                self._mend("start at login", self._login.mend)
                if self._panels is not None:
                    self._panels.start()
                self._tray.run(
                    self._presenter.start, self._end, self._worker.freshen, self._report_hidden
                )
            finally:
                self._end()
        if self._worker.fatal is not None:
            raise self._worker.fatal
        return 0

    def _end(self) -> None:
        """Stop all parts in order; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        self._shown.clear()
        if self._panels is not None:
            self._panels.stop()
        self._presenter.stop()
        self._controller.stop()
        self._worker.stop()
        self._worker.join()
        self._shown.release()
        self._notifier.stop()
        if self._bus is not None:
            self._bus.close()
        self._log.close()

    def _view(self) -> View:
        if self._at_login is None:
            self._at_login = self._login.state().name == autostart.ENABLED
        former = self._controller.former()
        return menu.view_of(self._worker, self._current(), at_login=self._at_login, former=former)

    def _current(self) -> Settings:
        return self._worker.settings

    def _words(self) -> Language:
        name = self._current().ui.language
        if self._language is None or self._language[0] != name:
            self._language = (name, session.language(name))
        return self._language[1]

    def _clicked(self, command: MenuCommand) -> None:
        self._controller.do(command)

    def _offered(self, offer: Offer) -> None:
        self._controller.do(MenuCommand(_OFFERED[offer]))

    def _after_click(self) -> None:
        self._at_login = None  # the click may have changed it
        self._presenter.clicked()

    def _listen(self, event: Event) -> None:
        if isinstance(event, events.FolderChanged):
            self._shown.release()  # a second start looks for the lock where the worker is
            self._shown = IconLock(self._worker.paths)
        if isinstance(event, events.StatusWanted):
            self._offered(Offer.STATUS)

    def _mend(self, part: str, mend: Callable[[], object]) -> None:
        try:
            mend()
        except (Mem0TrayError, OSError) as error:
            self._events.emit(events.PartFailed(part, str(error), 0.0))

    def _follow_session(self, bus: "SessionBus") -> None:
        """End with the session: with its bus, or its display."""

        def ended() -> None:
            self._tray.stop()
            sys.stderr.write("mem0tray: The desktop session has ended, and mem0tray with it.\n")

        bus.on_ended(ended)
        display = icon_lock.display_process(os.environ)
        if display is not None:
            with suppress(OSError):  # an older system, or the display has just ended
                bus.watch(os.pidfd_open(display), ended)

    def _watch_panels(self, bus: "SessionBus") -> "Callable[[IconLook], None]":
        """Find the panel that shows icons; return what shows a look in one of the older kind."""
        from mem0tray.desktop.tray.xembed import OlderPanel

        clicked = partial(self._offered, Offer.STATUS)
        self._panels = OlderPanel(bus, self._report_hidden, clicked)
        return self._panels.show

    def _report_hidden(self) -> None:
        """Say, once on this computer, that nothing shows the icon."""
        _ = self._words().gettext
        texts = {
            "linux": _(
                "Nothing on this desktop shows tray icons. On GNOME, install the extension"
                " “AppIndicator and KStatusNotifierItem Support”. mem0tray works all the same."
            ),
            "darwin": _(
                "macOS does not show it: allow it in System Settings, Menu Bar, or make room for it"
                " there. mem0tray works all the same; `mem0tray open` opens its window."
            ),
        }
        told = self._worker.paths.data_dir / "no-panel-told"
        if told.exists():
            return
        notice = (_("The icon is not shown"), texts[sys.platform], self._words())
        self._notifier.send(notice_texts.answer(*notice, good=False))
        with suppress(Mem0TrayError):  # it is then reported again next time
            atomic.replace(told, b"The user knows that nothing shows the icon.\n")


def _console_end(end: Callable[[], None]) -> AbstractContextManager[None]:
    if sys.platform == "win32":
        from mem0tray.desktop.tray import windows

        return windows.console_end(end)
    return nullcontext()


def _settings() -> tuple[Settings, Reason]:
    """Return the settings as far as they are right, and what is wrong with the others."""
    loaded = config.read()
    wrong = config.together(loaded.wrong).reason if loaded.wrong else reasons.NONE
    return loaded.in_last_folder(), wrong


def turned_away(
    error: AlreadyRunningError, settings: Settings, *, at_login: bool
) -> AlreadyRunningError:
    """Return the error, after the window was opened, by the running tray or here.

    Nobody has asked for a window `at_login`.
    """
    if at_login:
        return error
    paths = settings.locations()
    if is_locked(paths.tray_lock):
        orders.leave(paths, orders.Order(orders.SHOW))
        return AlreadyRunningError(
            error.message, "It is asked to show its status; `mem0tray status` shows it here."
        )
    from mem0tray.desktop import window  # slow to import, and not needed for a first start

    how = "It has no tray icon; `mem0tray status` says how it is."
    with suppress(Mem0TrayError):
        if window.show(settings, session.language(settings.ui.language)):
            how = "It has no tray icon; your browser shows how it is."
    return AlreadyRunningError(error.message, f"{how} For an icon, stop it and start again.")
