"""The click group. Commands are imported when they are used; the table here has their summaries."""

import importlib
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from mem0tray import __version__
from mem0tray.cli.arguments import CommandGroup, usage_error
from mem0tray.core.errors import Mem0TrayError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_NO_TRAY: Final = "The worker runs in this terminal; Ctrl-C stops it."

# Each command's line in the help, by heading. `name` is `command` in the module of that name,
# but for those of `_ELSEWHERE`. Examples stand where a command is defined.
_TABLE: Final = {
    "Deliver": {
        "run": "Run the worker in this terminal.",
        "add": "Queue a memory, or many.",
        "pause": "Stop delivering for a while.",
        "resume": "Deliver again.",
    },
    "Look": {
        "status": "Show the state of worker and queues.",
        "list": "List dead letters, or waiting entries.",
        "stats": "Count by project, retries and age.",
        "diagnose": "Say why an item is stuck.",
        "show": "Show one memory: its text and history.",
        "report": "Show how things stand on a page.",
        "logs": "Show the worker's log.",
    },
    "Act": {
        "retry": "Retry dead letters now.",
        "edit": "Change a memory's text in your editor.",
        "delete": "Back up, then delete items.",
        "restore": "Put deleted items back.",
    },
    "Read back from the server": {
        "recall": "Show a project's memories on the server.",
        "search": "Search a project's memories on the server.",
        "projects": "List the projects, here and on the server.",
        "export": "Write the server's memories as JSON lines.",
        "verify": "Check that the server still has all it took.",
        "migrate": "Bring memories over from a former server.",
    },
    "Set up": {
        "setup": "Set up server, Claude Code and start at login.",
        "config": "Show and change the settings.",
        "doctor": "Check everything that deliveries need.",
        "autostart": "Start at login, or stop doing so.",
        "completion": "Have your shell complete what you type.",
        "install": "Connect Claude Code with mem0tray.",
        "uninstall": "Undo what mem0tray has set up.",
    },
    "Serve other programs": {
        "hook": "Handle an event of Claude Code.",
        "mcp": "Serve Claude Code's memory tools (MCP).",
        "serve": "Run the embedded server.",
    },
    "Learn": {
        "help": "Show the help of a command, or on a topic.",
        "demo": "Watch it work, for half a minute in a scratch home.",
    },
}
_ELSEWHERE: Final = {
    "run": "run:run",
    "retry": "verbs:retry",
    "delete": "verbs:delete",
    "pause": "verbs:pause",
    "resume": "verbs:resume",
    "list": "show:list_",
    "stats": "status:stats",
    "report": "status:report",
    "edit": "restore:edit",
    "recall": "recall:recall",
    "search": "recall:search",
    "projects": "recall:projects",
    "doctor": "doctor.command:command",
    "completion": "help:completion",
    "install": "install:install",
    "uninstall": "install:uninstall",
    "hook": "serve:hook",
    "mcp": "serve:mcp",
    "serve": "serve:serve",
}


class CommandEntry(NamedTuple):
    """A command's heading, its place (`module:attribute`), and its line in the help."""

    heading: str
    target: str
    summary: str


HEADINGS: Final = tuple(_TABLE)
COMMANDS: Final = {
    name: CommandEntry(heading, f"mem0tray.cli.{_ELSEWHERE.get(name, f'{name}:command')}", summary)
    for heading, lines in _TABLE.items()
    for name, summary in lines.items()
}


class LazyGroup(CommandGroup):
    """A group that knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, under their headings and all in one column."""
        del ctx
        width = max(map(len, COMMANDS))
        for heading, lines in _TABLE.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), said) for name, said in lines.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Complete commands and options."""
        from click.shell_completion import CompletionItem

        names = [name for name in COMMANDS if name.startswith(incomplete)]
        found = [CompletionItem(name, help=COMMANDS[name].summary) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)


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
