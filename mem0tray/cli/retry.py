"""`mem0tray retry`, `pause` and `resume`: when the worker is to deliver."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from mem0tray.actions import look_up, standing, verbs
from mem0tray.actions.diagnose import Surroundings
from mem0tray.actions.in_step import worker_runs
from mem0tray.actions.standing import Snapshot
from mem0tray.actions.verbs import Retried, RetryOutcome
from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.item import Item
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.files import orders

_SHOWN: Final = 5
_FACTOR: Final = 2  # a memory that timed out before gets twice the time
_MORE: Final = 30.0  # seconds


@arguments.command(
    "retry",
    {
        "mem0tray retry 04f96029": "one",
        "mem0tray retry -p garden": "all of a project",
        "mem0tray retry --all": "all",
        "mem0tray retry --all --wait": "and say how each went",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=arguments.dead_ids)
@arguments.project_option("All items of this project.")
@click.option("-a", "--all", "everything", is_flag=True, help="All dead letters.")
@click.option("-w", "--wait", is_flag=True, help="Say how each went; exit 1 if one failed.")
@arguments.json_option()
def command(
    ids: tuple[str, ...], project: str | None, *, everything: bool, wait: bool, as_json: bool
) -> None:
    """Retry dead letters now, by id (or the beginning of one), by project, or all.

    Entries that are held, because another worker has perhaps delivered them, are sent too.
    With --wait the command says how each went; Ctrl-C ends the waiting, not the retry. Exits with
    1 where nothing of the project waits.
    """
    if bool(ids) + (project is not None) + everything != 1:
        raise click.UsageError("Name ids, or give either --project or --all.")
    settings = arguments.load_there()
    since = time.time()
    try:
        chosen, called = _retried(settings, ids, project)
        seen = standing.read(settings, time.time())
        around = Surroundings.ask(settings, seen) if chosen or as_json else Surroundings([])
        if not as_json:
            _print(chosen, project, around, called)
        found = []
        for outcome in _followed(settings, chosen, since, around) if wait else ():
            found.append(outcome)
            if not as_json and not _obstacle(around):
                _print_outcome(called, outcome)
    except KeyboardInterrupt:
        output.remark("They stay requested: the worker retries them.")
        raise
    if as_json:
        output.print_json(_document(chosen, seen, around, found))
    bad = [each for each in found if not each.is_good]
    if bad:
        raise _undelivered(len(found), bad, _obstacle(around), called)


def _retried(settings: Settings, ids: tuple[str, ...], project: str | None) -> Retried:
    if project is not None:
        return verbs.retry_project(settings, project)
    if not ids:
        return verbs.retry_all(settings)
    with look_up.explained(settings.locations()):
        return verbs.retry_ids(settings, ids)


def _obstacle(around: Surroundings) -> str:
    """Say what keeps every retry from being sent; empty if nothing does."""
    return next((_line(cause) for cause in around.causes if cause.stops_all), "")


def _line(cause: object) -> str:
    said = str(cause)
    return said[:1].upper() + said[1:]


def _print(
    chosen: Sequence[FoundItem],
    project: str | None,
    around: Surroundings,
    called: Mapping[str, str],
) -> None:
    if not chosen:
        where = f" of {one_line(project, 80)}" if project is not None else ""
        output.say(f"There are no dead letters{where} to retry.")
        return
    names = ", ".join(_name(each, called) for each in chosen[:_SHOWN])
    more = f" and {len(chosen) - _SHOWN:,} more" if len(chosen) > _SHOWN else ""
    number = plural(len(chosen), "memory is", "memories are")
    output.say(f"{number} to be retried now: {names}{more}.")
    for cause in around.causes:
        output.say(_line(cause))
    server = around.server
    if server is not None and server.health.healthy and not around.refuse_everything:
        output.say(f"The server ({server.shown}) is healthy.")


def _name(item: Item | FoundItem, called: Mapping[str, str]) -> str:
    """Name an item by its id in a command, and its project."""
    name = called.get(item.id) or short_id(item.id)
    return f"{name} ({one_line(item.project, 40) or 'no project'})"


def _followed(
    settings: Settings, chosen: Sequence[FoundItem], since: float, around: Surroundings
) -> Iterable[RetryOutcome]:
    """Wait for each memory; not if nothing can be sent."""
    items = [each.item for each in chosen if each.item is not None]
    obstacle = _obstacle(around)
    if obstacle:
        return [RetryOutcome(item, verbs.WAITING, obstacle) for item in items]
    patience = _FACTOR * settings.sync.timeout + _MORE
    return verbs.follow(settings.locations(), items, since, patience)


def _print_outcome(called: Mapping[str, str], outcome: RetryOutcome) -> None:
    """Print the outcome of a retry in a line, at once, also into a pipe."""
    style = Style.GOOD if outcome.is_good else Style.BAD
    said = f"{_name(outcome.item, called)}: {outcome.name}"
    if outcome.reason:
        said += f": {outcome.reason.rstrip('.')}"
    if outcome.next_retry:
        said += f". The next try is {text.due(outcome.next_retry)}"
    output.say_beside(f"{output.sign(style)} ", f"{said}.", style)


def _document(
    chosen: Sequence[FoundItem],
    seen: Snapshot,
    around: Surroundings,
    found: Sequence[RetryOutcome],
) -> dict[str, Any]:
    became = {each.item.name: each for each in found}
    server, documents = around.server, []
    for each in chosen:
        outcome = became.get(each.identity)
        document: dict[str, Any] = {**each.named, "outcome": outcome.name if outcome else None}
        if outcome is not None:
            document |= {"reason": outcome.reason or None, "next_retry": outcome.next_retry}
        documents.append(document)
    return {
        "items": documents,
        "worker_running": seen.worker is not None,
        "paused": seen.pause is not None or bool(seen.pause_error),
        "server": {
            "destination": server.shown if server is not None and server.name else None,
            "healthy": server is not None and server.health.healthy,
            "reason": str(server.health.reason) if server is not None else "",
        },
    }


def _undelivered(
    number: int, bad: Sequence[RetryOutcome], obstacle: str, called: Mapping[str, str]
) -> Mem0TrayError:
    """Make the error about those of the `number` that were not delivered."""
    what = f"{len(bad):,} of {plural(number, 'memory', 'memories')} not delivered."
    if obstacle:
        return Mem0TrayError(f"{what} {obstacle}")
    # For several, `diagnose` sums up the causes.
    one = f" {called.get(bad[0].item.id, '')}".rstrip() if len(bad) == 1 else ""
    return Mem0TrayError(what, f"`mem0tray diagnose{one}` says what to do.")


_YEAR: Final = 525_600.0  # minutes; without a number a pause has no end


@arguments.command(
    "pause",
    {"mem0tray pause": "until `mem0tray resume`", "mem0tray pause 30": "for half an hour"},
)
@click.argument("minutes", required=False, type=click.FloatRange(0, _YEAR, min_open=True))
def pause(minutes: float | None) -> None:
    """Stop delivering for MINUTES, or until `mem0tray resume`.

    A pause survives a restart. Memories are still taken in and kept.
    """
    paths = arguments.load().locations()
    until = None if minutes is None else time.time() + minutes * 60
    orders.write_pause(paths, until)
    end = "`mem0tray resume`" if until is None else text.moment(until)
    no_worker = " The worker is not running; the pause holds for its next start too."
    output.say(f"Deliveries are paused until {end}.{'' if worker_runs(paths) else no_worker}")


@arguments.command("resume", {"mem0tray resume": ""})
def resume() -> None:
    """End a pause."""
    paths = arguments.load().locations()
    try:
        paused = orders.read_pause(paths) is not None
    except FileUnavailableError:  # deliveries wait because of it
        paused = True
    orders.clear_pause(paths)
    if not paused:
        output.say("Deliveries were not paused.")
    elif worker_runs(paths):
        output.say("Deliveries go on.")
    else:
        output.say("Deliveries go on as soon as the worker runs: start it with `mem0tray run`.")
