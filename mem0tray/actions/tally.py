"""Counting memories by project and by retries. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from mem0tray.core.due import GROWS_UNTIL
from mem0tray.core.item import Item


class ProjectCounts(NamedTuple):
    """How many dead letters, and fresh entries, a project has (empty: no project)."""

    project: str
    dead: int
    fresh: int


def by_project(dead: Iterable[Item], fresh: Iterable[Item]) -> list[ProjectCounts]:
    """One entry a project, the one with most dead letters first."""
    dead_by = Counter(item.project for item in dead)
    fresh_by = Counter(item.project for item in fresh)
    names = sorted(dead_by | fresh_by, key=lambda name: (-dead_by[name], -fresh_by[name], name))
    return [ProjectCounts(name, dead_by[name], fresh_by[name]) for name in names]


def by_retries(dead: Iterable[Item]) -> dict[int, int]:
    """How many dead letters have each number of retries, ascending; `GROWS_UNTIL`: that or more."""
    counts = Counter(min(item.retry_count, GROWS_UNTIL) for item in dead)
    return {number: counts[number] for number in sorted(counts)}
