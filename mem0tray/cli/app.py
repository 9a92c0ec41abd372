"""The click group. Commands are imported when they are used; the table here has their summaries."""

import importlib
import sys
from typing import Any, Final, NamedTuple

import click

from mem0tray import __version__
from mem0tray.cli.command_help import CommandGroup, usage_error
from mem0tray.core.errors import Mem0TrayError

_NO_TRAY: Final = "The worker runs in this terminal; Ctrl-C stops it."

# The headings of the help, in their order.
DELIVER: Final = "Deliver"
LOOK: Final = "Look"
ACT: Final = "Act"
READ_BACK: Final = "Read back from the server"
SET_UP: Final = "Set up"
SERVE: Final = "Serve other programs"
LEARN: Final = "Learn"
HEADINGS: Final = (DELIVER, LOOK, ACT, READ_BACK, SET_UP, SERVE, LEARN)


class CommandEntry(NamedTuple):
    """A command's heading, its place (`module:attribute`), and its line in the help.

    Its examples are where it is defined: `@click.command(cls=Command, examples={…})`.
    """

    heading: str
    target: str
    summary: str


COMMANDS: Final[dict[str, CommandEntry]] = {
    "run": CommandEntry(DELIVER, "mem0tray.cli.run:run", "Run the worker in this terminal."),
    "add": CommandEntry(DELIVER, "mem0tray.cli.add:command", "Queue a memory, or many."),
    "pause": CommandEntry(DELIVER, "mem0tray.cli.pause:pause", "Stop delivering for a while."),
    "resume": CommandEntry(DELIVER, "mem0tray.cli.pause:resume", "Deliver again."),
    "status": CommandEntry(
        LOOK, "mem0tray.cli.status:command", "Show the state of worker and queues."
    ),
    "list": CommandEntry(LOOK, "mem0tray.cli.show:list_", "List dead letters, or waiting entries."),
    "stats": CommandEntry(LOOK, "mem0tray.cli.status:stats", "Count by project, retries and age."),
    "diagnose": CommandEntry(LOOK, "mem0tray.cli.diagnose:command", "Say why an item is stuck."),
    "show": CommandEntry(
        LOOK, "mem0tray.cli.show:command", "Show one memory: its text and history."
    ),
    "report": CommandEntry(LOOK, "mem0tray.cli.report:command", "Show how things stand on a page."),
    "logs": CommandEntry(LOOK, "mem0tray.cli.logs:command", "Show the worker's log."),
    "retry": CommandEntry(ACT, "mem0tray.cli.retry:command", "Retry dead letters now."),
    "edit": CommandEntry(
        ACT, "mem0tray.cli.restore:edit", "Change a memory's text in your editor."
    ),
    "delete": CommandEntry(ACT, "mem0tray.cli.delete:command", "Back up, then delete items."),
    "restore": CommandEntry(ACT, "mem0tray.cli.restore:command", "Put deleted items back."),
    "recall": CommandEntry(
        READ_BACK, "mem0tray.cli.recall:recall", "Show a project's memories on the server."
    ),
    "search": CommandEntry(
        READ_BACK, "mem0tray.cli.recall:search", "Search a project's memories on the server."
    ),
    "projects": CommandEntry(
        READ_BACK, "mem0tray.cli.projects:command", "List the projects, here and on the server."
    ),
    "export": CommandEntry(
        READ_BACK, "mem0tray.cli.export:command", "Write the server's memories as JSON lines."
    ),
    "verify": CommandEntry(
        READ_BACK, "mem0tray.cli.verify:command", "Check that the server still has all it took."
    ),
    "migrate": CommandEntry(
        READ_BACK, "mem0tray.cli.migrate:command", "Bring memories over from a former server."
    ),
    "setup": CommandEntry(
        SET_UP, "mem0tray.cli.setup:command", "Set up server, Claude Code and start at login."
    ),
    "config": CommandEntry(SET_UP, "mem0tray.cli.config:command", "Show and change the settings."),
    "doctor": CommandEntry(
        SET_UP, "mem0tray.cli.doctor.command:command", "Check everything that deliveries need."
    ),
    "autostart": CommandEntry(
        SET_UP, "mem0tray.cli.autostart:command", "Start at login, or stop doing so."
    ),
    "completion": CommandEntry(
        SET_UP, "mem0tray.cli.help:completion", "Have your shell complete what you type."
    ),
    "install": CommandEntry(
        SET_UP, "mem0tray.cli.claude_code:install", "Connect Claude Code with mem0tray."
    ),
    "uninstall": CommandEntry(
        SET_UP, "mem0tray.cli.uninstall:command", "Undo what mem0tray has set up."
    ),
    "hook": CommandEntry(SERVE, "mem0tray.cli.serve:hook", "Handle an event of Claude Code."),
    "mcp": CommandEntry(SERVE, "mem0tray.cli.serve:mcp", "Serve Claude Code's memory tools (MCP)."),
    "serve": CommandEntry(SERVE, "mem0tray.cli.serve:serve", "Run the embedded server."),
    "help": CommandEntry(
        LEARN, "mem0tray.cli.help:command", "Show the help of a command, or on a topic."
    ),
    "demo": CommandEntry(
        LEARN, "mem0tray.cli.demo:command", "Watch it work, for half a minute in a scratch home."
    ),
}


class LazyGroup(CommandGroup):
    """A group that knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{entry.target} is no command")
        return found

    def summaries(self) -> dict[str, str]:
        """Every name with its summary, from the table."""
        return {name: entry.summary for name, entry in COMMANDS.items()}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, under their headings and all in one column."""
        del ctx
        width = max(map(len, COMMANDS))
        for heading in HEADINGS:
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        (name.ljust(width), entry.summary)
                        for name, entry in COMMANDS.items()
                        if entry.heading == heading
                    ]
                )


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples={
        "mem0tray setup": "asks what it must know, one question at a time",
        "mem0tray run": "deliver, until Ctrl-C",
        "mem0tray help": "every command, and the topics of the manual",
        "mem0tray help add": "how one command is used",
    },
)
@click.version_option(
    __version__, "-V", "--version", prog_name="mem0tray", message="%(prog)s %(version)s"
)
@click.pass_context
def group(ctx: click.Context) -> Any:
    """Bring every memory from Claude Code to your Mem0 server.

    Without a command: the tray application; without a desktop, the worker in
    the terminal.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from mem0tray.desktop import session

    bus, missing = session.connected()
    if missing:
        from mem0tray.cli.run import work

        return work(greeting=f"mem0tray: {missing} {_NO_TRAY}")
    from mem0tray.desktop.app import Application

    return Application(bus).run()


def run(arguments: list[str]) -> int:
    """Run one command; return the exit code. Errors of usage are raised as ours, like others."""
    output = sys.stdout
    try:
        result = group.main(arguments, prog_name="mem0tray", standalone_mode=False)
    except SystemExit as end:
        if sys.stdout is not output:  # so click ends when the reader has left
            raise BrokenPipeError from None
        return end.code if isinstance(end.code, int) else 1  # it has completed a shell's line
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.message, err=True)
        return error.exit_code
    except click.UsageError as error:
        raise usage_error(error) from error
    except click.ClickException as error:
        raise Mem0TrayError(error.format_message()) from error
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise Mem0TrayError("The command was aborted; nothing was changed.") from error
    return result if isinstance(result, int) else 0
