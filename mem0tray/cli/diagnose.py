"""`mem0tray diagnose`: why a memory is stuck, and what to do."""

import time
from collections.abc import Iterable
from typing import Any, Final

import click

from mem0tray.actions import diagnose, fresh_entries, snapshot_reader, stuck
from mem0tray.actions.cause import Cause
from mem0tray.actions.find import FoundItem, handles, resolve
from mem0tray.actions.snapshot import Part
from mem0tray.actions.surroundings import Surroundings
from mem0tray.cli import candidates, context, memory_words, no_longer_waiting, output, times
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.cli.progress import waiting
from mem0tray.config.settings import Settings
from mem0tray.core.reasons import Reason
from mem0tray.core.text import plural
from mem0tray.ledger.known import Attempt, Known
from mem0tray.ledger.reader import Reader
from mem0tray.server.remedy import asks_nothing

_SHOWN: Final = 10  # shown of those whose id begins with the name


@click.command(
    "diagnose",
    cls=Command,
    examples={
        "mem0tray diagnose": "all that are stuck, by cause",
        "mem0tray diagnose 04f96029": "one, with its history",
    },
)
@click.argument("name", required=False, metavar="[ID]", shell_complete=candidates.ids)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(name: str | None, *, as_json: bool) -> None:
    """Say why an item is stuck; without an ID, sum up all that have failed, by cause.

    For an item that was delivered or deleted it says when, and where to.

    An attempt that ended with "server down", "server busy", "key refused" or "asked in
    vain" does not count against the memory as long as others meet the same.
    """
    settings = context.load_there()
    paths = settings.locations()
    if name is None:
        _sum_up(settings, as_json=as_json)
        return
    snapshot = snapshot_reader.read(settings, time.time(), Part.REFUSAL)
    with Reader(paths.ledger) as reader:
        there = stuck.dead_among(snapshot, reader).found
        there += fresh_entries.look(paths, reader, snapshot.server.name).listing.found
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
    with waiting():
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
                    times.due(due, now) if due > now else "",
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
    """Print the most important cause, what to do, and what happened; `again`: the next try."""
    kind = "dead letter" if found.is_dead else "waiting entry"
    text = f" {memory_words.excerpt(found.item.content)}" if found.item is not None else ""
    output.say_beside("", f"{name} ({found.project or 'no project'}), {kind}{text}:")
    output.say_beside(f"  {cause.name}: ", str(cause.sentence), _style(cause))
    _print_remedy(cause.remedy)
    if history:
        memory_words.print_attempts(history)
        if again:
            output.say(f"The next one is {again}.")


def _print_remedy(remedy: Reason) -> None:
    label = "" if asks_nothing(remedy) else "To do: "
    output.say_beside(f"  {label}", str(remedy), Style.HEADING)


def _style(cause: Cause) -> Style:
    """The style: whether somebody has to do something."""
    return Style.WARNING if cause.by_itself else Style.BAD


def _sum_up(settings: Settings, *, as_json: bool) -> None:
    with waiting():
        found = stuck.sum_up(settings, time.time())
    if as_json:
        stuck_by = [
            {**_as_json(cause), "count": len(group), "example": group[0].id}
            for cause, group in found.groups
        ]
        amiss = [{**_as_json(cause), "count": 0, "example": None} for cause in found.besides]
        output.print_json([*stuck_by, *amiss])
        return
    if not found.dead.found:
        output.say("There are no dead letters.")
    for cause, group in found.groups:
        output.say_beside(
            f"{stuck.number(group)}: {cause.name}",
            f", as {found.called[group[0].id]}:",
            _style(cause),
        )
        output.say_beside("  ", str(cause.sentence))
        _print_remedy(cause.remedy)
    _tell_besides(found.besides, found.fresh.count)
    for each in (found.dead, found.fresh.listing):
        if each.unnamed:
            output.say(memory_words.nonsense(each.unnamed))


def _tell_besides(causes: Iterable[Cause], fresh: int) -> None:
    """Tell other troubles that were not told yet, and how many memories wait."""
    for cause in causes:
        output.say_beside(f"Also: {cause.name}: ", str(cause.sentence), _style(cause))
        _print_remedy(cause.remedy)
    if fresh:
        number = plural(fresh, "memory waits", "memories wait")
        output.say(f"{number} in the queue: see `mem0tray list --queue`.")
