"""`mem0tray retry`: dead letters are due at once."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import click

from mem0tray.actions import standing, verbs
from mem0tray.actions.chosen_client import Probe, probe
from mem0tray.actions.standing import SeenPause
from mem0tray.actions.verbs import Retried, RetryOutcome
from mem0tray.actions.waiting import FoundItem
from mem0tray.actions.worker_report import Metrics
from mem0tray.cli import arguments, context, memory_words, output
from mem0tray.cli.arguments import project_option
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import reasons, times
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Item
from mem0tray.core.state import ACTION_NEEDED, REFUSES
from mem0tray.core.text import one_line, plural, short_id

_Called = Mapping[str, str]  # by id, its name in a command

_SHOWN: Final = 5
_FACTOR: Final = 2  # a memory that timed out before gets twice the time
_MORE: Final = 30.0  # seconds


@click.command(
    "retry",
    cls=Command,
    examples={
        "mem0tray retry 04f96029": "one",
        "mem0tray retry -p garden": "all of a project",
        "mem0tray retry --all": "all",
        "mem0tray retry --all --wait": "and say how each went",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=arguments.dead_ids)
@project_option("All items of this project.")
@click.option("-a", "--all", "everything", is_flag=True, help="All dead letters.")
@click.option("-w", "--wait", is_flag=True, help="Say how each went; exit 1 if one failed.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    ids: tuple[str, ...], project: str | None, *, everything: bool, wait: bool, as_json: bool
) -> None:
    """Retry dead letters now, by id (or the beginning of one), by project, or all.

    Entries that are held, because another worker has perhaps delivered them, are sent too.
    With --wait the command says how each went; Ctrl-C ends the waiting, not the retry. Exits with
    1 where nothing of the project waits.
    """
    _check(ids, project, everything=everything)
    settings = context.load_there()
    since = time.time()
    try:
        chosen, called = _retried(settings, ids, project, everything=everything)
        way = _Way.look(settings) if chosen or as_json else _Way()
        if not as_json:
            _tell(chosen, project, way, called)
        say = None if as_json else partial(_tell_outcome, called)
        found = _followed(settings, chosen, since, way, say) if wait else []
    except KeyboardInterrupt:
        output.say("mem0tray: They stay requested: the worker retries them.", error=True)
        raise
    if as_json:
        output.print_json(_document(chosen, way, found))
    _judge(found, way, called)


def _check(ids: tuple[str, ...], project: str | None, *, everything: bool) -> None:
    """Raise UsageError unless exactly one way names what to retry."""
    ways = ("ids",) * bool(ids) + ("--project",) * (project is not None) + ("--all",) * everything
    if not ways:
        raise click.UsageError("Name ids, or give --project or --all.")
    if len(ways) > 1:
        raise click.UsageError(f"{' and '.join(ways[-2:])} do not go together: give one of them.")


def _retried(
    settings: Settings, ids: tuple[str, ...], project: str | None, *, everything: bool
) -> Retried:
    if everything:
        return verbs.retry_all(settings)
    if project is not None:
        return verbs.retry_project(settings, project)
    with memory_words.explained(settings.locations()):
        return verbs.retry_ids(settings, ids)


def _followed(
    settings: Settings,
    chosen: Sequence[FoundItem],
    since: float,
    way: "_Way",
    say: Callable[[RetryOutcome], None] | None,
) -> list[RetryOutcome]:
    """Wait for each memory, and say how it went as that happens; not if nothing can be sent."""
    items = [each.item for each in chosen if each.item is not None]
    if way.obstacle:
        return [RetryOutcome(item, verbs.WAITING, way.obstacle) for item in items]
    found = []
    patience = _FACTOR * settings.sync.timeout + _MORE
    for outcome in verbs.follow(settings.locations(), items, since, patience):
        found.append(outcome)
        if say:
            say(outcome)
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """What is between a retry and the server: `lines` tell it, `obstacle` is what stops it."""

    running: bool = False
    server: Probe | None = None
    paused: bool = False
    lines: Sequence[str] = ()
    obstacle: str = ""

    @classmethod
    def look(cls, settings: Settings) -> "_Way":
        """Look at pause and worker, and ask the server once."""
        snapshot = standing.read(settings, time.time())
        running = snapshot.worker is not None
        seen = probe(settings, snapshot.paths, min(settings.sync.timeout, 5.0))
        pause = _pause(snapshot.pause)
        missing = "The worker does not run. `mem0tray run` starts it; until then nothing is sent."
        said, stops = _server(seen, running=running)
        if running and not stops:
            said = _refusal(snapshot.metrics) or said
        lines = [line for line in (pause, "" if running else missing, said) if line]
        obstacles = [line for line in (pause, "" if running else missing, stops) if line]
        return cls(running, seen, bool(pause), lines, obstacles[0] if obstacles else "")


def _server(seen: Probe, *, running: bool) -> tuple[str, str]:
    """A line about the server, and the same line again if it gets nothing, else nothing."""
    if not seen.name:
        line = "No server is chosen: nothing is sent. `mem0tray diagnose` says what to do."
        return line, line
    if seen.health.healthy:
        return f"The server ({seen.shown}) is healthy.", ""
    if not running and seen.name == LOCAL_URL:
        return "", ""
    if not seen.health.recognised:
        line = str(reasons.sentence(seen.health.reason))
        return line, line
    reason = str(seen.health.reason).rstrip(".")
    line = f"The server ({seen.shown}) is down: {reason}. Nothing is sent until it is back."
    return line, line


def _refusal(metrics: Metrics) -> str:
    """A line about a healthy server that the worker has seen refuse everything; or none.

    The command waits all the same, as one memory after the other is tried.
    """
    reason = metrics.reason
    if metrics.values.get("state") != ACTION_NEEDED or reason.find(REFUSES) is None:
        return ""
    told = reasons.sentence(reason)
    return f"Action needed: {told} Until then one memory at a time is tried."


def _pause(seen: SeenPause) -> str:
    """A line about the pause, during which a healthy server gets nothing; else nothing."""
    if seen.error is not None:  # deliveries wait because of this too
        return f"Nothing is sent: {seen.error} `mem0tray resume` ends that."
    if seen.until is None:
        return ""
    if math.isinf(seen.until):
        return "Deliveries are paused until `mem0tray resume`."
    end = times.moment(seen.until)
    return f"Deliveries are paused until {end}; `mem0tray resume` ends the pause now."


def _name(item: Item | FoundItem, called: _Called) -> str:
    """An item's name in a command, and its project."""
    name = called.get(item.id) or short_id(item.id)
    return f"{name} ({one_line(item.project, 40) or 'no project'})"


def _tell(chosen: Sequence[FoundItem], project: str | None, way: _Way, called: _Called) -> None:
    if not chosen:
        where = f" of {one_line(project, 80)}" if project is not None else ""
        output.say(f"There are no dead letters{where} to retry.")
        return
    output.say(_which(chosen, called))
    for line in way.lines:
        output.say(line)


def _tell_outcome(called: _Called, outcome: RetryOutcome) -> None:
    """Print the outcome of a retry in a line, at once, also into a pipe."""
    style = Style.GOOD if outcome.is_good else Style.BAD
    text = f"{_name(outcome.item, called)}: {outcome.name}"
    if outcome.reason:
        text += f": {outcome.reason.rstrip('.')}"
    if outcome.next_retry:
        text += f". The next try is {times.due(outcome.next_retry)}"
    output.say_beside(f"{output.sign(style)} ", f"{text}.", style)
    sys.stdout.flush()


def _document(
    chosen: Sequence[FoundItem], way: _Way, found: Sequence[RetryOutcome]
) -> dict[str, Any]:
    became = {each.item.name: each for each in found}
    return {
        "items": [
            {
                "id": each.id,
                "project_id": each.project or None,
                "place": "dlq" if each.is_dead else "queue",
                **_as_json(became.get(each.identity)),
            }
            for each in chosen
        ],
        "worker_running": way.running,
        "paused": way.paused,
        "server": {
            "destination": way.server.shown if way.server and way.server.name else None,
            "healthy": bool(way.server and way.server.health.healthy),
            "reason": str(way.server.health.reason) if way.server else "",
        },
    }


def _as_json(outcome: RetryOutcome | None) -> dict[str, Any]:
    if outcome is None:
        return {"outcome": None}
    return {
        "outcome": outcome.name,
        "reason": outcome.reason or None,
        "next_retry": outcome.next_retry,
    }


def _judge(found: Sequence[RetryOutcome], way: _Way, called: _Called) -> None:
    """Raise Mem0TrayError if one was not delivered."""
    bad = [each for each in found if not each.is_good]
    if not bad:
        return
    number = plural(len(found), "memory was", "memories were")
    what = f"{len(bad):,} of {number} not delivered" if len(found) > 1 else "It was not delivered"
    if way.obstacle:
        raise Mem0TrayError(f"{what}. {way.obstacle}")
    # For several, `diagnose` sums up the causes.
    one = f" {called.get(bad[0].item.id, '')}".rstrip() if len(bad) == 1 else ""
    raise Mem0TrayError(f"{what}.", f"`mem0tray diagnose{one}` says what to do.")


def _which(chosen: Sequence[FoundItem], called: _Called) -> str:
    names = ", ".join(_name(each, called) for each in chosen[:_SHOWN])
    more = f" and {len(chosen) - _SHOWN:,} more" if len(chosen) > _SHOWN else ""
    dead = sum(each.is_dead for each in chosen)
    held = len(chosen) - dead
    parts = [plural(dead, "dead letter")] if dead else []
    if held:
        parts.append(plural(held, "held memory", "held memories"))
    return f"{' and '.join(parts)} to be retried now: {names}{more}."
