"""Bringing memories over from a former server, for the menu: which servers, and doing it."""

import threading
import time
from collections.abc import Callable
from typing import Final

from mem0tray.actions import migrate
from mem0tray.actions.migrate import Brought, Migration
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line

_EVERY: Final = 30.0  # seconds between two looks into the ledger, which may be a large one
_LINE: Final = 300
_Tell = Callable[[str, str], None]


class BringingOver:
    """Migrates on a thread of its own, one server at a time; any thread may ask.

    `say` and `warn` show a title and a text; `changed` is called when a migration has ended.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        say: _Tell,
        warn: _Tell,
        changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._language = language
        self._say = say
        self._warn = warn
        self._changed = changed
        self._at_work = threading.Lock()
        self._seen: tuple[str, float, tuple[str, ...]] | None = None

    def offers(self) -> tuple[str, ...]:
        """Former servers with memories that the chosen one lacks, as the ledger names them."""
        settings = self._settings()
        paths = settings.locations()
        server, now, seen = chosen_server(settings, paths), time.monotonic(), self._seen
        if seen is not None and seen[0] == server.name and now - seen[1] < _EVERY:
            return seen[2]
        found = tuple(migrate.candidates(paths, server)) if not server.trouble else ()
        self._seen = (server.name, now, found)
        return found

    def start(self, server: str) -> None:
        """Begin to bring a server's memories over. Raises Mem0TrayError while a migration runs."""
        if not self._at_work.acquire(blocking=False):
            raise Mem0TrayError(
                Reason("Memories are being brought over already."),
                Reason("A notification tells when that is done."),
            )
        threading.Thread(
            target=self._run, args=(server,), name="mem0tray-migration", daemon=True
        ).start()

    def _run(self, server: str) -> None:
        try:
            done = Migration(self._settings(), migrate.Request(server)).run(lambda _, __: None)
        except Mem0TrayError as error:
            self._failed(error.reason)
        except Exception as error:  # noqa: BLE001  (nobody would see an error of this thread)
            self._failed(reasons.quoted(repr(error)))
        else:
            self._tell(done)
        finally:
            self._seen = None
            self._at_work.release()
            self._changed()

    def _failed(self, reason: Reason) -> None:
        language = self._language()
        told = reasons.sentence(reason).said(language)
        self._warn(language.gettext("That did not work"), one_line(told, _LINE))

    def _tell(self, done: Brought) -> None:
        language = self._language()
        _, ngettext, n = language.gettext, language.ngettext, language.number
        queued, unread = done.sums.queued, done.sums.unread
        text = ngettext(
            "{n} memory is queued, and is delivered like any other.",
            "{n} memories are queued, and are delivered like any others.",
            queued,
        ).format(n=n(queued))
        if unread:
            missing = ngettext(
                "{n} could not be read back: `mem0tray migrate` names it.",
                "{n} could not be read back: `mem0tray migrate` names them.",
                unread,
            ).format(n=n(unread))
            self._warn(_("Not all memories came over"), f"{text} {missing}")
            return
        self._say(_("Memories brought over"), text)
