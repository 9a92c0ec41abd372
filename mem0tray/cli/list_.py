"""`mem0tray list`: dead letters, or the entries that wait for their first delivery."""

import time
from collections.abc import Sequence
from typing import Any

import click

from mem0tray import item as items
from mem0tray.actions import diagnose, files
from mem0tray.actions.find import Found, listing
from mem0tray.cli import candidates, context, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.values import whole_number
from mem0tray.ledger.reader import Known, Reader
from mem0tray.ledger.taken import PERHAPS
from mem0tray.paths import Paths
from mem0tray.text import one_line, plural, short_id


@click.command(
    "list",
    cls=Command,
    examples={
        "mem0tray list": "the dead letters",
        "mem0tray list --queue": "what waits for its first delivery",
        "mem0tray list -p garden -n 5": "five of one project",
    },
)
@click.option("-q", "--queue", is_flag=True, help="The entries that wait, not the dead letters.")
@click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document, with whole ids.")
@click.option(
    "-p", "--project", metavar="P", shell_complete=candidates.projects, help="Of this project only."
)
@click.option("-n", "--limit", callback=whole_number(1), metavar="N", help="At most so many.")
def command(*, queue: bool, as_json: bool, project: str | None, limit: int | None) -> None:
    """List the dead letters: retries, last attempt, next retry, reason."""
    paths = context.load_there().locations()
    raws = files.waiting_entries(paths) if queue else files.dead_letters(paths)
    seen = listing(raws, files.QUEUE if queue else files.DLQ)
    found = [each for each in seen.found if each.item is not None]
    if project is not None:
        found = [each for each in found if each.project == project]
    shown = found[:limit]
    now = time.time()
    known = _waiting(paths) if queue else {}
    if as_json:
        output.print_json([document(each, known.get(each.identity), now) for each in shown])
        return
    if shown and queue:
        _print_waiting(shown, known, now)
    elif shown:
        _print_dead(shown, now)
    _print_rest(len(found), len(shown), seen.nonsense, project, queue=queue)


def _waiting(paths: Paths) -> dict[tuple[str, bytes], Known]:
    with Reader(paths.ledger) as reader:
        return reader.waiting()


def document(found: Found, known: Known | None, now: float) -> dict[str, Any]:
    """The item with the file's own fields and `next_retry` (Unix seconds, 0: now)."""
    value: dict[str, Any] = items.load_object(found.raw) or {}
    value.setdefault("id", found.id)
    if not found.is_dead:
        value["waiting_since"] = _since(found, known)
        value.setdefault("last_error", known.last_error if known else None)
        value["held"] = known is not None and known.is_held
    return value | {"next_retry": diagnose.next_retry(found, known, now)}


def _since(found: Found, known: Known | None) -> float | None:
    if known is not None:
        return known.accepted
    return found.item.timestamp if found.item is not None else None


def _print_dead(found: list[Found], now: float) -> None:
    rows = [
        (
            short_id(each.id),
            each.project or "(none)",
            f"{each.item.retry_count:,}",
            output.ago(each.item.last_attempt, now),
            when(diagnose.next_retry(each, None, now), now),
            diagnose.last_error(each),
        )
        for each in found
        if each.item is not None
    ]
    headers = ("ID", "PROJECT", "RETRIES", "LAST ATTEMPT", "NEXT RETRY", "REASON")
    _print_table(headers, rows, ("LAST ATTEMPT", "NEXT RETRY", "RETRIES"))


def _print_waiting(found: list[Found], known: dict[tuple[str, bytes], Known], now: float) -> None:
    rows = []
    for each in found:
        row = known.get(each.identity)
        retries = row.retries if row else each.item.retries if each.item else 0
        reason = (row.last_error if row else None) or diagnose.last_error(each)
        if row is not None and row.is_held:
            reason = f"held: {PERHAPS}"
        since = output.ago(_since(each, row), now)
        rows.append((short_id(each.id), each.project or "(none)", f"{retries:,}", since, reason))
    headers = ("ID", "PROJECT", "RETRIES", "WAITING SINCE", "REASON")
    _print_table(headers, rows, ("WAITING SINCE", "RETRIES"))


def _print_table(
    headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], spare: tuple[str, ...]
) -> None:
    """A line for each item; `diagnose` has the whole reason."""
    output.print_table(headers, rows, right={"RETRIES"}, cut={"PROJECT", "REASON"}, spare=spare)


def when(due: float, now: float) -> str:
    """`in 5 min`, or `now`."""
    return output.ago(due, now) if due > now else "now"


def _print_rest(total: int, shown: int, nonsense: int, project: str | None, *, queue: bool) -> None:
    """What the table does not show."""
    if not total:
        of = "" if project is None else f" of {one_line(project, 80)}"
        output.say(f"Nothing{of} waits." if queue else f"There are no dead letters{of}.")
    elif shown < total:
        output.say(f"… and {total - shown:,} more.")
    if nonsense:
        verb = "makes" if nonsense == 1 else "make"
        output.say(f"{plural(nonsense, 'further thing')} in the file {verb} no sense; kept as is.")
