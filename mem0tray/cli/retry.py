"""`mem0tray retry`: dead letters are due at once."""

import math

import click

from mem0tray.actions import retry
from mem0tray.actions.probe import probe
from mem0tray.actions.requests import worker_runs
from mem0tray.cli import candidates, context, output
from mem0tray.cli.command_help import Command
from mem0tray.errors import FileUnavailableError
from mem0tray.item import Item
from mem0tray.paths import Paths
from mem0tray.settings import LOCAL_URL, Settings
from mem0tray.text import one_line, plural, short_id
from mem0tray.worker import pauses

_SHOWN = 5


@click.command(
    "retry",
    cls=Command,
    examples={
        "mem0tray retry 04f96029": "one",
        "mem0tray retry -p garden": "all of a project",
        "mem0tray retry --all": "all",
    },
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=candidates.dead_ids)
@click.option(
    "-p",
    "--project",
    metavar="P",
    shell_complete=candidates.projects,
    help="All of this project.",
)
@click.option("-a", "--all", "everything", is_flag=True, help="All of them.")
def command(ids: tuple[str, ...], project: str | None, *, everything: bool) -> None:
    """Retry dead letters now, by id (or the beginning of one), by project, or all.

    Entries that are held, because another worker has perhaps delivered them, are sent too.
    """
    if sum((bool(ids), project is not None, everything)) != 1:
        raise click.UsageError("Name ids, or give either --project or --all.")
    settings = context.load_there()
    paths = settings.locations()
    held = {each.identity for each in retry.held_entries(paths)}
    if everything:
        chosen = retry.retry_all(paths)
    elif project is not None:
        chosen = retry.retry_project(paths, project)
    else:
        chosen = retry.retry_ids(paths, ids)
    if not chosen:
        where = f" of {one_line(project, 80)}" if project is not None else ""
        output.say(f"There are no dead letters{where} to retry.")
        return
    output.say(_which(chosen, sum((each.id, each.digest) in held for each in chosen)))
    _tell_pause(paths)
    _tell_server(settings, paths)


def _which(chosen: list[Item], held: int) -> str:
    names = ", ".join(
        f"{short_id(item.id)} ({one_line(item.project, 40) or 'no project'})"
        for item in chosen[:_SHOWN]
    )
    more = f" and {len(chosen) - _SHOWN:,} more" if len(chosen) > _SHOWN else ""
    dead = len(chosen) - held
    parts = [plural(dead, "dead letter")] if dead else []
    if held:
        parts.append(plural(held, "held memory", "held memories"))
    return f"{' and '.join(parts)} to be retried now: {names}{more}."


def _tell_pause(paths: Paths) -> None:
    """A healthy server is no help as long as nothing is sent to it."""
    try:
        until = pauses.read(paths)
    except FileUnavailableError as error:  # deliveries stand still for it, too
        output.say(f"Nothing is sent: {error} `mem0tray resume` ends that.")
        return
    if until is None:
        return
    if math.isinf(until):
        output.say("Deliveries are paused: they are sent after `mem0tray resume`.")
        return
    end = output.moment(until)
    output.say(f"Deliveries are paused until {end}; `mem0tray resume` ends the pause now.")


def _tell_server(settings: Settings, paths: Paths) -> None:
    """The edit is made whatever the server says; that it is down is worth knowing."""
    running = worker_runs(paths)
    if not running:
        output.say("The worker does not run: they are sent when it starts (`mem0tray run`).")
    seen = probe(settings, paths, min(settings.sync.timeout, 5.0))
    if not seen.name:
        output.say("No server is chosen: nothing is sent. `mem0tray diagnose` says what to do.")
    elif seen.health.healthy:
        output.say(f"The server ({seen.shown}) is healthy.")
    elif running or seen.name != LOCAL_URL:
        reason = seen.health.reason.rstrip(".")
        output.say(f"The server ({seen.shown}) is down: {reason}. They are sent once it is back.")
