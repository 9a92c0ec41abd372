"""`mem0tray diagnose`: why a memory is stuck, and what to do."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from mem0tray.actions import dead_letters, diagnose, read_files, snapshot_reader, waiting
from mem0tray.actions.cause import NOT_RUNNING, PAUSED, Cause
from mem0tray.actions.find import FileListing, FoundItem, Identity, handles, listing, resolve
from mem0tray.actions.snapshot import Part, Snapshot
from mem0tray.actions.surroundings import Surroundings
from mem0tray.cli import candidates, context, no_longer_waiting, output
from mem0tray.cli import history as attempts
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core.reasons import Reason
from mem0tray.core.text import plural
from mem0tray.ledger.known import Attempt, Known
from mem0tray.ledger.reader import Reader
from mem0tray.server.remedy import ID, asks_nothing
from mem0tray.system.paths import Paths

_SHOWN: Final = 10  # of those whose id begins alike


@click.command(
    "diagnose",
    cls=Command,
    examples={
        "mem0tray diagnose": "all that are stuck, by cause",
        "mem0tray diagnose 04f96029": "one, with its history",
    },
)
@click.argument("name", required=False, metavar="[ID]", shell_complete=candidates.ids)
@click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document.")
def command(name: str | None, *, as_json: bool) -> None:
    """Say why an item is stuck; without an ID, sum up all that have failed, by cause.

    Of one that was delivered or deleted it says when, and where to.

    An attempt that ended with "server down", "server busy", "key refused" or "asked
    in vain" counts nothing against the memory while others fare the same.
    """
    settings = context.load_there()
    paths = settings.locations()
    if name is None:
        _sum_up(settings, paths, as_json=as_json)
        return
    snapshot = snapshot_reader.read(settings, time.time(), Part.REFUSAL)
    with Reader(paths.ledger) as reader:
        there = _dead(snapshot, reader).found
        there += waiting.look(paths, reader, snapshot.server.name).listing.found
    gone = (
        []
        if any(each.id.startswith(name) for each in there)
        else no_longer_waiting.found(paths, name)
    )
    if gone:
        _tell_gone(gone, as_json=as_json)
        return
    chosen = resolve([name], there)
    called = handles(there)
    around = Surroundings.ask(settings, snapshot)
    now = time.time()
    documents = []
    with Reader(paths.ledger) as reader:
        for found in chosen:
            known, history = _history(reader, found)
            last = history[-1] if history else None
            causes = diagnose.causes(found, around, last, known, now, called[found.id])
            due = diagnose.next_retry(found, known, now)
            if as_json:
                documents.append(_document(found, causes, history, due))
            else:
                _print(
                    called[found.id],
                    found,
                    causes[0],
                    history,
                    output.due(due, now) if due > now else "",
                )
    if as_json:
        output.print_json(documents)


def _tell_gone(gone: list[Known], *, as_json: bool) -> None:
    if as_json:
        output.print_json([no_longer_waiting.document(known) for known in gone])
        return
    for known in gone[:_SHOWN]:
        no_longer_waiting.say(known)
    if len(gone) > _SHOWN:
        output.say(f"and {len(gone) - _SHOWN:,} more whose id begins so.")


def _history(reader: Reader, found: FoundItem) -> tuple[Known | None, list[Attempt]]:
    known = reader.known(*found.identity) if found.item is not None else None
    return known, reader.attempts(known.key) if known is not None else []


def _document(
    found: FoundItem, causes: list[Cause], history: list[Attempt], due: float
) -> dict[str, Any]:
    main, *also = [_as_json(cause) for cause in causes]
    return {
        "id": found.id,
        "project_id": found.project,
        "place": "dlq" if found.is_dead else "queue",
        **main,
        "also": also,
        "next_retry": due,
        "history": [
            {
                "at": attempt.at,
                "class": attempt.kind,
                "status": attempt.status,
                "message": attempt.message,
                "duration": attempt.duration,
                "request": attempt.request,
            }
            for attempt in history
        ],
    }


def _as_json(cause: Cause) -> dict[str, str]:
    return {"cause": str(cause.name), "detail": str(cause.detail), "remedy": str(cause.remedy)}


def _print(name: str, found: FoundItem, cause: Cause, history: list[Attempt], again: str) -> None:
    """The cause that counts first, what to do, and what happened; `again`: when it is tried."""
    kind = "dead letter" if found.is_dead else "waiting entry"
    text = f" {output.excerpt(found.item.content)}" if found.item is not None else ""
    output.say_beside("", f"{name} ({found.project or 'no project'}), {kind}{text}:")
    output.say_beside(f"  {cause.name}: ", str(cause.sentence), _style(cause))
    _print_remedy(cause.remedy)
    if history:
        attempts.say(history)
        if again:
            output.say(f"The next one is {again}.")


def _print_remedy(remedy: Reason) -> None:
    label = "" if asks_nothing(remedy) else "To do: "
    output.say_beside(f"  {label}", str(remedy), Style.HEADING)


def _style(cause: Cause) -> Style:
    """Whether somebody has to do something."""
    return Style.WARNING if cause.by_itself else Style.BAD


def _dead(snapshot: Snapshot, reader: Reader) -> FileListing:
    letters = dead_letters.look(snapshot.paths, reader, snapshot.server.name)
    return listing(letters, read_files.DLQ)


def _sum_up(settings: Settings, paths: Paths, *, as_json: bool) -> None:
    """Dead letters, and entries that have failed, by the cause that counts first.

    Where the server refuses everything, all that wait: which was tried says nothing of it.
    Of those that are alike one is told as an example.
    """
    snapshot = snapshot_reader.read(settings, time.time(), Part.REFUSAL)
    with Reader(paths.ledger) as reader:
        in_dlq = _dead(snapshot, reader)
        queue = waiting.look(paths, reader, snapshot.server.name)
        last = reader.last_attempts()
    in_queue, pending = queue.listing, queue.known
    dead, fresh = in_dlq.found, in_queue.found
    around = Surroundings.ask(settings, snapshot)
    now = time.time()
    stuck = [each for each in fresh if around.refuse_everything or _has_failed(each, pending, last)]
    groups: dict[tuple[object, ...], list[FoundItem]] = {}
    first: dict[tuple[object, ...], Cause] = {}
    for found in [*dead, *stuck]:
        attempt, known = last.get(found.identity), pending.get(found.identity)
        cause = diagnose.causes(found, around, attempt, known, now, ID)[0]
        groups.setdefault(cause.likeness, []).append(found)
        first.setdefault(cause.likeness, cause)
    called = handles([*dead, *fresh])
    shown = [
        (first[like].about(called[group[0].id]) if len(group) == 1 else first[like], group)
        for like, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
    if as_json:
        stuck_by = [
            {**_as_json(cause), "count": len(group), "example": group[0].id}
            for cause, group in shown
        ]
        # What is amiss beside that: it stops none of these alone.
        amiss = [
            {**_as_json(cause), "count": 0, "example": None} for cause in _besides(around, shown)
        ]
        output.print_json([*stuck_by, *amiss])
        return
    if not dead:
        output.say("There are no dead letters.")
    for cause, group in shown:
        output.say_beside(
            f"{_number(group)}: {cause.name}", f", as {called[group[0].id]}:", _style(cause)
        )
        output.say_beside("  ", str(cause.sentence))
        _print_remedy(cause.remedy)
    _tell_besides(_besides(around, shown), queue.count)
    for each in (in_dlq, in_queue):
        if each.unnamed:
            output.say(output.nonsense(each.unnamed))


def _besides(around: Surroundings, shown: Sequence[tuple[Cause, list[FoundItem]]]) -> list[Cause]:
    """What is amiss and has not been told of any memory."""
    # To stop and to pause are part of what is to be done for each.
    told = {cause.name for cause, _ in shown} | ({PAUSED, NOT_RUNNING} if shown else set())
    return [cause for cause in around.causes if cause.name not in told]


def _tell_besides(causes: Iterable[Cause], fresh: int) -> None:
    """What is amiss and has not been told of, and how many memories wait."""
    for cause in causes:
        output.say_beside(f"Besides: {cause.name}: ", str(cause.sentence), _style(cause))
        _print_remedy(cause.remedy)
    if fresh:
        number = plural(fresh, "memory waits", "memories wait")
        output.say(f"{number} in the queue: see `mem0tray list --queue`.")


def _has_failed(
    found: FoundItem, pending: dict[Identity, Known], last: dict[Identity, Attempt]
) -> bool:
    """Whether a waiting entry is more than new: it was tried, or can never be sent."""
    if found.item is None or found.identity in last:
        return True
    known = pending.get(found.identity)
    if known is not None and known.is_held:
        return True
    return (known.retries if known is not None else found.item.retries) > 0


def _number(group: list[FoundItem]) -> str:
    dead = sum(each.is_dead for each in group)
    parts = [plural(dead, "dead letter")] if dead else []
    if len(group) > dead:
        parts.append(plural(len(group) - dead, "waiting entry", "waiting entries"))
    return ", ".join(parts)
