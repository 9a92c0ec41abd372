"""Recall, search and projects: what the server shows, and what still waits here."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from msgspec import Struct, field

from mem0tray.actions import chosen_client, waiting, worker_report
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem
from mem0tray.config.server_choice import chosen_server, in_sentence
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Kind
from mem0tray.files import orders
from mem0tray.ledger.reader import Reader
from mem0tray.server.model import CANNOT_TELL, Client, Outcome, ServerMemory
from mem0tray.server.remedy import of_refusal

TIMEOUT: Final = 10.0
_LEAST: Final = 0.1
_PROJECTS: Final = 12  # at most, of those in use lately
_AT_ONCE: Final = 4  # questions
_COUNTING: Final = 30.0  # seconds; an official server looks at each of its memories
_NO_QUESTION: Final = frozenset({Kind.FORBIDDEN, Kind.ITEM_FAILURE})
WAITING: Final = "waiting"
DEAD: Final = "dead letter"
HELD: Final = "held"


class KnownMemory(NamedTuple):
    """A memory of a project; `state` is WAITING, DEAD or HELD, or empty for one of the server's.

    `id` is ours for what waits, else the server's; `id`, and `created` as the server writes it, are
    empty where it shows none. `score` is how well it fits a search, None where unknown; `moment`
    the memory's time in Unix seconds, 0 where unknown.
    """

    project: str
    text: str
    id: str = ""
    created: str = ""
    score: float | None = None
    state: str = ""
    moment: float = 0.0


class WasRead(Struct):
    """What is known of a project.

    `trouble` says, in a sentence, why the server has shown nothing, `unread` why what waits here
    is incomplete, `note` why newer memories may be missing; all are empty otherwise. `destination`
    is for people. `deletes`: the server can delete single memories.
    """

    destination: str
    waiting: list[KnownMemory] = field(default_factory=list)
    there: list[KnownMemory] = field(default_factory=list)
    trouble: str = ""
    unread: str = ""
    note: str = ""
    deletes: bool = False


def recall(settings: Settings, project: str, limit: int, *, until: float | None = None) -> WasRead:
    """Return the newest memories of a project: up to `limit` that are there, and as many that wait.

    `until`: the moment (monotonic) until which the server may answer, a tenth of a second from now
    at least.
    """
    found = _known_here(settings, project)
    found.waiting = found.waiting[:limit]
    _read(settings, limit, until, project, found)
    return found


def collapsed(memories: Iterable[KnownMemory]) -> dict[KnownMemory, int]:
    """Return the first memory of each text, in their order, with how many have that text."""
    firsts: dict[str, KnownMemory] = {}
    numbers = Counter(firsts.setdefault(each.text, each) for each in memories)
    return dict(numbers)


def _read(
    settings: Settings, limit: int, until: float | None, project: str, found: WasRead
) -> None:
    """Read a project's newest memories; those of an embedded server that rests from its file."""
    database = chosen_client.at_rest(settings)
    if database is None:
        asked = partial(_newest, settings, found, project, limit, until)
        _ask(settings, found, asked, None if until is None else _patience(until))
        return
    from mem0tray.localserver import store  # slow to import, and rarely wanted

    try:
        stored = store.newest_in(database, project, limit)
    except Mem0TrayError as error:
        found.trouble = str(error)
        return
    found.deletes = True
    found.there = [
        KnownMemory(e.project, e.memory, e.id, store.iso(e.created), moment=e.created)
        for e in stored
    ]


def _patience(until: float | None) -> float:
    return TIMEOUT if until is None else max(_LEAST, until - time.monotonic())


def _newest(
    settings: Settings,
    found: WasRead,
    project: str,
    limit: int,
    until: float | None,
    client: Client,
) -> list[ServerMemory] | Outcome:
    """Return the newest that the server lists; if that is not all, also those that we delivered."""
    patience = _patience(until)
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
    with Reader(paths.ledger) as reader:
        ours = [*reader.memories(reader.taken(server).get(project, ())[-limit:], server)]
    listed = {each.key for each in page.memories}
    for each in reversed(ours):
        left = end - time.monotonic()
        more = client.find(project, each.key, left) if each.key not in listed and left > 0 else []
        page.memories.extend(more if isinstance(more, list) else ())
    return sorted(page.memories, key=lambda each: each.moment or 0.0, reverse=True)[:limit]


def search(settings: Settings, project: str, query: str, limit: int) -> WasRead:
    """Return the memories that best fit `query`, as `recall`; what waits is searched by words."""
    found = _known_here(settings, project)
    if found.waiting:
        from mem0tray.localserver.word_index import share, words_of  # slow to import

        words = words_of(query)
        scored = [(share(words, each.text), each) for each in found.waiting]
        best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])[:limit]
        found.waiting = [each._replace(score=score) for score, each in best]
    _ask(settings, found, lambda client: client.search(project, query, limit, TIMEOUT))
    return found


def latest(
    settings: Settings, limit: int, until: float, query: str = "", before: WasRead | None = None
) -> WasRead:
    """Return the newest memories of the projects in use lately, and what waits; see `recall`.

    With a query they are those that fit it best, and what waits and holds it. Several projects are
    asked about at a time; with what was read `before` the server is not asked again.
    """
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely wanted

    def search(project: str, found: WasRead) -> None:
        within = _patience(until)
        _ask(settings, found, lambda it: it.search(project, query, limit, _patience(until)), within)

    question = search if query else partial(_read, settings, limit, until)
    result = WasRead(chosen_server(settings, settings.locations()).shown)
    names: list[str] = []
    try:
        with waiting.opened(settings) as seen:
            result.waiting = _in_order(seen.newest(limit, query or None))
            result.unread = seen.step.sentence
            projects = [each.project for each in result.waiting]
            lately = seen.reader.lately_delivered(_PROJECTS)
            names = list(filter(None, dict.fromkeys([*lately, *projects])))[:_PROJECTS]
    except Mem0TrayError as error:
        result.unread = str(error)
    if before is not None:
        result.there, result.trouble, result.deletes = before.there, before.trouble, before.deletes
        return result
    asked = [WasRead(result.destination) for _ in names]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(question, names, asked))
    result.there = [each for found in asked for each in found.there]
    result.deletes = any(found.deletes for found in asked)
    result.trouble = next((found.trouble for found in asked if found.trouble), "")
    result.there.sort(key=lambda each: (each.score or 0.0, each.moment), reverse=True)
    del result.there[limit:]
    return result


def _ask(
    settings: Settings,
    found: WasRead,
    question: Callable[[Client], list[ServerMemory] | Outcome],
    within: float | None = None,
) -> None:
    try:
        with chosen_client.opened(settings, settings.locations(), within=within) as client:
            said = question(client) if client is not None else []
            found.deletes = client is None or client.deletes
    except Mem0TrayError as error:
        found.trouble = str(error)
    else:
        if isinstance(said, Outcome):
            found.trouble = why_not_shown(found.destination, said)
    if found.trouble or isinstance(said, Outcome):  # the worker may believe it to be well
        worker_report.ask_to_look(settings.locations(), orders.PROBE)
        return
    found.there = [
        KnownMemory(e.project, e.text, e.id, e.created, e.score, moment=e.moment or 0.0)
        for e in said
    ]


def why_not_shown(destination: str, said: Outcome) -> str:
    """Return why a server, as people know it, did not show its memories, and what to do."""
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
    result = WasRead(chosen_server(settings, settings.locations()).shown)
    found = []
    try:
        with waiting.opened(settings) as seen:
            found = [*seen.listed(QUEUE_LIST, project), *seen.listed(DLQ_LIST, project)]
            result.unread = seen.step.sentence
    except Mem0TrayError as error:
        result.unread = str(error)
    found.reverse()  # of those in one second, too, the last added comes first
    result.waiting = _in_order(found)
    return result


def _in_order(found: Iterable[FoundItem]) -> list[KnownMemory]:
    """Return memories that wait as people see them, the newest first."""
    result = []
    texts = [(each, each.item) for each in found if each.item is not None]
    for each, item in sorted(texts, key=lambda pair: -pair[1].timestamp):
        state = DEAD if each.is_dead else HELD if each.is_held else WAITING
        result.append(
            KnownMemory(each.project, item.content, each.id, state=state, moment=item.timestamp)
        )
    return result


class ProjectSeen(NamedTuple):
    """How many memories of a project are `on_server` (None: unknown), wait, and were delivered."""

    project_id: str
    on_server: int | None = None
    waiting: int = 0
    dead: int = 0
    delivered: int = 0


class KnownProjects(Struct):
    """All projects, by name.

    `trouble` says, in a sentence, why the server named none, `unread` why what waits here is
    incomplete; both are empty otherwise. `whole`: the server has named all of its projects.
    `destination` is for people.
    """

    destination: str
    projects: list[ProjectSeen] = field(default_factory=list)
    trouble: str = ""
    unread: str = ""
    whole: bool = False


def known_projects(settings: Settings) -> KnownProjects:
    """Find what is known of each project, here and, where that can be asked, on the server."""
    paths = settings.locations()
    server = chosen_server(settings, paths)
    result = KnownProjects(server.shown)
    here, result.unread = known_here(settings)
    there: dict[str, int | None] = {}
    try:
        with chosen_client.opened(settings, paths) as client:
            found, result.whole = of_server(client, server.shown)
    except Mem0TrayError as error:
        result.trouble = str(error)
    else:
        if result.whole:  # it has nothing of projects that it does not name
            there.update(dict.fromkeys(here, 0))
        there.update(found)
    result.projects = [
        here.get(name, ProjectSeen(name))._replace(on_server=there.get(name))
        for name in in_order([*here, *there])
    ]
    return result


def of_server(client: Client | None, destination: str) -> tuple[dict[str, int | None], bool]:
    """Ask for the counts of the projects that the server names, and whether it has no others."""
    if client is None:  # nothing was ever stored there
        return {}, True
    said = client.projects(_COUNTING)
    if isinstance(said, Outcome):
        if said.kind in _NO_QUESTION or said.status == HTTPStatus.OK:  # it has no such route
            return {}, False
        raise Mem0TrayError(why_not_shown(destination, said))
    found = {each.project: each.count for each in said}
    # A server that does not count them all has not seen them all.
    return found, None not in found.values()


def known_here(settings: Settings) -> tuple[dict[str, ProjectSeen], str]:
    """Find the projects of the ledger by name, and why what waits here is incomplete."""
    with waiting.opened(settings) as seen:
        counted = {
            each.project: ProjectSeen(each.project, None, each.fresh, each.dead)
            for each in seen.reader.by_project()
        }
        for name, number in seen.reader.delivered_by_project().items():
            counted[name] = counted.get(name, ProjectSeen(name))._replace(delivered=number)
    counted.pop("", None)  # memories without a project
    return counted, seen.step.sentence


def in_order(names: Iterable[str]) -> list[str]:
    """Sort names as people look for them, ignoring case; each once."""
    return sorted(set(names), key=lambda name: (name.casefold(), name))
