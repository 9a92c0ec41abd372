"""`mem0tray pause` and `resume`: a small file, which the worker sees at once or at its start."""

import time
from contextlib import suppress
from typing import Final

import click

from mem0tray.actions.in_step import worker_runs
from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.core import times
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import orders
from mem0tray.system.paths import Paths

_LONGEST: Final = 525_600.0  # minutes: a year; without a number a pause has no end


def _minutes(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    with suppress(ValueError):
        if 0 < float(value) <= _LONGEST:  # not NaN either
            return float(value)
    if _is_option(value):
        raise click.NoSuchOption(value, ctx=ctx)
    raise click.BadParameter(
        f"must be a number of minutes, more than 0 and at most {_LONGEST:,.0f} (a year);"
        f" it is {value!r}.",
        ctx,
        parameter,
    )


def _is_option(value: str) -> bool:
    """Whether a value is written like an option: a negative number begins so too."""
    return (value.startswith("-") and value[1:2].isalpha()) or value.startswith("--")


# A negative number is a wrong value, not an option.
@click.command(
    "pause",
    cls=Command,
    examples={"mem0tray pause": "until `mem0tray resume`", "mem0tray pause 30": "for half an hour"},
    context_settings={"ignore_unknown_options": True},
)
@click.argument("minutes", required=False, callback=_minutes)
def pause(minutes: float | None) -> None:
    """Stop delivering for MINUTES, or until `mem0tray resume`.

    A pause survives a restart. Memories are still taken in and kept.
    """
    paths = context.load().locations()
    until = None if minutes is None else time.time() + minutes * 60
    orders.write_pause(paths, until)
    end = "`mem0tray resume`" if until is None else times.moment(until)
    output.say(f"Deliveries are paused until {end}.{_not_running(paths)}")


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


def _not_running(paths: Paths) -> str:
    if worker_runs(paths):
        return ""
    return " The worker is not running; the pause holds for its next start too."
