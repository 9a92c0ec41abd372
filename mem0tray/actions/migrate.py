"""Bringing over what only a former server has, by the queue, under ids that are always the same."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Final

from mem0tray.actions import add, backups, chosen_client, migration_plan, worker_report
from mem0tray.actions.chosen_client import NotAnsweredError, NotRecognisedError, PatientQuestions
from mem0tray.actions.migration_plan import Plan, Sums
from mem0tray.actions.one_writer import keep_in_step
from mem0tray.actions.recall import why_not_shown
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.server_choice import ServerNames, chosen_server, in_sentence
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import HEALTHY, STARTING
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Traced
from mem0tray.server.model import CANNOT_TELL, KEY_REFUSED, Client, Outcome, Page, ServerMemory
from mem0tray.server.platform import FORMER, PlatformClient
from mem0tray.system.paths import Paths

KEY: Final = "MEM0TRAY_MIGRATE_KEY"  # the variable with the former server's key
_COMPARED: Final = 5  # memories compared to see whether two addresses are one server
_SWITCH: Final = 5.0  # seconds for a worker to take on other settings
BATCH: Final = 500  # memories in one write of the queue file
_BYTES: Final = 4 << 20  # bytes of texts in one write, about
WAITING_MOST: Final = 2000  # memories that wait while a worker sends them
_LOOK: Final = 0.05  # seconds between two looks at the worker
_STALLED: Final = 10.0  # seconds without a delivery after which we no longer wait
Progress = Callable[[int, int], None]


class KeyRefusedError(Mem0TrayError):
    """The former server wants a key, or another one."""


@dataclass(slots=True)
class Brought:
    """The result of a migration.

    `unread` are memories that the former server took and does not show as they were. `forgotten`
    are those that it may have, and that were erased here for good. `cut` are
    projects of which it shows only the newest; `names_projects`: false where it does not say which
    projects it has. `is_one`: both addresses lead to one server, or to a copy.
    """

    sums: Sums = field(default_factory=Sums)
    unread: list[Traced] = field(default_factory=list)
    forgotten: list[Traced] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    names_projects: bool = True
    is_one: bool = False


def chosen(settings: Settings, paths: Paths) -> ServerNames:
    """Return the server to bring memories to. Raises Mem0TrayError where there is none."""
    server = chosen_server(settings, paths)
    if server.trouble:
        raise Mem0TrayError(reasons.sentence(server.trouble))
    return server


def candidates(paths: Paths, server: ServerNames) -> dict[str, int]:
    """Return the former servers with memories that the chosen one lacks, and how many."""
    with Reader(paths.ledger) as reader:
        only_elsewhere = reader.only_elsewhere(server.name)
    return migration_plan.to_bring_over(paths, server.name, only_elsewhere)


def named(given: str) -> str:
    """Return what the ledger calls the server at this address. Raises SettingsError."""
    return LOCAL_URL if given == LOCAL_URL else ServerAddress.of(given).url


class Migration:
    """One run of a migration from `former`, as the ledger calls it, of one `project` or all."""

    def __init__(
        self, settings: Settings, former: str, project: str | None = None, *, dry_run: bool = False
    ) -> None:
        self._settings, self._former = settings, former
        self._project, self._dry_run = project, dry_run
        self._paths = settings.locations()
        self._chosen = chosen(settings, self._paths)
        self._progress: Progress = lambda _, __: None
        self._read = self._total = 0  # memories: so far, and how many there may be
        self._plan = Plan(former, project)
        self._feed = Feed(self._paths, lambda: self._progress(self._read, self._total))
        self._brought = Brought()

    @property
    def queued(self) -> int:
        return self._feed.queued

    def run(self, progress: Progress) -> Brought:
        """Bring all over; `progress` gets memories read, of how many. Raises Mem0TrayError."""
        self._progress = progress
        settings, paths, former = self._settings, self._paths, self._former
        if not self._dry_run:
            self._await_worker()
        keep_in_step(paths, settings)
        with Reader(paths.ledger, needed=True) as reader:
            traced = reader.traced(former, self._chosen.name)
            deleted = backups.deleted_unknown(paths, reader)
            self._plan.learn(traced, reader.waiting_names(), deleted)
        self._total = len(self._plan.unread)
        try:
            its = former, os.environ.get(KEY, "")
            with chosen_client.opened(settings, paths, former=its) as client:
                if client is not None:
                    self._read_all(PatientQuestions(client, settings.sync.timeout))
        except (NotAnsweredError, NotRecognisedError) as error:
            raise self._trouble(error.said) from error
        brought = self._brought
        brought.unread, brought.forgotten = self._plan.unread, self._plan.forgotten
        if not self._dry_run:
            self._feed.flush()
            if self._project is None:
                migration_plan.note_left(paths, former, len(brought.unread))
        brought.sums = self._plan.sums(self._feed.discarded)
        return brought

    def _read_all(self, former: PatientQuestions) -> None:
        brought, projects = self._brought, self._projects(former)
        self._plan.only_known = brought.is_one = self._is_one_server(former.client, projects)
        for project in projects:
            is_whole = True
            for page in former.pages(project):
                self._take(page.memories)
                is_whole &= page.whole
            if not is_whole:
                brought.cut.append(project)
        # What listings did not reach is looked up by our own key, one by one.
        for each in [each for each in self._plan.unread if each.project in brought.cut]:
            self._take(former.answer(former.client.find, each.project, each.key))

    def _projects(self, former: PatientQuestions) -> list[str]:
        """Return the projects that the server names, and those that it is known to have."""
        if self._project is not None:
            return [self._project]
        known = self._plan.projects
        try:
            named = former.answer(former.client.projects)
        except NotAnsweredError as error:
            if error.said.status not in CANNOT_TELL:
                raise
            self._brought.names_projects = False
            return list(known)
        self._total = max(self._total, sum(each.count or 0 for each in named))
        there = [name for name, has_some in known.items() if has_some]
        return list(dict.fromkeys([*(each.project for each in named), *there]))

    def _take(self, memories: Sequence[ServerMemory]) -> None:
        for memory in memories:
            entries = self._plan.take(memory)
            if not self._dry_run:
                self._feed.put(entries)
        self._read += len(memories)
        self._total = max(self._total, self._read)
        self._progress(self._read, self._total)

    def _is_one_server(self, former: Client, projects: list[str]) -> bool:
        """Return whether the chosen server is the same, or has a copy: it shows the same ids."""
        with (
            suppress(NotRecognisedError),
            chosen_client.opened(self._settings, self._paths) as other,
        ):
            for project in projects if other is not None else []:
                theirs, ours = (
                    _shown(client.read(project, _COMPARED, self._settings.sync.timeout))
                    for client in (former, other)
                    if client is not None
                )
                if theirs:
                    return bool(theirs & ours)
        return False

    def _await_worker(self) -> None:
        """Wait until the running worker uses the server of these settings. Raises Mem0TrayError."""
        end = time.monotonic() + _SWITCH
        while True:
            metrics = worker_report.metrics(self._paths.metrics)
            there = metrics.values.get("destination")
            is_its = metrics.are_of(worker_report.running(self._paths))
            if not (is_its and there) or there == self._chosen.shown:
                return
            if time.monotonic() > end:
                raise Mem0TrayError(
                    Reason(
                        "The running worker delivers to {there}, but these settings mean"
                        " {server}; nothing was queued.",
                        there=str(there),
                        server=self._chosen.shown,
                    ),
                    Reason("End the worker, and start it with the same settings."),
                )
            time.sleep(_LOOK)

    def _trouble(self, said: Outcome) -> Mem0TrayError:
        names = {"server": in_sentence(self._former), "why": said.message.rstrip(".")}
        if said.status in KEY_REFUSED:
            what = Reason("{server} refuses the API key, or wants one: {why}.", **names)
            how = Reason(
                "Put that server's key into the variable {name}; the one in"
                " server.api_key is the present server's, and is not sent there.",
                name=KEY,
            )
            return KeyRefusedError(what, how)
        what = Reason("The memories on {server} cannot be read: {why}.", **names)
        how = Reason(
            "Is its address right, and does it run? `mem0tray migrate --from {address}` tries"
            " again.",
            address=self._former,
        )
        return Mem0TrayError(what, how)


def move_there(settings: Settings, project: str | None, *, dry_run: bool) -> Iterator[bool]:
    """Keep what an older version saved on the chosen server as we do now; yield if each is moved.

    What waits here, or is another's, stays as it is. Raises Mem0TrayError.
    """
    paths = settings.locations()
    server, timeout = chosen(settings, paths), settings.sync.timeout
    keep_in_step(paths, settings)
    with chosen_client.opened(settings, paths) as client, Reader(paths.ledger) as reader:
        waiting = {digest for _, digest in reader.waiting_names()}
        names = [*reader.taken(server.name)] if project is None else [project]
        try:
            if isinstance(client, PlatformClient):
                questions = PatientQuestions(client, timeout)
                if project is None:
                    names += (each.project for each in questions.answer(client.projects))
                for name in dict.fromkeys(names):
                    pages = [page.memories for page in questions.pages(name, FORMER)]
                    for each in (each for shown in pages for each in shown if each.key):
                        stays = dry_run or items.digest(each.project, each.text) in waiting
                        yield not stays and questions.answer(client.move, each)
        except NotAnsweredError as error:
            raise Mem0TrayError(why_not_shown(server.shown, error.said)) from error


def _shown(said: Page | Outcome) -> set[tuple[str, ...]]:
    memories = [] if isinstance(said, Outcome) else said.memories
    return {(each.id, each.created, each.text) for each in memories if each.id}


class Feed:
    """Queues entries as an ordinary producer does.

    While a worker delivers, the queue file stays small: more than `WAITING_MOST` are queued
    only if their number does not fall. Without a worker, or with a server that is down, all are
    queued at once. `waits` is called while there is nothing to do but wait.
    """

    def __init__(self, paths: Paths, waits: Callable[[], None]) -> None:
        self._paths, self._waits = paths, waits
        self._batch: list[items.Object] = []
        self._size = 0
        self._patient = True
        self.queued = 0  # memories put into the file
        self.discarded = 0  # memories that the user deleted before they were queued

    def put(self, entries: Sequence[items.Object]) -> None:
        """Queue these entries, together with others. Raises FileUnavailableError."""
        for entry in entries:
            self._batch.append(entry)
            self._size += len(entry["content"])
            if len(self._batch) >= BATCH or self._size >= _BYTES:
                self.flush()
                self._make_room()

    def flush(self) -> None:
        """Queue what was put, without what the user deleted. Raises FileUnavailableError."""
        named = {(e["id"], items.digest(e["project_id"], e["content"])): e for e in self._batch}
        unwanted = add.deleted(self._paths, named)
        wanted = [entry for name, entry in named.items() if name not in unwanted]
        self.discarded += len(self._batch) - len(wanted)
        if wanted:
            add.add(self._paths, *wanted)
            self.queued += len(wanted)
        self._batch, self._size = [], 0

    def _make_room(self) -> None:
        """Wait until a worker has sent most of what is in the queue file."""
        least, changed = inf, time.monotonic()
        while self._patient:
            state = worker_report.metrics(self._paths.metrics).values.get("state")
            is_kept = state not in (HEALTHY, STARTING, None)  # from delivering, as far as it says
            if is_kept or worker_report.running(self._paths) is None:
                return
            left = len(migration_plan.read_object(self._paths.queue).get("queue") or ())
            if left <= WAITING_MOST - BATCH:
                return
            if left < least:
                least, changed = left, time.monotonic()
            elif time.monotonic() - changed > _STALLED:
                self._patient = False
            self._waits()
            time.sleep(_LOOK)
