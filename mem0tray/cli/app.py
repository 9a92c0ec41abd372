"""The click group. Commands are imported when they are used; the table here has their summaries."""

import importlib
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

from mem0tray.cli.arguments import CommandGroup, usage_error
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.version import __version__
from mem0tray.system.paths import AT_LOGIN

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_NO_TRAY: Final = "The worker runs in this terminal; Ctrl-C stops it."

# By heading: where each command is, and its line in the help.
TABLE: Final = {
    "Deliver": {
        "run": ("run:run", "Run the worker in this terminal."),
        "add": ("add:command", "Queue a memory, or many."),
        "pause": ("verbs:pause", "Stop delivering for a while."),
        "resume": ("verbs:resume", "Deliver again."),
    },
    "Look": {
        "status": ("status:command", "Show the state of worker and queues."),
        "list": ("show:list_", "List dead letters, or waiting entries."),
        "stats": ("status:stats", "Count by project, retries and age."),
        "diagnose": ("show:diagnose_", "Say why an item is stuck."),
        "show": ("show:command", "Show one memory: its text and history."),
        "open": ("status:open_window", "Open the window in your browser."),
        "report": ("status:report", "Save how things stand as a page."),
        "logs": ("logs:command", "Show the worker's log."),
    },
    "Act": {
        "retry": ("verbs:retry", "Retry dead letters now."),
        "edit": ("restore:edit", "Change a memory's text in your editor."),
        "delete": ("verbs:delete", "Back up, then delete items."),
        "restore": ("restore:command", "Put deleted items back."),
    },
    "Read back from the server": {
        "recall": ("recall:recall", "Show a project's memories on the server."),
        "search": ("recall:search", "Search a project's memories on the server."),
        "projects": ("recall:projects", "List the projects, here and on the server."),
        "export": ("recall:export", "Write the server's memories as JSON lines."),
        "verify": ("verify:command", "Check that the server still has all it took."),
        "migrate": ("verify:migrate_", "Bring memories over from a former server."),
    },
    "Set up": {
        "setup": ("setup:command", "Set up server, coding agents, start at login."),
        "config": ("config:command", "Show and change the settings."),
        "doctor": ("doctor.command:command", "Check everything that deliveries need."),
        "autostart": ("config:autostart_", "Start at login, or stop doing so."),
        "completion": ("help:completion", "Have your shell complete what you type."),
        "install": ("install:install", "Connect coding agents with mem0tray."),
        "uninstall": ("uninstall:uninstall", "Undo what mem0tray has set up."),
    },
    "Serve other programs": {
        "hook": ("serve:hook", "Handle an event of a coding agent."),
        "mcp": ("serve:mcp", "Serve the memory tools (MCP) to a client."),
        "serve": ("serve:serve", "Run the embedded server."),
    },
    "Learn": {
        "help": ("help:command", "Show the help of a command, or on a topic."),
        "demo": ("demo:command", "Watch it work, for half a minute in a scratch home."),
    },
}
COMMANDS: Final = {name: line for lines in TABLE.values() for name, line in lines.items()}


class LazyGroup(CommandGroup):
    """A group that knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(f"mem0tray.cli.{module}"), attribute)
        return cast("click.Command", found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        width = max(map(len, COMMANDS))
        for heading, lines in TABLE.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), said) for name, (_, said) in lines.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        from click.shell_completion import CompletionItem

        fit = {name: said for name, (_, said) in COMMANDS.items() if name.startswith(incomplete)}
        found = [CompletionItem(name, help=said) for name, said in fit.items()]
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
@click.option(AT_LOGIN, is_flag=True, hidden=True)  # as the session starts us; see `autostart`
@click.pass_context
def group(ctx: click.Context, *, at_login: bool) -> Any:
    """Bring every memory from your coding agents to your Mem0 server.

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

    return Application(bus, at_login=at_login).run()


def run(arguments: list[str]) -> int:
    """Run one command; return the exit code. Errors of usage are raised as ours, like others."""
    output = sys.stdout
    try:
        result = group.main(arguments, prog_name="mem0tray", standalone_mode=False)
    except SystemExit as end:
        if sys.stdout is not output:  # so click ends when the reader has left
            raise BrokenPipeError from None
        return end.code if isinstance(end.code, int) else 1  # it has completed a shell's line
    except click.UsageError as error:
        raise usage_error(error) from error
    except click.ClickException as error:
        raise Mem0TrayError(error.format_message()) from error
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise Mem0TrayError("The command was aborted; nothing was changed.") from error
    return result if isinstance(result, int) else 0
