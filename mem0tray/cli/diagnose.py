"""`mem0tray diagnose`: why a memory is stuck, and what to do."""

import time
from typing import Any, Final

import click

from mem0tray.actions import diagnose, look_up, standing, waiting
from mem0tray.actions.diagnose import Cause, Surroundings
from mem0tray.cli import arguments, output, show
from mem0tray.cli.output import Style
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.text import plural, short_id
from mem0tray.ledger.rows import Known
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
        main, *also = diagnose.causes(each, around, last, now, called[each.id])
        documents.append(
            {
                "id": each.id,
                "project_id": each.project,
                "place": "dlq" if each.is_dead else "queue",
                **_as_json(main),
                "also": [_as_json(cause) for cause in also],
                "next_retry": due,
                "history": show.history(history),
            }
        )
        if not as_json:
            kind = "dead letter" if each.is_dead else "waiting entry"
            said = f" {text.excerpt(each.item.content)}" if each.item is not None else ""
            name = f"{called[each.id]} ({each.project or 'no project'})"
            output.say_beside("", f"{name}, {kind}{said}:")
            _print(main, f"  {main.name}: ")
            show.print_attempts(history)
            if history and due > now:
                output.say(f"The next one is {text.due(due, now)}.")
    if as_json:
        output.print_json(documents)


def _print_gone(gone: list[Known], *, as_json: bool) -> None:
    if as_json:  # with those keys of a waiting one that still make sense
        documents = []
        for known in gone:
            name, detail, remedy = look_up.fate(known)
            cause = {"place": name, "cause": name, "detail": detail, "remedy": remedy, "also": []}
            documents.append({"id": known.id, **cause, "closed": known.closed})
        output.print_json(documents)
        return
    for known in gone[:_SHOWN]:
        fate = look_up.fate(known)
        output.say(f"{short_id(known.id)}: {fate.name} {fate.detail}. {fate.remedy}")
    if len(gone) > _SHOWN:
        output.say(f"and {len(gone) - _SHOWN:,} more whose id begins so.")


def _as_json(cause: Cause) -> dict[str, Any]:
    return {"cause": str(cause.name), "detail": str(cause.detail), "remedy": str(cause.remedy)}


def _print(cause: Cause, begin: str, example: str = "") -> None:
    """Print what is wrong, beside its beginning or below it and an example, and what to do."""
    style = Style.WARNING if cause.by_itself else Style.BAD
    output.say_beside(begin, example or str(cause.sentence), style)
    if example:
        output.say_beside("  ", str(cause.sentence))
    label = "" if asks_nothing(cause.remedy) else "To do: "
    output.say_beside(f"  {label}", str(cause.remedy), Style.HEADING)


def _sum_up(settings: Settings, *, as_json: bool) -> None:
    with output.waiting():
        found = diagnose.sum_up(settings, time.time())
    if as_json:
        counted: list[tuple[Cause, int, str | None]] = [
            (cause, len(group), group[0].id) for cause, group, _ in found.groups
        ]
        counted += [(cause, 0, None) for cause in found.besides]
        output.print_json(
            [{**_as_json(cause), "count": n, "example": example} for cause, n, example in counted]
        )
        return
    if not found.dead:
        output.say("There are no dead letters.")
    for cause, group, name in found.groups:
        _print(cause, f"{diagnose.number(group)}: {cause.name}", f", as {name}:")
    for cause in found.besides:
        _print(cause, f"Also: {cause.name}: ")
    if found.fresh:
        number = plural(found.fresh, "memory waits", "memories wait")
        output.say(f"{number} in the queue: see `mem0tray list --queue`.")
    if found.nonsense:
        output.say(waiting.nonsense(found.nonsense))
