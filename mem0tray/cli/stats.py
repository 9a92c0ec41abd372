"""`mem0tray stats`: items by project, how often they were retried, how old they are."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import click

from mem0tray.actions import files, overview, tally
from mem0tray.actions.find import listing
from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.text import plural
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.taken_by_others import PERHAPS
from mem0tray.system.paths import Paths

_NO_PROJECT: Final = "(none)"
_UNKNOWN: Final = "unknown"
_AGES: Final = (
    ("under 1 h", 3600.0),
    ("1 h to 1 day", 86_400.0),
    ("1 to 7 days", 604_800.0),
    ("7 to 30 days", 2_592_000.0),
    ("over 30 days", float("inf")),
)


@click.command(
    "stats", cls=Command, examples={"mem0tray stats": "", "mem0tray stats --json": "for a program"}
)
@click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document.")
def command(*, as_json: bool) -> None:
    """Count dead letters and waiting entries by project, retries and age."""
    seen = counted(context.load_there().locations(), time.time())
    if as_json:
        output.print_json(seen)
        return
    if seen["projects"]:
        _print_tables(seen)
    waiting = plural(seen["waiting"], "entry waits", "entries wait")
    output.say(f"{plural(seen['dead'], 'dead letter')}, {waiting}.")
    if seen["held"]:
        output.say(f"{seen['held']:,} of these held: {PERHAPS}.")
    if seen["nonsense"]:
        output.say(output.nonsense(seen["nonsense"]))


def _print_tables(seen: dict[str, Any]) -> None:
    output.print_table(
        ("PROJECT", "DEAD LETTERS", "WAITING"),
        [
            (each["project_id"] or _NO_PROJECT, f"{each['dead']:,}", f"{each['waiting']:,}")
            for each in seen["projects"]
        ],
        right={"DEAD LETTERS", "WAITING"},
    )
    if seen["dead"]:
        click.echo()
        _print_counts("RETRIES", seen["retries"])
        if seen["ages"]:
            click.echo()
            _print_counts("AGE", seen["ages"])
    click.echo()


def _print_counts(title: str, counts: dict[str, int]) -> None:
    rows = [(name, f"{number:,}") for name, number in counts.items()]
    output.print_table((title, "DEAD LETTERS"), rows, right={title, "DEAD LETTERS"})


def counted(paths: Paths, now: float) -> dict[str, Any]:
    """Everything that is shown; ages by the producers' timestamps, seconds.

    Raises FileUnavailableError where not all of it can be counted.
    """
    lines, trouble = overview.emergency_lines(paths)
    if trouble:
        raise FileUnavailableError(trouble)
    with Reader(paths.ledger) as reader:
        held = reader.held_count()
        fresh = overview.not_taken_in(lines, reader)
    dead_seen = listing(files.dead_letters(paths), files.DLQ)
    waiting_seen = listing(files.waiting_entries(paths), files.QUEUE)
    dead = [each.item for each in dead_seen.found if each.item is not None]
    waiting = [each.item for each in waiting_seen.found if each.item is not None]
    queued = {(item.id, item.digest) for item in waiting}
    waiting += [item for item in fresh if (item.id, item.digest) not in queued]
    ages = [max(0.0, now - item.timestamp) if item.timestamp > 0 else None for item in dead]
    return {
        "dead": len(dead),
        "waiting": len(waiting),
        "held": held,
        "nonsense": dead_seen.nonsense + waiting_seen.nonsense,
        "projects": [
            {"project_id": each.project, "dead": each.dead, "waiting": each.waiting}
            for each in tally.by_project(dead, waiting)
        ],
        "retries": _named(tally.by_retries(dead)),
        "ages": _by_age(ages),
        "oldest": max((age for age in ages if age is not None), default=None),
    }


def _named(retries: dict[int, int]) -> dict[str, int]:
    return {
        f"{number} and more" if number == tally.MANY else str(number): count
        for number, count in retries.items()
    }


def _by_age(ages: Sequence[float | None]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for age in ages:
        counts[_UNKNOWN if age is None else next(n for n, limit in _AGES if age < limit)] += 1
    names = [*(name for name, _ in _AGES), _UNKNOWN]
    return {name: counts[name] for name in names if counts[name]}
