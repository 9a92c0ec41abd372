"""`mem0tray pause` and `resume`: a small file, which the worker sees at once or at its start."""

import time
from typing import Final

import click

from mem0tray.actions.in_step import worker_runs
from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.core import times
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import orders

_YEAR: Final = 525_600.0  # minutes; without a number a pause has no end


@click.command(
    "pause",
    cls=Command,
    examples={"mem0tray pause": "until `mem0tray resume`", "mem0tray pause 30": "for half an hour"},
)
@click.argument("minutes", required=False, type=click.FloatRange(0, _YEAR, min_open=True))
def pause(minutes: float | None) -> None:
    """Stop delivering for MINUTES, or until `mem0tray resume`.

    A pause survives a restart. Memories are still taken in and kept.
    """
    paths = context.load().locations()
    until = None if minutes is None else time.time() + minutes * 60
    orders.write_pause(paths, until)
    end = "`mem0tray resume`" if until is None else times.moment(until)
    no_worker = " The worker is not running; the pause holds for its next start too."
    output.say(f"Deliveries are paused until {end}.{'' if worker_runs(paths) else no_worker}")


@click.command("resume", cls=Command, examples={"mem0tray resume": ""})
def resume() -> None:
    """End a pause."""
    paths = context.load().locations()
    try:
        paused = orders.read_pause(paths) is not None
    except FileUnavailableError:  # deliveries wait because of it
        paused = True
    orders.clear_pause(paths)
    if not paused:
        output.say("Deliveries were not paused.")
    elif worker_runs(paths):
        output.say("Deliveries go on.")
    else:
        output.say("Deliveries go on as soon as the worker runs: start it with `mem0tray run`.")
