"""`mem0tray retry`, `delete` (CONTRIBUTING.md tells its whole way), `pause` and `resume`."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from mem0tray.actions import look_up, server_memories, standing, verbs, waiting
from mem0tray.actions.diagnose import Surroundings
from mem0tray.actions.forget import Forgotten, forget
from mem0tray.actions.one_writer import worker_runs
from mem0tray.actions.verbs import Deleted, Retried, RetryOutcome
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, SERVER, FoundItem
from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.item import Item
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.files import orders
from mem0tray.server.model import ServerMemory
from mem0tray.system import programs

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
def retry(
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
    found: list[RetryOutcome] = []
    try:
        chosen, called = _retried(settings, ids, project)
        around = Surroundings([])
        if chosen:
            around = Surroundings.ask(settings, standing.read(settings, time.time()))
        obstacle = next((_line(cause) for cause in around.causes if cause.stops_all), "")
        if not as_json:
            _print_retried(chosen, project, around, called, obstacle if wait else "")
        if wait and not obstacle:
            found = _followed(settings, chosen, since, None if as_json else called)
    except KeyboardInterrupt:
        output.remark("They stay requested: the worker retries them.")
        raise
    if as_json:
        became = {each.item.name: each for each in found}
        shown = [_as_document(each, became.get(each.identity)) for each in chosen]
        output.print_json({"items": shown, "causes": list(map(_line, around.causes))})
    if wait and obstacle:
        raise Mem0TrayError(obstacle)
    bad = [each for each in found if not each.is_good]
    if bad:
        # For several, `diagnose` sums up the causes.
        one = f" {called.get(bad[0].item.id, '')}".rstrip() if len(bad) == 1 else ""
        what = f"{len(bad):,} of {plural(len(found), 'memory', 'memories')} not delivered."
        raise Mem0TrayError(what, f"`mem0tray diagnose{one}` says what to do.")


def _retried(settings: Settings, ids: tuple[str, ...], project: str | None) -> Retried:
    if not ids:
        return verbs.retry_all(settings, project)
    return verbs.retry_ids(settings, ids)


def _line(cause: object) -> str:
    said = str(cause)
    return said[:1].upper() + said[1:]


def _print_retried(
    chosen: Sequence[FoundItem],
    project: str | None,
    around: Surroundings,
    called: Mapping[str, str],
    without: str,
) -> None:
    if not chosen:
        where = f" of {one_line(project, 80)}" if project is not None else ""
        output.say(f"There are no dead letters{where} to retry.")
        return
    number = plural(len(chosen), "memory is", "memories are")
    names = text.some([_name(each, called) for each in chosen])
    output.say(f"{number} to be retried now: {names}.")
    for line in map(_line, around.causes):
        if line != without:  # the command's error
            output.say(line)
    server = around.server
    if server is not None and server.health.healthy and not around.refuse_everything:
        output.say(f"The server ({server.shown}) is healthy.")


def _name(item: Item | FoundItem, called: Mapping[str, str]) -> str:
    name = called.get(item.id) or short_id(item.id)
    return f"{name} ({one_line(item.project, 40) or 'no project'})"


def _followed(
    settings: Settings, chosen: Sequence[FoundItem], since: float, called: Mapping[str, str] | None
) -> list[RetryOutcome]:
    """Wait for each memory, and say at once how it went, unless `called` is None."""
    items = [each.item for each in chosen if each.item is not None]
    found, patience = [], _FACTOR * settings.sync.timeout + _MORE
    for outcome in verbs.follow(settings.locations(), items, since, patience):
        found.append(outcome)
        style = Style.GOOD if outcome.is_good else Style.BAD
        said = ": ".join(filter(None, (outcome.name, outcome.reason.rstrip("."))))
        if outcome.next_retry:
            said += f". The next try is {text.due(outcome.next_retry)}"
        if called is not None:
            said = f"{_name(outcome.item, called)}: {said}."
            output.say_beside(f"{output.sign(style)} ", said, style)
    return found


def _as_document(item: FoundItem, became: RetryOutcome | None) -> dict[str, Any]:
    if became is None:
        return {**item.named, "outcome": None}
    outcome = {"outcome": became.name, "reason": became.reason or None}
    return {**item.named, **outcome, "next_retry": became.next_retry}


_YEAR: Final = 525_600.0  # minutes; without a number a pause has no end


@arguments.command(
    "pause", {"mem0tray pause": "until `mem0tray resume`", "mem0tray pause 30": "for half an hour"}
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
    if not orders.clear_pause(paths):
        output.say("Deliveries were not paused.")
    elif worker_runs(paths):
        output.say("Deliveries go on.")
    else:
        output.say("Deliveries go on as soon as the worker runs: start it with `mem0tray run`.")


# Delete -----------------------------------------------------------------------------------------

_LISTED: Final = 20  # items shown of those to be deleted
_KINDS: Final = {
    DLQ_LIST: "dead letter",
    QUEUE_LIST: "waiting entry",
    SERVER: "on the server",
    look_up.LEDGER: "no longer waiting",
}
_IN_FLIGHT: Final = (
    "{name} is being sent at this moment: if the server takes it, it is delivered and not deleted,"
    " and else it is deleted. `mem0tray show {name}` says what became of it."
)
_PERHAPS: Final = (
    "The server may have {name}: an attempt to send it failed in a way that leaves this open."
)


@arguments.command(
    "delete",
    {
        "mem0tray delete 04f96029": "asks first",
        "mem0tray delete -y 04f96029 5b1c": "does not ask",
        "mem0tray delete -p garden": "all of a project",
        "mem0tray delete --forget 04f96029": "for good: the text too",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=arguments.ids)
@arguments.project_option("All items of this project.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", "for_good", is_flag=True, help="Erase the text everywhere, for good.")
@arguments.json_option("Print one JSON document; with --yes.")
def delete(
    ids: tuple[str, ...], project: str | None, *, yes: bool, for_good: bool, as_json: bool
) -> int:
    """Back up, then delete dead letters or waiting entries, by id or the beginning of one.

    With the id that `recall --ids` shows it deletes a memory on the server, if that can delete
    single ones; `restore` sends it again. With --project it deletes all items of that project,
    or those of the ids that belong to it. Exits with 1 if something was not deleted: it was
    delivered meanwhile, or is being sent just now. With --forget there is no backup, and the id
    may also be that of a memory delivered or deleted before, whose text other files may still
    hold.
    """
    if not ids and project is None:
        raise click.UsageError("Name ids, or give --project.")
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: it goes with --yes.")
    settings = arguments.load_there()
    paths = settings.locations()
    chosen, past, there = _chosen(settings, ids, project, for_good=for_good)
    if not yes:
        _ask([*chosen, *past, *map(server_memories.as_item, there)], for_good=for_good)
    done = server_memories.delete(settings, there) if there else Deleted()
    if chosen:
        done = verbs.delete(paths, settings, chosen, for_good=for_good)
    erased = [*done.items, *done.delivered, *done.in_flight, *past]
    forgotten = forget(paths, settings, erased, heard=done.heard) if for_good else None
    if as_json:
        output.print_json(_deleted(done, past, forgotten))
    else:
        _print_deleted(done, past, forgotten)
    if done.trouble is not None:
        raise done.trouble
    _warn_of_the_others(done)
    return 1 if done.delivered or done.in_flight or not erased else 0


def _chosen(
    settings: Settings, ids: tuple[str, ...], project: str | None, *, for_good: bool
) -> tuple[list[FoundItem], list[FoundItem], list[ServerMemory]]:
    """Find what waits, what no longer does (to be erased), or else what the server has."""
    if project is not None and not ids:
        with waiting.opened(settings) as seen:
            return seen.of_project(project), [], []
    found = server_memories.sought(settings, ids, project, for_good=for_good)
    if found.there and (found.waits or for_good):
        called = programs.quote(one_line(found.there[0].id, 80))
        raise NotFoundError(
            f"The server alone has {called}, and the others wait here."
            if found.waits
            else f"The server alone has {called}: nothing here holds its text.",
            f"Delete it by a command of its own: `mem0tray delete {called}`.",
        )
    if not for_good:
        for here in found.over:
            here.refuse_over()
    versions = [each for here in found.over for each in look_up.look_up(settings, here.id)]
    past = [each for each in versions if each.is_over and project in (None, each.project)]
    return found.waits, past, found.there


def _deleted(done: Deleted, past: list[FoundItem], forgotten: Forgotten | None) -> dict[str, Any]:
    is_restorable = bool(done.items or done.in_flight) and forgotten is None
    lists = {
        "deleted": done.items,
        "gone": done.gone,
        "delivered": done.delivered,
        "being_sent": done.in_flight,
        "perhaps_delivered": done.perhaps,
    }
    erased = None
    if forgotten is not None:
        erased = {"erased": forgotten.erased, "not_erased": forgotten.unreachable}
    return {
        **{name: [each.named for each in found] for name, found in lists.items()},
        "no_longer_waiting": [{"id": each.id, "project_id": each.project or None} for each in past],
        "heard": done.heard,
        "backup": str(done.backup) if is_restorable else None,
        "forgotten": erased,
    }


def _ask(chosen: list[FoundItem], *, for_good: bool) -> None:
    for each in chosen[:_LISTED]:
        date = text.clock(each.item.timestamp if each.item is not None else None)
        output.say(f"{each.project or '(no project)'}, {each.id}, {date}, {_KINDS[each.place]}")
        if each.item is not None:
            output.say_beside("  ", text.excerpt(each.item.content))
    if len(chosen) > _LISTED:
        output.say(f"… and {len(chosen) - _LISTED:,} more.")
    output.confirm(f"Delete {plural(len(chosen), 'item')}{' for good' if for_good else ''}?")


def _print_deleted(done: Deleted, past: list[FoundItem], forgotten: Forgotten | None) -> None:
    doubtful = done.perhaps if done.trouble is not None else []
    number = len(done.items) - len(doubtful)
    deleted = f"Deleted {plural(number, 'item')}"
    if number and forgotten is None:
        output.say(f"{deleted}. Backup: {done.backup}")
        output.say(f"`mem0tray restore {done.backup.name}` puts back what is in it.")
    if forgotten is None:
        return
    if done.items:
        output.say(f"{deleted} for good, without a backup.")
    for each in past:
        output.say(f"{short_id(each.id)} no longer waited; its text is erased for good.")
    for place in forgotten.erased:
        output.say_beside("  erased from ", place)
    for place in forgotten.unreachable:
        output.say_beside("  not erased: ", place)


def _warn_of_the_others(done: Deleted) -> None:
    for found, words in (
        (done.gone, "{name} was no longer there."),
        (done.delivered, "{name} is not deleted: it was delivered meanwhile."),
        (done.in_flight, _IN_FLIGHT),
        (done.perhaps, _PERHAPS),
    ):
        for each in found:
            output.remark(words.format(name=short_id(each.id)))
    if not done.heard:
        output.remark(verbs.NOT_HEARD)
