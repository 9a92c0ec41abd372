"""`mem0tray diagnose`: why a memory is stuck, and what to do."""

import time
from typing import Any, Final

import click

from mem0tray.actions import diagnose, look_up, standing, waiting
from mem0tray.actions.diagnose import Cause, Surroundings
from mem0tray.actions.waiting import FoundItem
from mem0tray.cli import arguments, output, show
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.reasons import Reason
from mem0tray.core.text import plural, short_id
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.server.remedy import asks_nothing

_SHOWN: Final = 10  # shown of those whose id begins with the name


@arguments.command(
    "diagnose",
    {
        "mem0tray diagnose": "all that are stuck, by cause",
        "mem0tray diagnose 04f96029": "one, with its history",
    },
)
@click.argument("name", required=False, metavar="[ID]", shell_complete=arguments.ids)
@arguments.json_option()
def command(name: str | None, *, as_json: bool) -> None:
    """Say why an item is stuck; without an ID, sum up all that have failed, by cause.

    For an item that was delivered or deleted it says when, and where to.

    An attempt that ended with "server down", "server busy", "key refused" or "asked in
    vain" does not count against the memory as long as others meet the same.
    """
    settings = arguments.load_there()
    if name is None:
        _sum_up(settings, as_json=as_json)
        return
    with waiting.opened(settings) as seen:
        found = seen.candidates([name])
        gone = [] if found else look_up.no_longer_waiting(seen.reader, name)
        chosen = [] if gone else seen.resolve([name])
        called = seen.handles(chosen)
        past = {each.identity: seen.attempts(each) for each in chosen}
    arguments.warn_behind(seen.step)
    if gone:
        _print_gone(gone, as_json=as_json)
        return
    with output.waiting():
        around = Surroundings.ask(settings, standing.read(settings, time.time()))
    now = time.time()
    documents = []
    for each in chosen:
        history, due = past[each.identity], diagnose.next_retry(each)
        last = history[-1] if history else None
        causes = diagnose.causes(each, around, last, now, called[each.id])
        if as_json:
            documents.append(_document(each, causes, history, due))
        else:
            again = text.due(due, now) if due > now else ""
            _print(called[each.id], each, causes[0], history, again)
    if as_json:
        output.print_json(documents)


def _print_gone(gone: list[Known], *, as_json: bool) -> None:
    """Print what became of memories that no longer wait."""
    if as_json:
        output.print_json([_fate(known) for known in gone])
        return
    for known in gone[:_SHOWN]:
        fate = look_up.fate(known)
        output.say(f"{short_id(known.id)}: {fate.name} {fate.detail}. {fate.remedy}")
    if len(gone) > _SHOWN:
        output.say(f"and {len(gone) - _SHOWN:,} more whose id begins so.")


def _fate(known: Known) -> dict[str, Any]:
    """Make the document, with those keys of a waiting one that still make sense."""
    fate = look_up.fate(known)
    return {
        "id": known.id,
        "place": fate.name,
        "cause": fate.name,
        "detail": fate.detail,
        "remedy": fate.remedy,
        "also": [],
        "closed": known.closed,
    }


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
        "history": show.history(history),
    }


def _as_json(cause: Cause) -> dict[str, str]:
    return {"cause": str(cause.name), "detail": str(cause.detail), "remedy": str(cause.remedy)}


def _print(name: str, found: FoundItem, cause: Cause, history: list[Attempt], again: str) -> None:
    """Print the most important cause, what to do, and what happened; `again`: the next try."""
    kind = "dead letter" if found.is_dead else "waiting entry"
    quoted = f" {text.excerpt(found.item.content)}" if found.item is not None else ""
    output.say_beside("", f"{name} ({found.project or 'no project'}), {kind}{quoted}:")
    output.say_beside(f"  {cause.name}: ", str(cause.sentence), _style(cause))
    _print_remedy(cause.remedy)
    show.print_attempts(history)
    if history and again:
        output.say(f"The next one is {again}.")


def _print_remedy(remedy: Reason) -> None:
    label = "" if asks_nothing(remedy) else "To do: "
    output.say_beside(f"  {label}", str(remedy), Style.HEADING)


def _style(cause: Cause) -> Style:
    return Style.WARNING if cause.by_itself else Style.BAD


def _sum_up(settings: Settings, *, as_json: bool) -> None:
    with output.waiting():
        found = diagnose.sum_up(settings, time.time())
    if as_json:
        groups = [
            {**_as_json(cause), "count": len(group), "example": group[0].id}
            for cause, group in found.groups
        ]
        amiss = [{**_as_json(cause), "count": 0, "example": None} for cause in found.besides]
        output.print_json([*groups, *amiss])
        return
    if not found.dead:
        output.say("There are no dead letters.")
    for cause, group in found.groups:
        example = f", as {found.called[group[0].id]}:"
        output.say_beside(f"{diagnose.number(group)}: {cause.name}", example, _style(cause))
        output.say_beside("  ", str(cause.sentence))
        _print_remedy(cause.remedy)
    for cause in found.besides:
        output.say_beside(f"Also: {cause.name}: ", str(cause.sentence), _style(cause))
        _print_remedy(cause.remedy)
    if found.fresh:
        number = plural(found.fresh, "memory waits", "memories wait")
        output.say(f"{number} in the queue: see `mem0tray list --queue`.")
    if found.nonsense:
        output.say(waiting.nonsense(found.nonsense))
