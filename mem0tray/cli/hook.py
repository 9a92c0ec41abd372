"""`mem0tray hook`: what Claude Code calls at its events."""

import click

from mem0tray import cli
from mem0tray.cli import candidates
from mem0tray.cli.command_help import Command


@click.command(
    "hook",
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    examples={"echo '{}' | mem0tray hook Stop": "as Claude Code calls it"},
)
@click.argument("event", metavar="EVENT", nargs=-1, shell_complete=candidates.events)
def command(event: tuple[str, ...]) -> None:
    """Handle an event of Claude Code, whose JSON comes on standard input.

    SessionStart prints, as context for the session, how to save a memory, and the memories of the
    folder's project: what waits here, and what the server has if it answers within a second. Stop
    and SessionEnd queue the lines of the last answer that begin with `mem0:`. PostCompact queues
    the summary if the setting claude.save_summaries is true. A text is queued once in a session,
    and nothing from a subagent is.

    Exits with 0 whatever happens; the log has a line on what went wrong.
    """
    # Claude Code takes exit code 2, of a wrong command line, as a wish that the session go on.
    cli.run_hook(" ".join(event))
