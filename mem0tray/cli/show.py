"""`mem0tray list`, `show` and `diagnose`: what waits, one with its history, and why it is stuck."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from mem0tray.actions import diagnose, look_up, standing, waiting
from mem0tray.actions.diagnose import Cause, Surroundings
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem
from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.config.server_choice import in_sentence
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import text
from mem0tray.core.item import Kind
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import lines, one_line, plural, short_id
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.server.remedy import asks_nothing

# A dead letter's first attempts were no retries.
_DEAD: Final = ("ID", "PROJECT", "RETRIED", "LAST ATTEMPT", "NEXT RETRY", "TEXT", "REASON")
_FRESH: Final = ("ID", "PROJECT", "RETRIES", "WAITING SINCE", "NEXT RETRY", "TEXT", "REASON")
_TEXT: Final = 60  # characters of a memory's text
_PLACES: Final = {
    "dlq": "a dead letter: it is tried again automatically",
    "queue": "waiting for its delivery",
    "quarantine": "in quarantine: `mem0tray restore --list` shows how to put it back",
    "edited": "replaced by another text: an edit",
}
# The ledger's words for kinds are meant for programs.
_IN_WORDS: Final[Mapping[str, str]] = {
    Kind.OUTAGE: "server down",
    Kind.SLOW_DOWN: "server busy",
    Kind.ITEM_FAILURE: "failed",
    Kind.UNAUTHORIZED: "key refused",
    Kind.FORBIDDEN: "refused",
    Kind.NO_ANSWER: "no whole answer",
    Kind.ASKED_IN_VAIN: "asked in vain whether it is there",
    Kind.NOT_SENDABLE: "never sent",
}
_ATTEMPTS_SHOWN: Final = 10  # attempts of a history


@arguments.command(
    "list",
    {
        "mem0tray list": "the dead letters",
        "mem0tray list --queue": "what waits for its first delivery",
        "mem0tray list -p garden -n 5": "five of one project",
    },
)
@click.option("-q", "--queue", is_flag=True, help="List waiting entries, not dead letters.")
@arguments.json_option("Print one JSON document, with whole ids.")
@arguments.project_option("Only this project.")
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="At most this many.")
def list_(*, queue: bool, as_json: bool, project: str | None, limit: int | None) -> None:
    """List the dead letters: retries, last attempt, next retry, beginning of the text, reason.

    With --queue list the entries that wait, and what they wait for.
    """
    settings = arguments.load_there()
    now = time.time()
    place = QUEUE_LIST if queue else DLQ_LIST
    with waiting.opened(settings) as seen:
        shown = seen.items(place, project, limit)
        state = items.FRESH if queue else items.DEAD
        total = len(shown) if limit is None else seen.reader.count(state, project)
        nonsense = 0 if queue else len(seen.odd)
        called = seen.handles(() if as_json else shown)
        shown = [seen.with_attempts(each) for each in shown] if queue else shown
    arguments.warn_behind(seen.step)
    why = standing.hindrance(standing.glance(settings, now))
    if as_json:
        output.print_json([_item(each, now, why) for each in shown])
        return
    if shown:
        rows = [_row(called[each.id], each, now, why) for each in shown]
        right, cut = {"RETRIES", "RETRIED"}, {"PROJECT", "TEXT", "REASON"}
        output.print_table(_FRESH if queue else _DEAD, rows, right, cut=cut)
    if not total:
        of = "" if project is None else f" of {one_line(project, 80)}"
        output.say(f"Nothing{of} waits." if queue else f"There are no dead letters{of}.")
    elif len(shown) < total:
        output.say(f"… and {total - len(shown):,} more.")
    if nonsense:
        output.say(waiting.nonsense(nonsense))
    if why and shown:
        output.say(f"Nothing is sent now: {why}", Style.WARNING)
    if any(each.is_held for each in shown):
        output.say(f"Held: {waiting.ABOUT_HELD}.")


def _item(found: FoundItem, now: float, why: str) -> dict[str, Any]:
    value: dict[str, Any] = items.load_object(found.raw) or {}
    value.setdefault("id", found.id)
    due = found.due
    if not found.is_dead:
        value.setdefault("last_error", str(diagnose.why_failed(found, found.last_attempt)) or None)
        value["waiting_since"] = found.since
        value["held"] = found.is_held
        waits_for = f"held: {PERHAPS}" if found.is_held else why
        value["waits_for"] = waits_for or ("its retry" if due > now else None)
    return value | {"next_retry": None if found.is_held else due}


def _row(name: str, found: FoundItem, now: float, why: str) -> tuple[str, ...]:
    """Make the cells; when an entry is sent is unknown if `why` keeps it from going out now."""
    item, due = found.item, found.due
    if found.is_dead:
        number, at = (item.retry_count, item.last_attempt) if item is not None else (0, None)
    else:
        number, at = found.known.retries if found.known is not None else 0, found.since
    unknown = found.is_held or bool(why and due <= now and not found.is_dead)
    kept = str(diagnose.why_failed(found, found.last_attempt))
    return (
        name,
        found.project or "(none)",
        f"{number:,}",
        text.ago(at, now),
        text.NEVER if unknown else text.due(due, now),
        one_line(item.content, _TEXT) if item is not None else "",
        "; ".join(filter(None, ("held" if found.is_held else "", kept))),
    )


# One memory -------------------------------------------------------------------------------------


@arguments.command(
    "show",
    {
        "mem0tray show 04f96029": "for people",
        "mem0tray show -j 04f96029": "the text as it is, for programs",
    },
)
@click.argument("name", metavar="ID", shell_complete=arguments.ids)
@arguments.json_option("Print one JSON document, the text as it is.")
def command(name: str, *, as_json: bool) -> None:
    """Show one memory: its text, where it is, and its failed attempts.

    Of a delivered memory the ledger keeps hash, server and time; the text is shown as long as
    another file still holds it. An attempt that ended with "server down", "server busy", "key
    refused" or "asked in vain" does not count as long as others meet the same.
    """
    versions = look_up.look_up(arguments.load_there(), name)
    now = time.time()
    if as_json:
        first, *others = [_document(each) for each in versions]
        output.print_json({**first, "versions": others})
        return
    for at, each in enumerate(versions):
        if at:
            output.say("")
            output.say(f"Another text of {short_id(each.id)}:", Style.HEADING)
        _print(each, now)


def _document(version: FoundItem) -> dict[str, Any]:
    fields, known = items.load_object(version.raw) or {}, version.known
    last = version.last_attempt
    waits = version.waits and not _never_sent(version)
    return {
        "id": version.id,
        "project_id": version.project or None,
        "place": version.where,
        "content": version.content,
        "left_in": list(version.left_in),
        "hash": known.digest.hex() if known is not None else None,
        "timestamp": fields.get("timestamp"),
        "retries": known.retries if known is not None else fields.get("retries"),
        "retry_count": fields.get("retry_count"),
        "last_attempt": fields.get("last_attempt"),
        "last_error": str(diagnose.why_failed(version, last)) or None,
        "remedy": (diagnose.to_change(version, last) if version.waits else "") or None,
        "next_retry": version.due if waits else None,
        "taken_in": known.accepted if known is not None else None,
        "closed": known.closed if known is not None else None,
        "server": known.server if known is not None else None,
        "deliveries": [{"server": server, "at": at} for server, at in version.deliveries],
        "history": _history(version.attempts),
    }


def _print(version: FoundItem, now: float) -> None:
    told, is_dead = _document(version), version.where == "dlq"
    is_delivered, due = version.where == items.DELIVERED, told["next_retry"]
    output.print_facts(
        [
            ("id", version.id),
            ("project", version.project or "(none)"),
            ("where", _where(version)),
            *[
                ("before", f"delivered to {in_sentence(each)} on {text.moment(at)}")
                for each, at in version.deliveries
                if not is_delivered or each != told["server"]
            ],
            ("written", text.moment(items.number(told["timestamp"]), now)),
            ("taken in", text.moment(told["taken_in"], now)),
            ("retried", str(items.count(told["retry_count"])) if is_dead else ""),
            ("next retry", text.due(due, now) if is_dead and due is not None else ""),
            ("reason", "" if is_delivered else told["last_error"] or ""),
            ("to do", told["remedy"] or ""),
            ("hash", told["hash"] if is_delivered else ""),
        ]
    )
    _print_attempts(version.attempts)
    if version.left_in:
        output.say(
            f"The ledger keeps its text no longer; still there in {', '.join(version.left_in)}:"
            f" `mem0tray delete --forget {short_id(version.id)}` erases it."
        )
    if version.content is None:
        output.say("It has no text." if version.raw else "Its text is no longer kept.")
        return
    shown = lines(version.content)  # a terminal obeys nothing in it
    output.say("")
    click.echo(shown if shown.strip() else "(blanks only)" if shown else "(empty)")


def _where(version: FoundItem) -> str:
    known, why = version.known, _never_sent(version)
    if known is not None and version.is_over and known.reason != items.EDITED:
        fate = look_up.fate(known)
        return f"{fate.name} {fate.detail}. {fate.remedy}"
    if version.waits and why:
        return f"never sent: {why}"
    if known is not None and version.is_held and version.waits:
        return f"held: {diagnose.cause_held(known).detail}"
    return _PLACES[version.where]


def _never_sent(version: FoundItem) -> str:
    item = version.item
    return "" if item is None or item.project.strip() else "it names no project"


# Its history ------------------------------------------------------------------------------------


def _history(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    fields = ("at", "status", "message", "duration", "request")
    return [
        {"class": each.kind, **{name: getattr(each, name) for name in fields}} for each in attempts
    ]


def _print_attempts(attempts: Sequence[Attempt]) -> None:
    if not attempts:
        return
    more = f", the last {_ATTEMPTS_SHOWN} of them" if len(attempts) > _ATTEMPTS_SHOWN else ""
    output.say(f"{plural(len(attempts), 'failed attempt')} in the ledger{more}:")
    for attempt in attempts[-_ATTEMPTS_SHOWN:]:
        message = attempt.message or "erased with the text"
        named = f", request {attempt.request}" if attempt.request else ""
        said = f"{_IN_WORDS.get(attempt.kind, attempt.kind)}: {message}"
        took = f" ({attempt.duration:.2f} s{named})"
        output.say_beside(f"  {text.clock(attempt.at)}  ", said + took, Style.DIM)


# Why it is stuck --------------------------------------------------------------------------------


@arguments.command(
    "diagnose",
    {
        "mem0tray diagnose": "all that are stuck, by cause",
        "mem0tray diagnose 04f96029": "one, with its history",
    },
)
@click.argument("name", required=False, metavar="[ID]", shell_complete=arguments.ids)
@arguments.json_option()
def diagnose_(name: str | None, *, as_json: bool) -> None:
    """Say why an item is stuck; without an ID, sum up all that have failed, by cause.

    For an item that was delivered or deleted it says when, and where to.
    """
    settings = arguments.load_there()
    if name is None:
        _sum_up(settings, as_json=as_json)
        return
    with waiting.opened(settings) as seen:
        found = look_up.here(seen, name)
        chosen = list(map(seen.with_attempts, found.waits))
        called = seen.handles(chosen or found.over)
    arguments.warn_behind(seen.step)
    if not chosen:
        _print_gone(found.over, called, as_json=as_json)
        return
    with output.waiting():
        around = Surroundings.ask(settings, standing.read(settings, time.time()))
    now = time.time()
    documents = []
    for each in chosen:
        due, last = each.due, each.last_attempt
        main, *also = diagnose.causes(each, around, last, now, called[each.id])
        documents.append(
            {
                "id": each.id,
                "project_id": each.project,
                "place": "dlq" if each.is_dead else "queue",
                **_as_json(main),
                "also": [_as_json(cause) for cause in also],
                "next_retry": due,
                "history": _history(each.attempts),
            }
        )
        if not as_json:
            kind = "dead letter" if each.is_dead else "waiting entry"
            said = f" {text.excerpt(each.item.content)}" if each.item is not None else ""
            name = f"{called[each.id]} ({each.project or 'no project'})"
            output.say_beside("", f"{name}, {kind}{said}:")
            _print_cause(main, f"  {main.name}: ")
            _print_attempts(each.attempts)
            if each.attempts and due > now:
                output.say(f"The next one is {text.due(due, now)}.")
    if as_json:
        output.print_json(documents)


def _print_gone(gone: Sequence[Known], called: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:  # with those keys of a waiting one that still make sense
        documents = []
        for known in gone:
            name, detail, remedy = look_up.fate(known)
            cause = {"place": name, "cause": name, "detail": detail, "remedy": remedy, "also": []}
            documents.append({"id": known.id, **cause, "closed": known.closed})
        output.print_json(documents)
        return
    for known in gone:
        fate = look_up.fate(known)
        output.say(f"{called[known.id]}: {fate.name} {fate.detail}. {fate.remedy}")


def _as_json(cause: Cause) -> dict[str, Any]:
    return {"cause": str(cause.name), "detail": str(cause.detail), "remedy": str(cause.remedy)}


def _print_cause(cause: Cause, begin: str, example: str = "") -> None:
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
        _print_cause(cause, f"{diagnose.number(group)}: {cause.name}", f", as {name}:")
    for cause in found.besides:
        _print_cause(cause, f"Also: {cause.name}: ")
    if found.fresh:
        number = plural(found.fresh, "memory waits", "memories wait")
        output.say(f"{number} in the queue: see `mem0tray list --queue`.")
    if found.nonsense:
        output.say(waiting.nonsense(found.nonsense))
