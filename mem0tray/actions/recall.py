"""Recall and search: what the server shows of a project, and what still waits here."""

import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from msgspec import Struct, field

from mem0tray.actions import chosen_client, dead_letters, fresh_entries, read_files
from mem0tray.actions.find import listing
from mem0tray.actions.server_names import chosen_server
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import Settings
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.item import Item
from mem0tray.ledger.delivered import DeliveredReader
from mem0tray.ledger.reader import Reader
from mem0tray.server import Client, Outcome, ServerMemory
from mem0tray.server.model import CANNOT_TELL
from mem0tray.server.remedy import of_refusal
from mem0tray.system.paths import Paths

TIMEOUT: Final = 10.0
WAITING: Final = "waiting"
DEAD: Final = "dead letter"
HELD: Final = "held"


class KnownMemory(NamedTuple):
    """A memory of a project; `state` is WAITING, DEAD or HELD, or empty for one of the server's.

    `id` is ours for what waits, else the server's; `id`, and `created` as the server writes it, are
    empty where it shows none. `score` is how well it fits a search, None where unknown.
    """

    project: str
    text: str
    id: str = ""
    created: str = ""
    score: float | None = None
    state: str = ""


class WasRead(Struct):
    """What is known of a project.

    `trouble` says, in a sentence, why the server has shown nothing, `unread` why what waits here
    is incomplete, `note` why newer memories may be missing; all are empty otherwise. `destination`
    is for people.
    """

    destination: str
    waiting: list[KnownMemory] = field(default_factory=list)
    there: list[KnownMemory] = field(default_factory=list)
    trouble: str = ""
    unread: str = ""
    note: str = ""


def recall(settings: Settings, project: str, limit: int, *, within: float | None = None) -> WasRead:
    """The newest memories of a project: up to `limit` of the server's, and as many that wait.

    `within`: seconds for the server; the embedded one is then not started, and if it does not
    run, that is its `trouble`.
    """
    found = _known_here(settings, project)
    found.waiting = found.waiting[:limit]
    patience = TIMEOUT if within is None else within
    _ask(settings, found, partial(_newest, settings, found, project, limit, patience), within)
    return found


def _newest(
    settings: Settings, found: WasRead, project: str, limit: int, patience: float, client: Client
) -> list[ServerMemory] | Outcome:
    """The newest that the server lists; if that is not all, also those that we delivered."""
    end = time.monotonic() + patience
    page = client.read(project, limit, patience)
    if isinstance(page, Outcome) or page.whole:
        return page if isinstance(page, Outcome) else page.memories[:limit]
    found.note = (
        f"{in_sentence(found.destination, first=True)} does not list all memories of the project:"
        " these are the newest of those that it lists and of those delivered from this computer."
    )
    paths = settings.locations()
    server = chosen_server(settings, paths).name
    with DeliveredReader(paths.ledger) as reader:
        ours = reader.memories(reader.taken(server).get(project, ())[-limit:], server)
    listed = {each.key for each in page.memories}
    for each in reversed(ours):
        left = end - time.monotonic()
        more = client.find(project, each.key, left) if each.key not in listed and left > 0 else []
        page.memories.extend(more if isinstance(more, list) else ())
    return sorted(page.memories, key=lambda each: each.moment or 0.0, reverse=True)[:limit]


def search(settings: Settings, project: str, query: str, limit: int) -> WasRead:
    """The memories of a project that best fit `query`, as `recall`; what waits fits by words."""
    found = _known_here(settings, project)
    if found.waiting:
        found.waiting = _fitting(found.waiting, query)[:limit]
    _ask(settings, found, lambda client: client.search(project, query, limit, TIMEOUT))
    return found


def _fitting(known: list[KnownMemory], query: str) -> list[KnownMemory]:
    """The memories with any of the query's words, the best first."""
    from mem0tray.localserver.word_index import share, words_of  # slow to import

    words = words_of(query)
    scored = [each._replace(score=share(words, each.text)) for each in known]
    return sorted((each for each in scored if each.score), key=lambda each: -(each.score or 0.0))


def _ask(
    settings: Settings,
    found: WasRead,
    question: Callable[[Client], list[ServerMemory] | Outcome],
    within: float | None = None,
) -> None:
    """Add what the server shows to `found`, or why it does not."""
    try:
        with chosen_client.opened(settings, settings.locations(), within=within) as client:
            said = question(client) if client is not None else []
    except Mem0TrayError as error:
        found.trouble = str(error)
        return
    if isinstance(said, Outcome):
        found.trouble = why_not_shown(found.destination, said)
        return
    found.there = [
        KnownMemory(each.project, each.text, each.id, each.created, each.score) for each in said
    ]


def in_sentence(destination: str, *, first: bool = False) -> str:
    """A server's name within a sentence of ours; `first`: the sentence begins with it."""
    ours = "The embedded server" if first else "the embedded server"
    return ours if destination == THIS_COMPUTER else destination


def why_not_shown(destination: str, said: Outcome) -> str:
    """Why a server (as people know it) did not show its memories, and what to do about it."""
    there = in_sentence(destination, first=True)
    if said.status in CANNOT_TELL:
        return f"{there} cannot show what it has: {said.message}."
    verb = "did not answer" if said.status is None else "did not show what it has"
    why = said.message.rstrip(".")
    end = "" if why.endswith("…") else "."
    refused = said.status == HTTPStatus.UNAUTHORIZED
    remedy = of_refusal(said.status) if refused else chosen_client.DOCTOR
    return f"{there} {verb}: {why}{end} {remedy}"


def _known_here(settings: Settings, project: str) -> WasRead:
    """The memories of a project that wait here, the newest first."""
    paths = settings.locations()
    server = chosen_server(settings, paths)
    result = WasRead(server.shown)
    found: list[tuple[float, KnownMemory]] = []
    with Reader(paths.ledger) as reader:
        for look in (_fresh, _dead):
            try:
                found += look(paths, reader, server.name, project)
            except FileUnavailableError as error:
                result.unread = f"{result.unread} {error}".strip()
                if look is _fresh:
                    found += _fresh_beside(paths, reader, server.name, project)
    found.reverse()  # of those in one second, too, the last added comes first
    found.sort(key=lambda pair: -pair[0])
    result.waiting = [each for _, each in found]
    return result


def _fresh(
    paths: Paths, reader: Reader, server: str, project: str
) -> list[tuple[float, KnownMemory]]:
    return _of_project(fresh_entries.look(paths, reader, server), project)


def _fresh_beside(
    paths: Paths, reader: Reader, server: str, project: str
) -> list[tuple[float, KnownMemory]]:
    """What waits where the queue file cannot be read: in the emergency file and the ledger."""
    lines, _ = fresh_entries.emergency_lines(paths, reader)
    return _of_project(fresh_entries.of(paths, reader, None, lines, server), project)


def _of_project(seen: fresh_entries.FreshEntries, project: str) -> list[tuple[float, KnownMemory]]:
    held = {name for name, row in seen.known.items() if row.is_held}
    return [
        (each.item.timestamp, _here(each.item, HELD if each.identity in held else WAITING))
        for each in seen.listing.found
        if each.item is not None and each.project == project
    ]


def _dead(
    paths: Paths, reader: Reader, server: str, project: str
) -> list[tuple[float, KnownMemory]]:
    letters = listing(dead_letters.look(paths, reader, server), read_files.DLQ_LIST)
    return [
        (each.item.timestamp, _here(each.item, DEAD))
        for each in letters.found
        if each.item is not None and each.project == project
    ]


def _here(item: Item, state: str) -> KnownMemory:
    return KnownMemory(item.project, str(item.content), item.id, state=state)
