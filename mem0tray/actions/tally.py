"""Counting memories by project and by retries. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from mem0tray.core.item import Item

MANY: Final = 7  # retries; from here on the wait does not grow any more


class ProjectCounts(NamedTuple):
    """How many memories of a project (empty: without one) are dead letters, and how many wait."""

    project: str
    dead: int
    waiting: int


def by_project(dead: Iterable[Item], waiting: Iterable[Item]) -> list[ProjectCounts]:
    """One entry a project, the one with most dead letters first."""
    dead_by = Counter(item.project for item in dead)
    waiting_by = Counter(item.project for item in waiting)
    names = sorted(dead_by | waiting_by, key=lambda name: (-dead_by[name], -waiting_by[name], name))
    return [ProjectCounts(name, dead_by[name], waiting_by[name]) for name in names]


def by_retries(dead: Iterable[Item]) -> dict[int, int]:
    """How many dead letters have each number of retries, ascending; `MANY`: that or more."""
    counts = Counter(min(item.retry_count, MANY) for item in dead)
    return {number: counts[number] for number in sorted(counts)}
