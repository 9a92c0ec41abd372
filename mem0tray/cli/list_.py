"""`mem0tray list`: dead letters, or the entries that wait for their first delivery."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from mem0tray.actions import diagnose, standing, waiting
from mem0tray.actions.standing import Part
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem, Identity
from mem0tray.cli import context, memory_words, output
from mem0tray.cli.arguments import project_option
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.core import item as items
from mem0tray.core import times
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import one_line
from mem0tray.ledger.rows import Attempt

_LAST: Final = "LAST ATTEMPT"
_NEXT: Final = "NEXT RETRY"
# Left out where room is short, in this order. A dead letter's first attempts were no retries.
_SPARE: Final = (_LAST, "WAITING SINCE", "RETRIES", "RETRIED", _NEXT, "PROJECT")
_HELD: Final = "held"
_NOT_SENT: Final = "Nothing is sent now"
_TEXT: Final = 60  # characters of a memory's text


@click.command(
    "list",
    cls=Command,
    examples={
        "mem0tray list": "the dead letters",
        "mem0tray list --queue": "what waits for its first delivery",
        "mem0tray list -p garden -n 5": "five of one project",
    },
)
@click.option("-q", "--queue", is_flag=True, help="List waiting entries, not dead letters.")
@click.option(
    "-j", "--json", "as_json", is_flag=True, help="Print one JSON document, with whole ids."
)
@project_option("Only this project.")
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="At most this many.")
def command(*, queue: bool, as_json: bool, project: str | None, limit: int | None) -> None:
    """List the dead letters: retries, last attempt, next retry, beginning of the text, reason.

    With --queue list the entries that wait, and what they wait for.
    """
    settings = context.load_there()
    now = time.time()
    place = QUEUE_LIST if queue else DLQ_LIST
    with waiting.opened(settings) as seen:
        shown = seen.items(place, project, limit)
        total = len(shown) if limit is None else seen.count(place, project)
        nonsense = seen.nonsense(place)
        called = seen.handles(() if as_json else shown)
        attempts = {each.identity: _last(seen.attempts(each)) for each in shown if queue}
    context.warn_behind(seen.step)
    snapshot = standing.read(settings, now, Part.DISK)
    why = diagnose.hindrance(snapshot)
    if as_json:
        output.print_json(
            [_fresh_document(each, now, why, attempts[each.identity]) for each in shown]
            if queue
            else [_dead_document(each) for each in shown]
        )
        return
    rows = [(called[each.id], each) for each in shown]
    if shown:
        columns = _fresh_columns(rows, attempts, now, why) if queue else _dead_columns(rows, now)
        _print_table(columns, with_project=project is None)
    _print_rest(total, len(shown), nonsense, project, queue=queue)
    _print_to_change(rows, attempts)
    _print_why(shown, why, beside=snapshot.beside)


def _last(attempts: Sequence[Attempt]) -> Attempt | None:
    return attempts[-1] if attempts else None


def _dead_document(found: FoundItem) -> dict[str, Any]:
    """The dead letter with the file's own fields and `next_retry` (Unix seconds, 0: now)."""
    return _fields(found) | {"next_retry": diagnose.next_retry(found)}


def _fresh_document(
    found: FoundItem, now: float, why: str, attempt: Attempt | None
) -> dict[str, Any]:
    """The entry with the file's own fields and `next_retry` (Unix seconds, 0: now, null: held).

    `why`: what keeps every entry from being sent. `attempt`: the last failed one.
    """
    value = _fields(found)
    due = diagnose.next_retry(found)
    value["waiting_since"] = _since(found)
    value.setdefault("last_error", diagnose.kept_reason(found, attempt) or None)
    value["held"] = found.is_held
    value["waits_for"] = _waits_for(found, why) or ("its retry" if due > now else None)
    return value | {"next_retry": None if found.is_held else due}


def _fields(found: FoundItem) -> dict[str, Any]:
    """The fields of the item in its file; its id in any case."""
    value: dict[str, Any] = items.load_object(found.raw) or {}
    value.setdefault("id", found.id)
    return value


def _since(found: FoundItem) -> float | None:
    made = found.item.timestamp if found.item is not None else 0.0
    return items.waits_since(found.known.accepted, made) if found.known is not None else None


def _waits_for(found: FoundItem, why: str) -> str:
    return f"{_HELD}: {PERHAPS}" if found.is_held else why


def _dead_columns(rows: Sequence[tuple[str, FoundItem]], now: float) -> dict[str, list[str]]:
    """Headers and cells; `rows` are each item's name in a command, and the item."""
    letters = [(each, each.item) for _, each in rows if each.item is not None]
    return {
        "ID": [name for name, _ in rows],
        "PROJECT": [each.project or "(none)" for each, _ in letters],
        "RETRIED": [f"{item.retry_count:,}" for _, item in letters],
        _LAST: [times.ago(item.last_attempt, now) for _, item in letters],
        _NEXT: [times.due(diagnose.next_retry(each), now) for each, _ in letters],
        "TEXT": [one_line(item.content, _TEXT) for _, item in letters],
        "REASON": [diagnose.last_error(each) for each, _ in letters],
    }


def _fresh_columns(
    rows: Sequence[tuple[str, FoundItem]],
    attempts: Mapping[Identity, Attempt | None],
    now: float,
    why: str,
) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {
        name: [] for name in ("ID", "PROJECT", "RETRIES", "WAITING SINCE", _NEXT, "TEXT", "REASON")
    }
    for name, each in rows:
        held, item = each.is_held, each.item
        error = diagnose.kept_reason(each, attempts.get(each.identity))
        cells = (
            name,
            each.project or "(none)",
            f"{each.known.retries if each.known is not None else 0:,}",
            times.ago(_since(each), now),
            "–" if held else _next(diagnose.next_retry(each), now, why),
            one_line(item.content, _TEXT) if item else "",
            "; ".join(filter(None, (_HELD if held else "", error))),
        )
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    return columns


def _print_table(columns: dict[str, list[str]], *, with_project: bool) -> None:
    """Print a line for each item; `diagnose` has the whole reason."""
    if not with_project:
        del columns["PROJECT"]
    if not any(columns["REASON"]):  # a header above nothing
        del columns["REASON"]
    left_out = output.print_table(
        tuple(columns),
        list(zip(*columns.values(), strict=True)),
        right={"RETRIES", "RETRIED"},
        cut={"PROJECT", "TEXT", "REASON"},
        spare=[name for name in _SPARE if name in columns],
    )
    if left_out:
        output.say(f"No room for {', '.join(left_out)}: see `--json`, or widen.", Style.DIM)


def _next(due: float, now: float, why: str) -> str:
    """When an entry is sent next; unknown if `why` keeps it from going out now."""
    return "–" if why and due <= now else times.due(due, now)


def _print_why(shown: Sequence[FoundItem], why: str, *, beside: bool) -> None:
    """Print what keeps the items shown from being sent, once for all."""
    held = sum(each.is_held for each in shown)
    if why and (held < len(shown) or beside):
        output.say(f"{_NOT_SENT}: {why}", Style.WARNING)
    if held:
        output.say(f"Held: {PERHAPS}: {memory_words.about_held(beside=beside)}.")


def _print_to_change(
    rows: Sequence[tuple[str, FoundItem]], attempts: Mapping[Identity, Attempt | None]
) -> None:
    """Print how many of those shown must be changed for the server, and what to do about one."""
    advice = [
        (name, said)
        for name, each in rows
        if (said := diagnose.to_change(each, attempts.get(each.identity), name))
    ]
    if advice:
        name, said = advice[0]
        more = f" and {len(advice) - 1:,} more" if len(advice) > 1 else ""
        output.say(f"To change: {name}{more}. {said}", Style.WARNING)


def _print_rest(total: int, shown: int, nonsense: int, project: str | None, *, queue: bool) -> None:
    """Print what the table does not show."""
    if not total:
        of = "" if project is None else f" of {one_line(project, 80)}"
        output.say(f"Nothing{of} waits." if queue else f"There are no dead letters{of}.")
    elif shown < total:
        output.say(f"… and {total - shown:,} more.")
    if nonsense:
        output.say(memory_words.nonsense(nonsense))
