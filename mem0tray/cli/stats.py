"""`mem0tray stats`: items by project, how often they were retried, how old they are."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import click

from mem0tray.actions import waiting
from mem0tray.cli import context, memory_words, output
from mem0tray.cli.command_help import Command
from mem0tray.config.settings import Settings
from mem0tray.core.due import GROWS_UNTIL
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import plural

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
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """Count dead letters and waiting entries by project, retries and age."""
    seen = counted(context.load_there(), time.time())
    if as_json:
        output.print_json(seen)
        return
    if seen["projects"]:
        _print_tables(seen)
    wait = plural(seen["waiting"], "entry waits", "entries wait")
    output.say(f"{plural(seen['dead'], 'dead letter')}, {wait}.")
    if seen["held"]:
        output.say(f"{seen['held']:,} of these held: {PERHAPS}.")
    if seen["nonsense"]:
        output.say(memory_words.nonsense(seen["nonsense"]))


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
        _print_counts("RETRIED", seen["retries"])
        if seen["ages"]:
            click.echo()
            _print_counts("AGE", seen["ages"])
    click.echo()


def _print_counts(title: str, counts: dict[str, int]) -> None:
    rows = [(name, f"{number:,}") for name, number in counts.items()]
    output.print_table((title, "DEAD LETTERS"), rows, right={title, "DEAD LETTERS"})


def counted(settings: Settings, now: float) -> dict[str, Any]:
    """Everything to show; ages in seconds, by the producers' timestamps.

    Raises FileUnavailableError if not everything can be counted.
    """
    with waiting.opened(settings) as seen:
        seen.step.check_all()
        sums, counts = seen.reader.waiting, seen.reader.waiting.counts()
        made = sums.made()
        ages = [max(0.0, now - each) if each > 0 else None for each in made]
        context.warn_behind(seen.step)
        return {
            "dead": len(made),
            "waiting": counts.queue if counts is not None else 0,
            "held": counts.held if counts is not None else 0,
            "nonsense": sum(map(seen.nonsense, waiting.BOTH)),
            "projects": [
                {"project_id": each.project, "dead": each.dead, "waiting": each.fresh}
                for each in sums.by_project()
            ],
            "retries": _named(sums.by_retries()),
            "ages": _by_age(ages),
            "oldest": max((age for age in ages if age is not None), default=None),
        }


def _named(retries: dict[int, int]) -> dict[str, int]:
    return {
        f"{number} and more" if number == GROWS_UNTIL else str(number): count
        for number, count in retries.items()
    }


def _by_age(ages: Sequence[float | None]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for age in ages:
        counts[_UNKNOWN if age is None else next(n for n, limit in _AGES if age < limit)] += 1
    names = [*(name for name, _ in _AGES), _UNKNOWN]
    return {name: counts[name] for name in names if counts[name]}
