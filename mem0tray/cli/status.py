"""`mem0tray status`, `stats`, `open` and `report`: how worker and queues are, and what waits."""

import math
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any, Final

import click
from msgspec.structs import asdict

from mem0tray.actions import standing, status_line, waiting, worker_report
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.cli import arguments, output
from mem0tray.cli.output import Fact, Style
from mem0tray.config.server_choice import in_sentence
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.due import GROWS_UNTIL
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PERHAPS
from mem0tray.core.text import plural
from mem0tray.desktop import session

UNKNOWN: Final = "unknown"
_EVERY: Final = 1.0
_ASKS: Final = 30  # turns after which the worker is asked again to see how the server is
_STYLES: Final = {HEALTHY: Style.GOOD, DOWN: Style.BAD, ACTION_NEEDED: Style.BAD}
_AGES: Final = (
    ("under 1 h", 3600.0),
    ("1 h to 1 day", 86_400.0),
    ("1 to 7 days", 604_800.0),
    ("7 to 30 days", 2_592_000.0),
    ("over 30 days", math.inf),
)


@arguments.command(
    "status",
    {
        "mem0tray status": "",
        "mem0tray status --watch": "again every second",
        "mem0tray status --line": "for a prompt",
        "mem0tray status --json | jq .state": "for a program",
    },
)
@arguments.json_option()
@click.option("-w", "--watch", is_flag=True, help="Refresh every second, until Ctrl-C.")
@click.option("--line", is_flag=True, help="Print one short line, even if something is wrong.")
def command(*, as_json: bool, watch: bool, line: bool) -> None:
    """Show worker, server, queue, dead letters and the last delivery.

    Exits with 1 where something could not be read: its count is then "unknown", in JSON null.
    With --line the line says so, and the command exits with 0.
    """
    if as_json + watch + line > 1:
        raise click.UsageError("--json, --watch and --line do not go together.")
    if line:
        output.say(status_line.read(time.time()))
        return
    settings = arguments.load()
    if watch:
        _watch(settings)
    worker_report.ask_to_look(settings.locations())
    now = time.time()
    seen = standing.overview(standing.read(settings, now))
    if as_json:
        output.print_json(as_document(seen))
    else:
        output.print_facts(_facts(seen, now))
    for why in seen.unknown.values():
        raise FileUnavailableError(f"Not everything could be read. {why}")


def _watch(settings: Settings) -> None:
    for turn in count():
        if turn % _ASKS == 0:
            worker_report.ask_to_look(settings.locations())
        now = time.time()
        shown = _facts(standing.overview(standing.read(settings, now)), now)
        click.clear()  # nothing where no terminal is
        output.print_facts(shown)
        output.say("\nCtrl-C ends this.")
        time.sleep(_EVERY)


def _facts(seen: Overview, now: float) -> list[Fact]:
    unsure = "queue" in seen.unknown or "dlq" in seen.unknown
    pause = ""
    if seen.pause is not None:
        until = "`mem0tray resume`" if math.isinf(seen.pause) else text.moment(seen.pause, now)
        pause = f"paused until {until}"
    synced, failed = (seen.totals.get(name) or 0 for name in ("synced", "failed"))
    totals = f"{synced:,} delivered, {failed:,} moved to the DLQ (since the queue file was begun)"
    last = text.moment(seen.last_delivery, now)
    waits = plural(seen.queue or 0, "memory waiting", "memories waiting")
    held = f"{seen.held:,} of these: {waiting.ABOUT_HELD}" if seen.held else ""
    where = ": `mem0tray doctor` says where" if seen.quarantine else ""
    return [
        _worker(seen, now),
        _state(seen),
        Fact("pause", pause, Style.WARNING),
        Fact("server", seen.server),
        Fact("destination", seen.destination),
        _fact("queue", waits, None if seen.queue is None else 0),
        Fact("held", held, Style.WARNING),
        _fact("DLQ", plural(seen.dlq or 0, "dead letter"), seen.dlq),
        _fact("quarantine", f"{plural(seen.quarantine or 0, 'file')}{where}", seen.quarantine),
        _fact("oldest item", text.moment(seen.oldest_waiting, now), None if unsure else 0),
        _fact("last delivery", last, None if "last_delivery" in seen.unknown else 0),
        _fact("totals", totals, None if "totals" in seen.unknown else 0),
        *[
            Fact("elsewhere", _elsewhere(server, number, seen.to_bring_over.get(server, 0)))
            for server, number in seen.only_elsewhere.items()
        ],
    ]


def _fact(name: str, said: str, number: int | None) -> Fact:
    """Make a fact: unknown if there is no number, and worth a look unless that is 0."""
    if number is None:
        return Fact(name, UNKNOWN, Style.BAD)
    return Fact(name, said, Style.WARNING if number else Style.PLAIN)


def _worker(seen: Overview, now: float) -> Fact:
    if seen.worker is None:
        return Fact("worker", f"{NOT_RUNNING}: start it with `mem0tray run`", Style.WARNING)
    process = "" if seen.worker.pid is None else f", process {seen.worker.pid}"
    since = text.moment(seen.worker.since, now)
    return Fact("worker", f"running since {since}{process}", Style.GOOD)


def _state(seen: Overview) -> Fact:
    if seen.state == NOT_RUNNING and not seen.reason:
        return Fact("state", "")  # the worker's line says it
    # "action needed: choose a server: …" reads better than a reason in brackets.
    between = ": " if seen.state == ACTION_NEEDED else " – "
    said = f"{seen.state}{between}{seen.reason}" if seen.reason else seen.state
    if str(seen.reason).startswith(seen.state):  # "paused by you" says both
        said = str(seen.reason)
    is_odd = seen.state == HEALTHY and bool(seen.reason)  # something is not taken in
    style = Style.WARNING if is_odd else _STYLES.get(seen.state, Style.WARNING)
    return Fact("state", said, style)


def _elsewhere(server: str, number: int, to_bring_over: int) -> str:
    where = f"{plural(number, 'memory is', 'memories are')} on {in_sentence(server)}"
    how = f": `mem0tray migrate --from {server}` brings {to_bring_over:,} over"
    return f"{where}, and not on the present server{how if to_bring_over else ''}"


def as_document(seen: Overview) -> dict[str, Any]:
    """Make the document for programs; times in Unix seconds, null for what could not be read."""
    worker, pause = seen.worker, seen.pause
    told = {name: each for name, each in asdict(seen).items() if name not in ("pause", "worker")}
    return {
        "worker": {
            "running": worker is not None,
            "pid": worker.pid if worker else None,
            "since": worker.since if worker else None,
        },
        "paused": pause is not None,
        "paused_until": None if pause is None or math.isinf(pause) else pause,
        "only_on_former_server": told.pop("only_elsewhere"),
        **told,
        "reason": str(seen.reason),
        "unknown": {name: str(why) for name, why in seen.unknown.items()},
    }


# Counts -----------------------------------------------------------------------------------------


@arguments.command("stats", {"mem0tray stats": "", "mem0tray stats --json": "for a program"})
@arguments.json_option()
def stats(*, as_json: bool) -> None:
    """Count dead letters and waiting entries by project, retries and age."""
    with waiting.opened(arguments.load_there()) as seen:
        seen.step.check()
        counts, made = seen.reader.counts(), seen.reader.made()
        retries, projects = seen.reader.by_retries(), seen.reader.by_project()
        nonsense = len(seen.odd)
    arguments.warn_behind(seen.step)
    now = time.time()
    known = [max(0.0, now - each) for each in made if each > 0]
    by_age = Counter(next(name for name, limit in _AGES if age < limit) for age in known)
    by_age[UNKNOWN] = len(made) - len(known)
    dead, fresh, held = len(made), counts.queue if counts else 0, counts.held if counts else 0
    by_retries = {
        f"{number} and more" if number == GROWS_UNTIL else str(number): many
        for number, many in retries.items()
    }
    ages = {name: by_age[name] for name in (*dict(_AGES), UNKNOWN) if by_age[name]}
    if as_json:
        output.print_json(
            {
                "dead": dead,
                "waiting": fresh,
                "held": held,
                "nonsense": nonsense,
                "projects": [
                    {"project_id": each.project, "dead": each.dead, "waiting": each.fresh}
                    for each in projects
                ],
                "retries": by_retries,
                "ages": ages,
                "oldest": max(known, default=None),  # seconds
            }
        )
        return
    rows = [(each.project or "(none)", each.dead, each.fresh) for each in projects]
    for title, table in (("PROJECT", rows), ("RETRIED", by_retries.items()), ("AGE", ages.items())):
        lines = [[str(first), *(f"{number:,}" for number in numbers)] for first, *numbers in table]
        if lines:
            headers = (title, "DEAD LETTERS", "WAITING")[: len(lines[0])]
            output.print_table(headers, lines, right=set(headers) - {"PROJECT"})
            output.say("")
    output.say(f"{plural(dead, 'dead letter')}, {plural(fresh, 'entry waits', 'entries wait')}.")
    if held:
        output.say(f"{held:,} of these held: {PERHAPS}.")
    if nonsense:
        output.say(waiting.nonsense(nonsense))


@arguments.command("open", {"mem0tray open": "shows it in your browser"})
def open_window() -> None:
    """Open the window: how things stand, what waits and why, and what to do about it.

    A page in your browser that lives; a process of its own serves it, on this computer alone, and
    ends a minute after the page was closed.
    """
    from mem0tray.desktop import window  # slow to import, and needed only here

    settings = arguments.load_there()
    if not window.show(settings, session.language(settings.ui.language)):
        raise Mem0TrayError(
            "No browser could be opened here.",
            "`mem0tray status` shows how things stand, `mem0tray recall` what there is.",
        )


@arguments.command(
    "report",
    {
        "mem0tray report --out status.html": "without the texts of memories",
        "mem0tray report --out status.html --with-content": "with them",
    },
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    metavar="FILE.html",
    required=True,
    help="Where to write the page.",
)
@click.option("--with-content", is_flag=True, help="Show texts of memories on the page too.")
def report(out: Path, *, with_content: bool) -> None:
    """Save the page that `mem0tray open` shows, as it is now; its path is printed.

    One HTML file that only you can read. It loads nothing and runs no script.
    """
    if out == Path():
        raise click.UsageError("--out names no file.")
    settings = arguments.load_there()
    from mem0tray.window import page  # slow to import, and needed only for a page

    language = session.language(settings.ui.language)
    output.say(str(page.save(settings, language, out, with_content=with_content)))
