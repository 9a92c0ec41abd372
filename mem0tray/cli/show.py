"""`mem0tray show`: one memory with its text and history."""

import shutil
import sys
import time
from typing import Any, Final

import click

from mem0tray.actions import diagnose, look_up
from mem0tray.actions.look_up import Version
from mem0tray.cli import arguments, context, memory_words, output
from mem0tray.cli.command_help import Command
from mem0tray.config.server_choice import former_in_words, in_words
from mem0tray.core import item as items
from mem0tray.core import times
from mem0tray.core.text import lines, short_id
from mem0tray.ledger.rows import Known

_PLACES: Final = {
    "dlq": "a dead letter: it is tried again automatically",
    "queue": "waiting for its first delivery",
    "quarantine": "in quarantine: `mem0tray restore --list` shows how to put it back",
    "edited": "replaced by another text: an edit",
}
_WAITS: Final = ("dlq", "queue")


@click.command(
    "show",
    cls=Command,
    examples={
        "mem0tray show 04f96029": "for people",
        "mem0tray show -j 04f96029": "the text as it is, for programs",
    },
)
@click.argument("name", metavar="ID", shell_complete=arguments.ids)
@click.option(
    "-j", "--json", "as_json", is_flag=True, help="Print one JSON document, the text as it is."
)
def command(name: str, *, as_json: bool) -> None:
    """Show one memory: its text, where it is, and its failed attempts.

    ID may be shortened as long as it names one memory. For a delivered memory the
    ledger keeps hash, server and time, not the text; the text is shown as long as
    another file still holds it, such as `last_100`.

    An attempt that ended with "server down", "server busy", "key refused" or "asked in
    vain" does not count against the memory as long as others meet the same.
    """
    versions = look_up.look_up(context.load_there(), name)
    now = time.time()
    if as_json:
        first, *others = [_document(each) for each in versions]
        output.print_json({**first, "versions": others})
        return
    first_version, *rest = versions
    _print(first_version, now)
    for each in rest:
        output.say("")
        output.say(f"Another text of {short_id(each.found.id)}:", output.Style.HEADING)
        _print(each, now)


def _document(version: Version) -> dict[str, Any]:
    fields, known = look_up.fields(version), version.known
    waits = version.place in _WAITS and not _never_sent(version)
    return {
        "id": version.found.id,
        "project_id": version.found.project or None,
        "place": version.place,
        "content": version.content,
        "left_in": list(version.left_in),
        "hash": known.digest.hex() if known is not None else None,
        "timestamp": fields.get("timestamp"),
        "retries": known.retries if known is not None else fields.get("retries"),
        "retry_count": fields.get("retry_count"),
        "last_attempt": fields.get("last_attempt"),
        "last_error": _reason(version) or None,
        "remedy": _remedy(version) or None,
        "next_retry": diagnose.next_retry(version.found) if waits else None,
        "taken_in": known.accepted if known is not None else None,
        "closed": known.closed if known is not None else None,
        "server": known.server if known is not None else None,
        "deliveries": [{"server": server, "at": at} for server, at in version.deliveries],
        "history": [
            {
                "at": attempt.at,
                "class": attempt.kind,
                "status": attempt.status,
                "message": attempt.message,
                "duration": attempt.duration,
                "request": attempt.request,
            }
            for attempt in version.attempts
        ],
    }


def _reason(version: Version) -> str:
    last = version.attempts[-1] if version.attempts else None
    return diagnose.kept_reason(version.found, last)


def _remedy(version: Version) -> str:
    """What must be changed in the memory before the server takes it; empty if nothing must."""
    if version.place not in _WAITS:
        return ""
    last = version.attempts[-1] if version.attempts else None
    return diagnose.to_change(version.found, last)


def _print(version: Version, now: float) -> None:
    known, fields = version.known, look_up.fields(version)
    delivered = version.place == items.DELIVERED
    output.print_facts(
        [
            ("id", version.found.id),
            ("project", version.found.project or "(none)"),
            ("where", _where(version)),
            *[("before", _before(*each)) for each in _former_deliveries(version)],
            ("written", _moment(fields.get("timestamp"), now)),
            ("taken in", _moment(known.accepted if known is not None else None, now)),
            ("retried", str(items.count(fields.get("retry_count"))) if _is_dead(version) else ""),
            ("next retry", _next(version, now)),
            ("reason", "" if delivered else _reason(version)),
            ("to do", _remedy(version)),
            ("hash", known.digest.hex() if delivered and known is not None else ""),
        ]
    )
    memory_words.print_attempts(version.attempts)
    if version.left_in:
        output.say(
            f"The ledger keeps its text no longer; still there in {', '.join(version.left_in)}:"
            f" `mem0tray delete --forget {short_id(version.found.id)}` erases it."
        )
    if version.content is None:
        output.say("It has no text." if version.found.raw else "Its text is no longer kept.")
    else:
        _print_text(version.content)


def _print_text(text: str) -> None:
    """Print the text so that a terminal obeys nothing in it; a long one page by page."""
    shown = lines(text)
    output.say("")
    if not shown.strip():
        output.say("(empty)" if not shown else "(blanks only)")
    elif _is_long(shown):
        click.echo_via_pager(shown)
    else:
        click.echo(shown)


def _is_long(text: str) -> bool:
    """Whether the text needs more lines than the terminal has."""
    if not (sys.stdout.isatty() and _has_reader()):
        return False
    size = shutil.get_terminal_size()
    return sum(1 + len(line) // size.columns for line in text.split("\n")) > size.lines - 2


def _has_reader() -> bool:
    """Whether somebody is there to turn pages."""
    return sys.stdin.isatty()


def _is_dead(version: Version) -> bool:
    return version.place == "dlq"


def _where(version: Version) -> str:
    known = version.known
    if version.place == items.DELIVERED and known is not None:
        return f"delivered to {in_words(known.server)} on {times.moment(known.closed)}"
    if version.place == "deleted" and known is not None:
        return _deleted(known)
    why = _never_sent(version)
    if why and version.place in _WAITS:
        kind = "a dead letter" if _is_dead(version) else "a waiting entry"
        return f"{kind} that is never sent: {why}"
    if known is not None and known.is_held and version.place == "queue":
        return f"held: {diagnose.why_held(known)}"
    if version.place == "queue" and version.deliveries:
        return "waiting for its delivery to the present server"
    return _PLACES.get(version.place, version.place)


def _former_deliveries(version: Version) -> list[tuple[str, float]]:
    """The deliveries to servers other than the one that `_where` names."""
    now = version.known.server if version.known is not None else None
    if version.place != items.DELIVERED:
        now = None
    return [each for each in version.deliveries if each[0] != now]


def _before(server: str, at: float) -> str:
    return f"delivered to {former_in_words(server)} on {times.moment(at)}"


def _deleted(known: Known) -> str:
    if known.reason == "forgotten":
        return f"deleted for good on {times.moment(known.closed)}"
    return (
        f"deleted on {times.moment(known.closed)}:"
        " `mem0tray restore --list` shows how to put it back"
    )


def _never_sent(version: Version) -> str:
    """Why this content of a file is never sent to any server; else nothing."""
    item = version.found.item
    if item is None:
        return "its content is no text" if version.found.raw else ""
    return "" if item.project.strip() else "it names no project"


def _next(version: Version, now: float) -> str:
    if not _is_dead(version) or _never_sent(version):
        return ""
    due = diagnose.next_retry(version.found)
    return times.moment(due) if due - now >= 1 else times.due(due, now)


def _moment(at: object, now: float) -> str:
    return times.moment(items.number(at), now) if at else ""
