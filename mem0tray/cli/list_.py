"""`mem0tray list`: dead letters, or the entries that wait for their first delivery."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from mem0tray.actions import (
    dead_letters,
    diagnose,
    fresh_entries,
    read_files,
    snapshot_reader,
    surroundings,
)
from mem0tray.actions.find import FileListing, FoundItem, Identity, everything, handles, listing
from mem0tray.actions.fresh_entries import FreshEntries
from mem0tray.actions.snapshot import Part, Snapshot
from mem0tray.cli import context, memory_words, output, times
from mem0tray.cli.command_help import Command
from mem0tray.cli.given import project_option, whole_number
from mem0tray.cli.output import Style
from mem0tray.core import item as items
from mem0tray.core.text import one_line, short_id
from mem0tray.ledger.known import Attempt, Known, Wait
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.taken_by_others import PERHAPS
from mem0tray.server.answers import brief

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
@click.option("-n", "--limit", callback=whole_number(1), metavar="N", help="At most this many.")
def command(*, queue: bool, as_json: bool, project: str | None, limit: int | None) -> None:
    """List the dead letters: retries, last attempt, next retry, beginning of the text, reason.

    With --queue list the entries that wait, and what they wait for.
    """
    settings = context.load_there()
    paths = settings.locations()
    now = time.time()
    snapshot = snapshot_reader.read(settings, now, Part.DISK)
    fresh, attempts = _fresh(snapshot) if queue else (None, {})
    known = fresh.known if fresh is not None else {}
    seen = fresh.listing if fresh is not None else _dead(snapshot)
    found = [each for each in seen.found if each.item is not None]
    if project is not None:
        found = [each for each in found if each.project == project]
    shown = found[:limit]
    waits = {} if queue else _waits(snapshot, None if limit is None else shown)
    why = surroundings.hindrance(snapshot)
    if as_json:
        output.print_json(
            [
                _fresh_document(
                    each, known.get(each.identity), now, why, attempts.get(each.identity)
                )
                for each in shown
            ]
            if queue
            else [_dead_document(each, waits.get(each.identity), now) for each in shown]
        )
        return
    rows: list[tuple[str, FoundItem]] = []
    if shown:
        others = read_files.DLQ_LIST if queue else read_files.QUEUE_LIST
        called = handles([*everything(paths, (others,)), *seen.found])
        rows = [(called.get(each.id, short_id(each.id)), each) for each in shown]
        columns = (
            _fresh_columns(rows, known, attempts, now, why)
            if queue
            else _dead_columns(rows, waits, now)
        )
        _print_table(columns, with_project=project is None)
    _print_rest(len(found), len(shown), seen.nonsense, project, queue=queue)
    _print_to_change(rows, known, attempts)
    _print_why(shown, known, why, beside=snapshot.beside)


def _dead(snapshot: Snapshot) -> FileListing:
    with Reader(snapshot.paths.ledger) as reader:
        letters = dead_letters.look(snapshot.paths, reader, snapshot.server.name)
    return listing(letters, read_files.DLQ_LIST)


def _waits(snapshot: Snapshot, shown: Sequence[FoundItem] | None) -> dict[Identity, Wait]:
    """The ledger's waits of the dead letters shown, or of all that do not wait by their backoff."""
    with Reader(snapshot.paths.ledger) as reader:
        if shown is None:
            return reader.many.other_waits()
        return reader.many.waits([each.identity for each in shown])


def _fresh(snapshot: Snapshot) -> tuple[FreshEntries, dict[tuple[str, bytes], Attempt]]:
    """The fresh entries, and the last attempt of each that was tried."""
    with Reader(snapshot.paths.ledger) as reader:
        found = fresh_entries.look(snapshot.paths, reader, snapshot.server.name)
        return found, reader.last_attempts()


def _dead_document(found: FoundItem, wait: Wait | None, now: float) -> dict[str, Any]:
    """The dead letter with the file's own fields and `next_retry` (Unix seconds, 0: now)."""
    return _fields(found) | {"next_retry": diagnose.dead_retry(found, wait, now)}


def _fresh_document(
    found: FoundItem, known: Known | None, now: float, why: str, attempt: Attempt | None
) -> dict[str, Any]:
    """The entry with the file's own fields and `next_retry` (Unix seconds, 0: now, null: held).

    `why`: what keeps every entry from being sent. `attempt`: the last failed one.
    """
    value = _fields(found)
    due = diagnose.next_retry(found, known, now)
    value["waiting_since"] = _since(found, known)
    value.setdefault("last_error", diagnose.kept_reason(found, known, attempt) or None)
    value["held"] = _is_held(known)
    value["waits_for"] = _waits_for(known, why) or ("its retry" if due > now else None)
    return value | {"next_retry": None if _is_held(known) else due}


def _fields(found: FoundItem) -> dict[str, Any]:
    """The fields of the item in its file; its id in any case."""
    value: dict[str, Any] = items.load_object(found.raw) or {}
    value.setdefault("id", found.id)
    return value


def _is_held(known: Known | None) -> bool:
    return known is not None and known.is_held


def _since(found: FoundItem, known: Known | None) -> float | None:
    made = found.item.timestamp if found.item is not None else None
    if known is not None:
        return items.waits_since(known.accepted, made or 0.0)
    return made


def _waits_for(known: Known | None, why: str) -> str:
    if _is_held(known):
        return f"{_HELD}: {PERHAPS}"
    return why


def _dead_columns(
    rows: Sequence[tuple[str, FoundItem]], waits: Mapping[Identity, Wait], now: float
) -> dict[str, list[str]]:
    """Headers and cells; `rows` are each item's name in a command, and the item."""
    letters = [(each, each.item) for _, each in rows if each.item is not None]
    return {
        "ID": [name for name, _ in rows],
        "PROJECT": [each.project or "(none)" for each, _ in letters],
        "RETRIED": [f"{item.retry_count:,}" for _, item in letters],
        _LAST: [times.ago(item.last_attempt, now) for _, item in letters],
        _NEXT: [
            times.due(diagnose.dead_retry(each, waits.get(each.identity), now), now)
            for each, _ in letters
        ],
        "TEXT": [one_line(item.content, _TEXT) for _, item in letters],
        "REASON": [brief(diagnose.last_error(each)) for each, _ in letters],
    }


def _fresh_columns(
    rows: Sequence[tuple[str, FoundItem]],
    known: dict[tuple[str, bytes], Known],
    attempts: Mapping[tuple[str, bytes], Attempt],
    now: float,
    why: str,
) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {
        name: [] for name in ("ID", "PROJECT", "RETRIES", "WAITING SINCE", _NEXT, "TEXT", "REASON")
    }
    for name, each in rows:
        row, item = known.get(each.identity), each.item
        retries = row.retries if row else item.retries if item else 0
        error = brief(diagnose.kept_reason(each, row, attempts.get(each.identity)))
        cells = (
            name,
            each.project or "(none)",
            f"{retries:,}",
            times.ago(_since(each, row), now),
            "–" if _is_held(row) else _next(diagnose.next_retry(each, row, now), now, why),
            one_line(item.content, _TEXT) if item else "",
            "; ".join(filter(None, (_HELD if _is_held(row) else "", error))),
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


def _print_why(
    shown: Sequence[FoundItem],
    known: Mapping[tuple[str, bytes], Known],
    why: str,
    *,
    beside: bool,
) -> None:
    """Print what keeps the items shown from being sent, once for all."""
    held = sum(_is_held(known.get(each.identity)) for each in shown)
    if why and (held < len(shown) or beside):
        output.say(f"{_NOT_SENT}: {why}", Style.WARNING)
    if held:
        output.say(f"Held: {PERHAPS}: {memory_words.about_held(beside=beside)}.")


def _print_to_change(
    rows: Sequence[tuple[str, FoundItem]],
    known: Mapping[tuple[str, bytes], Known],
    attempts: Mapping[tuple[str, bytes], Attempt],
) -> None:
    """Print how many of those shown must be changed for the server, and what to do about one."""
    advice = [
        (name, said)
        for name, each in rows
        if (
            said := diagnose.to_change(
                each, attempts.get(each.identity), known.get(each.identity), name
            )
        )
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
