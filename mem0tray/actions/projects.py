"""The projects known here, and those that the server has."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NamedTuple

from mem0tray.actions import chosen_client, waiting
from mem0tray.actions.recall import why_not_shown
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.server import Client, Kind, Outcome, ProjectCount

TIMEOUT: Final = 30.0  # seconds; an official server looks at each of its memories
_NO_QUESTION: Final = frozenset({Kind.FORBIDDEN, Kind.ITEM_FAILURE})


class ProjectSeen(NamedTuple):
    """How many memories of a project are fresh entries, dead letters, and were delivered.

    `there`: how many the server has, None if unknown. Deliveries count whichever server took them.
    """

    project: str
    fresh: int = 0
    dead: int = 0
    delivered: int = 0
    there: int | None = None


class ServerProjects(NamedTuple):
    """The projects that a server names; `whole`: it has no others."""

    found: list[ProjectCount]
    whole: bool


@dataclass(slots=True)
class KnownProjects:
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


def known(settings: Settings) -> KnownProjects:
    """Find what is known of each project, here and, where that can be asked, on the server."""
    paths = settings.locations()
    server = chosen_server(settings, paths)
    result = KnownProjects(server.shown)
    here, result.unread = known_here(settings)
    there: dict[str, int | None] = {}
    try:
        with chosen_client.opened(settings, paths) as client:
            found = of_server(client, server.shown)
    except Mem0TrayError as error:
        result.trouble = str(error)
    else:
        result.whole = found.whole
        if found.whole:  # it has nothing of projects that it does not name
            there.update(dict.fromkeys(here, 0))
        there.update({each.project: each.count for each in found.found})
    result.projects = [
        here.get(name, ProjectSeen(name))._replace(there=there.get(name))
        for name in in_order([*here, *there])
    ]
    return result


def of_server(client: Client | None, destination: str) -> ServerProjects:
    """Ask for the projects that the server names: none if it has no such route.

    Raises Mem0TrayError where it does not answer.
    """
    if client is None:  # nothing was ever stored there
        return ServerProjects([], whole=True)
    said = client.projects(TIMEOUT)
    if isinstance(said, Outcome):
        if said.kind in _NO_QUESTION or said.status == HTTPStatus.OK:
            return ServerProjects([], whole=False)
        raise Mem0TrayError(why_not_shown(destination, said))
    # A server that does not count them all has not seen them all.
    return ServerProjects(said, whole=all(each.count is not None for each in said))


def known_here(settings: Settings) -> tuple[dict[str, ProjectSeen], str]:
    """Find the projects of the ledger by name, and why what waits here is incomplete."""
    with waiting.opened(settings) as seen:
        counted = {
            each.project: ProjectSeen(each.project, each.fresh, each.dead)
            for each in seen.reader.waiting.by_project()
        }
        for name, number in seen.reader.delivered_by_project().items():
            counted[name] = counted.get(name, ProjectSeen(name))._replace(delivered=number)
    counted.pop("", None)  # memories without a project
    return counted, seen.step.sentence


def in_order(names: Iterable[str]) -> list[str]:
    """Sort names as people look for them, ignoring case; each once."""
    return sorted(set(names), key=lambda name: (name.casefold(), name))
