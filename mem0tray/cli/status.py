"""`mem0tray status`: how the worker and its queues are."""

import math
import sys
import time
from itertools import count
from typing import Any, Final

import click

from mem0tray import cli
from mem0tray.actions import standing, worker_report
from mem0tray.actions.standing import NOT_RUNNING, Overview, Part
from mem0tray.cli import context, memory_words, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Fact, Style
from mem0tray.config import settings as config
from mem0tray.config.server_choice import former_in_words
from mem0tray.config.settings import Settings
from mem0tray.core import times
from mem0tray.core.errors import FileUnavailableError, SettingsError
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PERHAPS
from mem0tray.core.text import plural

UNKNOWN: Final = "unknown"
_EVERY: Final = 1.0
_ASKS: Final = 30  # turns after which the worker is asked again to see how the server is
_STYLES: Final = {
    HEALTHY: Style.GOOD,
    DOWN: Style.BAD,
    ACTION_NEEDED: Style.BAD,
}


@click.command(
    "status",
    cls=Command,
    examples={
        "mem0tray status": "",
        "mem0tray status --watch": "again every second",
        "mem0tray status --line": "for a prompt",
        "mem0tray status --json | jq .state": "for a program",
    },
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-w", "--watch", is_flag=True, help="Refresh every second, until Ctrl-C.")
@click.option("--line", is_flag=True, help="Print one short line, even if something is wrong.")
def command(*, as_json: bool, watch: bool, line: bool) -> None:
    """Show worker, server, queue, dead letters and the last delivery.

    Exits with 1 where something could not be read: its count is then "unknown", in JSON null.
    With --line the line says so, and the command exits with 0.
    """
    if as_json and watch:
        raise click.UsageError("--json prints one document; it does not go with --watch.")
    if line:
        if as_json or watch:
            raise click.UsageError("--line goes with neither --json nor --watch.")
        cli.print_status_line()
        return
    settings = context.load()
    if watch:
        _watch(settings)
        return
    worker_report.ask_to_look(settings.locations())
    now = time.time()
    seen = _seen(settings, now)
    if as_json:
        output.print_json(as_document(seen))
    else:
        output.print_facts(facts(seen, now))
    for why in seen.unknown.values():
        raise FileUnavailableError(f"Not everything could be read. {why}")


def _seen(settings: Settings, now: float) -> Overview:
    return standing.overview(standing.read(settings, now, Part.COUNTS))


def _watch(settings: Settings) -> None:
    """Show the status again and again: on a clean screen, or into a pipe what has changed.

    While the settings are wrong the last good ones hold, as they do for a worker.
    """
    before: list[Fact] = []
    for turn in count():
        if turn % _ASKS == 0:
            worker_report.ask_to_look(settings.locations())
        wrong = ""
        try:
            settings = config.load().settings
        except SettingsError as error:
            wrong = str(error)
        now = time.time()
        shown = [*facts(_seen(settings, now), now), Fact("settings", wrong, wrong, Style.BAD)]
        if sys.stdout.isatty():
            click.clear()
            output.print_facts(shown)
            click.echo("\nCtrl-C ends this.")
        elif _lasting(shown) != _lasting(before):
            click.echo("" if before else None, nl=bool(before))
            output.print_facts(shown)
            sys.stdout.flush()
        before = shown
        time.sleep(_EVERY)


def _lasting(shown: list[Fact]) -> list[Fact]:
    """The facts without ages, which change all the time."""
    return [fact._replace(value=fact.value.partition(" (")[0]) for fact in shown]


def facts(seen: Overview, now: float) -> list[Fact]:
    """Names and values, in words."""
    unsure = "queue" in seen.unknown or "dlq" in seen.unknown
    oldest = UNKNOWN if unsure else times.moment(seen.oldest_waiting, now)
    last = UNKNOWN if "last_delivery" in seen.unknown else times.moment(seen.last_delivery, now)
    return [
        _worker(seen, now),
        _state(seen),
        Fact("pause", _pause(seen.pause, now), "paused", Style.WARNING),
        Fact("server", seen.server),
        Fact("destination", seen.destination),
        _count("queue", seen.queue, "memory", "memories", " waiting"),
        _held(seen.held, beside=seen.beside),
        _count("DLQ", seen.dlq, "dead letter", style=Style.WARNING),
        _quarantine(seen.quarantine),
        Fact("oldest item", oldest, UNKNOWN, Style.BAD),
        Fact("last delivery", last, UNKNOWN, Style.BAD),
        _totals(seen.totals),
        *[
            Fact("elsewhere", _elsewhere(*each, seen.to_bring_over.get(each[0], 0)))
            for each in seen.only_elsewhere.items()
        ],
    ]


def _worker(seen: Overview, now: float) -> Fact:
    if seen.worker is None:
        text = f"{NOT_RUNNING}: start it with `mem0tray run`"
        return Fact("worker", text, NOT_RUNNING, Style.WARNING)
    process = "" if seen.worker.pid is None else f", process {seen.worker.pid}"
    since = times.moment(seen.worker.since, now)
    return Fact("worker", f"running since {since}{process}", "running", Style.GOOD)


def _state(seen: Overview) -> Fact:
    style = _STYLES.get(seen.state, Style.WARNING)
    if seen.state == NOT_RUNNING and not seen.reason:
        return Fact("state", "")  # the worker's line says it
    # "action needed: choose a server: …" reads better than a reason in brackets.
    between = ": " if seen.state == ACTION_NEEDED else " – "
    text = f"{seen.state}{between}{seen.reason}" if seen.reason else seen.state
    if str(seen.reason).startswith(seen.state):  # "paused by you" says both
        text = str(seen.reason)
    return Fact("state", text, seen.state, style)


def _count(
    name: str,
    count: int | None,
    one: str,
    many: str = "",
    more: str = "",
    style: Style = Style.PLAIN,
) -> Fact:
    """A count; its number in `style` unless it is 0."""
    if count is None:
        return Fact(name, UNKNOWN, UNKNOWN, Style.BAD)
    text = f"{plural(count, one, many)}{more}"
    return Fact(name, text, text.partition(" ")[0], style if count else Style.PLAIN)


def _pause(until: float | None, now: float) -> str:
    if until is None:
        return ""
    end = "`mem0tray resume`" if math.isinf(until) else times.moment(until, now)
    return f"paused until {end}"


def _held(count: int, *, beside: bool) -> Fact:
    if not count:
        return Fact("held", "")
    more = f" of these, {PERHAPS}: {memory_words.about_held(beside=beside)}"
    return _count("held", count, "memory", "memories", more, Style.WARNING)


def _quarantine(count: int | None) -> Fact:
    if count == 0:
        return Fact("quarantine", "empty")
    more = ": `mem0tray doctor` says where"
    return _count("quarantine", count, "file", more=more, style=Style.WARNING)


def _totals(totals: dict[str, int | None]) -> Fact:
    """What was delivered and moved in all.

    Not what producers count beside it: the emergency file and dead letters of
    others are no part of that, so that more can be delivered than queued.
    """
    if None in totals.values():
        return Fact("totals", UNKNOWN, UNKNOWN, Style.BAD)
    synced, failed = (totals.get(name) or 0 for name in ("synced", "failed"))
    return Fact(
        "totals",
        f"{synced:,} delivered, {failed:,} moved to the DLQ (since the queue file was begun)",
    )


def _elsewhere(server: str, count: int, to_bring_over: int) -> str:
    where = f"{plural(count, 'memory is', 'memories are')} on {former_in_words(server)}"
    how = ""
    if to_bring_over:
        them = "it" if count == 1 else "them"
        some = them if to_bring_over == count else f"{to_bring_over:,} of them"
        how = f": `mem0tray migrate --from {server}` brings {some} over"
    return f"{where}, and not on the present server{how}"


def as_document(seen: Overview) -> dict[str, Any]:
    """The status as JSON for programs; times in Unix seconds, null for what could not be read."""
    worker = seen.worker
    pause = seen.pause
    return {
        "worker": {
            "running": worker is not None,
            "pid": worker.pid if worker else None,
            "since": worker.since if worker else None,
        },
        "claude_dir": seen.claude_dir,
        "state": seen.state,
        "reason": str(seen.reason),
        "paused": pause is not None,
        "paused_until": None if pause is None or math.isinf(pause) else pause,
        "server": seen.server,
        "destination": seen.destination,
        "queue": seen.queue,
        "held": seen.held,
        "dlq": seen.dlq,
        "quarantine": seen.quarantine,
        "oldest_waiting": seen.oldest_waiting,
        "last_delivery": seen.last_delivery,
        "totals": seen.totals,
        "only_on_former_server": seen.only_elsewhere,
        "to_bring_over": seen.to_bring_over,
        "unknown": {name: str(why) for name, why in seen.unknown.items()},
    }
