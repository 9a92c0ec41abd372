"""Notifications and alerts: one thread that gathers, waits, and shows; it holds up no worker."""

import threading
from collections.abc import Callable
from typing import Final

from mem0tray.alerts import AlertWatch
from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.events import Event, Events
from mem0tray.core.language import Language
from mem0tray.desktop import notify
from mem0tray.desktop.notify import Notice, NoticeBackend, notice_texts
from mem0tray.desktop.notify.notices import NoticeGroup, Notices
from mem0tray.system.threads import SYSTEM, Clock

_STOP_WAIT: Final = 2.0
_TROUBLE_WAIT: Final = 30.0


class Notifier:
    """A subscriber to the events. `start` subscribes it and starts its thread."""

    def __init__(
        self,
        events: Events,
        backend: NoticeBackend,
        watch: AlertWatch,
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        clock: Clock = SYSTEM,
    ) -> None:
        self._clock = clock
        self._events = events
        self._backend = backend
        self._watch = watch
        self._settings = settings
        self._language = language
        self._guard = threading.Lock()  # guards the notices
        self._notices = Notices()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mem0tray-notifier", daemon=True)

    def __call__(self, event: Event) -> None:
        with self._guard:
            sooner = self._notices.take(event, self._clock.now(), self._clock.wall())
        if sooner:
            self._wake.set()

    def start(self) -> None:
        self._events.subscribe(self)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a desktop that hangs is left behind."""
        self._stopping = True
        self._wake.set()
        self._thread.join(_STOP_WAIT)

    def _run(self) -> None:
        while not self._stopping:
            try:
                patience = self._round()
            except Exception as error:  # noqa: BLE001  (it survives any fault, says so, goes on)
                patience = _TROUBLE_WAIT
                self._events.emit(events.PartFailed("notifications", repr(error), patience))
            self._clock.wait(self._wake, patience)
            self._wake.clear()

    def _round(self) -> float:
        """Show what is due; return the seconds to wait if nothing happens."""
        if self._clock.now() >= self._watch.due:
            counts = self._watch.look()
            if counts is not None:
                with self._guard:
                    self._notices.counts = counts
        with self._guard:
            self._notices.level = self._settings().notifications.level
            due = self._notices.due(self._clock.now())
            over = self._notices.over()
        for subject in over:
            self._backend.withdraw(notice_texts.kind(subject))
        for each in due:
            self._show(each)
        with self._guard:
            next_due = self._notices.next_due()
        return max(0.0, min(self._watch.due, next_due) - self._clock.now())

    def _show(self, group: NoticeGroup) -> None:
        if not self.send(notice_texts.compose(group, self._language())):
            with self._guard:
                self._notices.not_shown(group)

    def send(self, notice: Notice) -> bool:
        """Show a notice; return whether it was shown: a failure is an event. From any thread."""
        try:
            self._backend.show(notice)
        except Exception as error:  # noqa: BLE001  (a library's or a desktop's)
            reason = f"{self._backend.name}: {notify.explained(error)}"
            self._events.emit(events.NotificationFailed(notice.name, reason))
            return False
        return True
