"""Why memories are stuck, summed up by cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mem0tray.actions import diagnose, standing, waiting
from mem0tray.actions.cause import NOT_RUNNING, PAUSED, Cause
from mem0tray.actions.find import DLQ_LIST, QUEUE_LIST, FoundItem
from mem0tray.actions.standing import Part
from mem0tray.actions.surroundings import Surroundings
from mem0tray.config.settings import Settings
from mem0tray.core.text import plural
from mem0tray.server.remedy import ID

Group = tuple[Cause, Sequence[FoundItem]]


@dataclass(frozen=True, slots=True)
class StuckMemories:
    """Dead letters, and entries that have failed, by the most important cause of each.

    `groups` has the largest first, each with a cause that takes one memory as the example.
    `besides` are other troubles, which stop none of these by themselves. `called` gives, by the
    id of each group's first memory, its name in a command. `dead` and `fresh` count dead letters
    and fresh entries, `unnamed` what has no id in either file.
    """

    groups: Sequence[Group]
    besides: Sequence[Cause]
    dead: int
    fresh: int
    unnamed: Sequence[int]
    called: Mapping[str, str]


def sum_up(settings: Settings, now: float) -> StuckMemories:
    """Sum up, with one question to the server; `now` in Unix seconds.

    If the server refuses everything, all that wait count as stuck: which of them was tried
    does not matter. Raises FileUnavailableError where a file cannot be read.
    """
    with waiting.opened(settings) as seen:
        dead = [*seen.items(DLQ_LIST), *seen.strays(DLQ_LIST)]
        fresh, odd = seen.items(QUEUE_LIST), seen.strays(QUEUE_LIST)
        last = seen.reader.last_attempts()
        around = Surroundings.ask(settings, standing.read(settings, now, Part.REFUSAL))
        failed = (e for e in fresh if around.refuse_everything or e.identity in last or _failed(e))
        groups: dict[tuple[object, ...], list[FoundItem]] = {}
        first: dict[tuple[object, ...], Cause] = {}
        for found in (*dead, *odd, *failed):
            cause = diagnose.causes(found, around, last.get(found.identity), now, ID)[0]
            groups.setdefault(cause.likeness, []).append(found)
            first.setdefault(cause.likeness, cause)
        called = seen.handles(group[0] for group in groups.values())
    shown: list[Group] = [
        (first[like].about(called[group[0].id]) if len(group) == 1 else first[like], group)
        for like, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
    unnamed = [seen.unnamed(place) for place in waiting.BOTH]
    return StuckMemories(shown, _besides(around, shown), len(dead), len(fresh), unnamed, called)


def number(group: Sequence[FoundItem]) -> str:
    """How many memories a group has, in words."""
    dead = sum(each.is_dead for each in group)
    parts = [plural(dead, "dead letter")] if dead else []
    if len(group) > dead:
        parts.append(plural(len(group) - dead, "waiting entry", "waiting entries"))
    return ", ".join(parts)


def _besides(around: Surroundings, shown: Sequence[Group]) -> list[Cause]:
    """Troubles that have not been told for any memory."""
    # A stopped worker and a pause are already part of what each group says to do.
    told = {cause.name for cause, _ in shown} | ({PAUSED, NOT_RUNNING} if shown else set())
    return [cause for cause in around.causes if cause.name not in told]


def _failed(found: FoundItem) -> bool:
    """Whether a fresh entry is not simply new."""
    return found.is_held or (found.known is not None and found.known.retries > 0)
