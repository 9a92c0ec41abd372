"""`mem0tray status`: how the worker and its queues are."""

import math
import sys
import time
from typing import Any, Final

import click

from mem0tray import settings as config
from mem0tray.actions import overview
from mem0tray.actions.overview import NOT_RUNNING, Overview
from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.text import plural
from mem0tray.worker.state import ACTION_NEEDED

_EVERY: Final = 1.0
Fact = tuple[str, str]


@click.command(
    "status",
    cls=Command,
    examples={
        "mem0tray status": "",
        "mem0tray status --watch": "again every second",
        "mem0tray status --json | jq .state": "for a program",
    },
)
@click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document.")
@click.option("-w", "--watch", is_flag=True, help="Look again every second until Ctrl-C.")
def command(*, as_json: bool, watch: bool) -> None:
    """Show worker, server, queue, dead letters and the last delivery."""
    if as_json and watch:
        raise click.UsageError("--json prints one document; it does not go with --watch.")
    settings = context.load()
    if watch:
        _watch()
    elif as_json:
        output.print_json(as_document(overview.gather(settings)))
    else:
        output.print_facts(facts(overview.gather(settings)))


def _watch() -> None:
    """At a terminal on a clean screen; else only what has changed, between empty lines."""
    before: list[Fact] = []
    while True:
        shown = facts(overview.gather(config.load().settings))
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
    """Without ages, which change all the time."""
    return [(name, value.partition(" (")[0]) for name, value in shown]


def facts(seen: Overview) -> list[Fact]:
    """Names and values, in words."""
    now = time.time()
    return [
        ("worker", _worker(seen, now)),
        ("state", _state(seen)),
        ("pause", _pause(seen.pause, now)),
        ("server", seen.server),
        ("destination", seen.destination),
        ("queue", f"{plural(seen.queue, 'memory', 'memories')} waiting"),
        ("DLQ", plural(seen.dlq, "dead letter")),
        ("quarantine", _quarantine(seen.quarantine)),
        ("oldest item", output.moment(seen.oldest_waiting, now)),
        ("last delivery", output.moment(seen.last_delivery, now)),
        ("totals", _totals(seen.totals)),
        *[("elsewhere", _elsewhere(*each)) for each in seen.only_elsewhere.items()],
    ]


def _worker(seen: Overview, now: float) -> str:
    if seen.worker is None:
        return f"{NOT_RUNNING}: start it with `mem0tray run`"
    process = "" if seen.worker.pid is None else f", process {seen.worker.pid}"
    return f"running since {output.moment(seen.worker.since, now)}{process}"


def _state(seen: Overview) -> str:
    if not seen.reason:
        return "" if seen.state == NOT_RUNNING else seen.state  # the worker's line says it
    # "action needed: choose a server: …" reads better than a reason in brackets.
    return (
        f"{seen.state}: {seen.reason}"
        if seen.state == ACTION_NEEDED
        else (f"{seen.state} – {seen.reason}")
    )


def _pause(until: float | None, now: float) -> str:
    if until is None:
        return ""
    end = "`mem0tray resume`" if math.isinf(until) else output.moment(until, now)
    return f"paused until {end}"


def _quarantine(count: int) -> str:
    return "empty" if not count else f"{plural(count, 'file')}: `mem0tray doctor` says where"


def _totals(totals: dict[str, int]) -> str:
    """The counters that stand in the queue file, each by whoever it belongs to."""
    queued, synced, failed = (totals.get(name, 0) for name in ("queued", "synced", "failed"))
    return (
        f"{queued:,} queued by producers, {synced:,} delivered, {failed:,} moved to the DLQ"
        " (as counted in the queue file)"
    )


def _elsewhere(server: str, count: int) -> str:
    there = "the embedded server of this computer" if server == config.LOCAL_URL else server
    they = "it was" if count == 1 else "they were"
    return f"{plural(count, 'memory', 'memories')} only on {there}, where {they} delivered before"


def as_document(seen: Overview) -> dict[str, Any]:
    """The same for programs; times in Unix seconds."""
    worker = seen.worker
    pause = seen.pause
    return {
        "worker": {
            "running": worker is not None,
            "pid": worker.pid if worker else None,
            "since": worker.since if worker else None,
        },
        "state": seen.state,
        "reason": seen.reason,
        "paused": pause is not None,
        "paused_until": None if pause is None or math.isinf(pause) else pause,
        "server": seen.server,
        "destination": seen.destination,
        "queue": seen.queue,
        "dlq": seen.dlq,
        "quarantine": seen.quarantine,
        "oldest_waiting": seen.oldest_waiting,
        "last_delivery": seen.last_delivery,
        "totals": seen.totals,
        "only_on_former_server": seen.only_elsewhere,
    }
