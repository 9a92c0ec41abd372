"""The click group. Commands are imported when they are used; their help stands here."""

import difflib
import importlib
from typing import Any, Final, NamedTuple

import click

from mem0tray import __version__
from mem0tray.cli import INTERRUPTED

_NO_TRAY: Final = "The worker runs in this terminal; Ctrl-C stops it."


class Entry(NamedTuple):
    """Where a command is, `module:attribute`, and its line in the help."""

    target: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "run": Entry("mem0tray.cli.run:run", "Run the worker in this terminal."),
    "add": Entry("mem0tray.cli.add:command", "Queue one memory."),
    "status": Entry("mem0tray.cli.status:command", "Show how the worker and its queues are."),
    "list": Entry("mem0tray.cli.list_:command", "List dead letters, or waiting entries."),
    "stats": Entry("mem0tray.cli.stats:command", "Count items by project, retries and age."),
    "diagnose": Entry("mem0tray.cli.diagnose:command", "Say why an item is stuck."),
    "retry": Entry("mem0tray.cli.retry:command", "Retry dead letters now."),
    "delete": Entry("mem0tray.cli.delete:command", "Back up, then delete items."),
    "restore": Entry("mem0tray.cli.restore:command", "Put deleted items back."),
    "pause": Entry("mem0tray.cli.pause:pause", "Stop delivering for a while."),
    "resume": Entry("mem0tray.cli.pause:resume", "Deliver again."),
    "serve": Entry("mem0tray.cli.serve:command", "Run the embedded local server."),
    "report": Entry("mem0tray.cli.report:command", "Show how things stand on a page."),
    "doctor": Entry("mem0tray.cli.doctor:command", "Check everything that deliveries need."),
    "autostart": Entry("mem0tray.cli.autostart:command", "Start at login, or no longer."),
    "demo": Entry("mem0tray.cli.demo:command", "Watch it all, half a minute in a scratch home."),
    "config": Entry("mem0tray.cli.config:command", "Show and change the settings."),
}


class LazyGroup(click.Group):
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of an unknown one say which is like it."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            like = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean `{like[0]}`?" if like else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="mem0tray", message="%(prog)s %(version)s")
@click.pass_context
def group(ctx: click.Context) -> Any:
    """Bring every memory from Claude Code to your Mem0 server.

    Without a command: the tray application; without a desktop, the worker in
    the terminal.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from mem0tray.desktop import surroundings

    missing = surroundings.missing()
    if missing:
        from mem0tray.cli.run import work

        return work(greeting=f"mem0tray: {missing} {_NO_TRAY}")
    from mem0tray.desktop.app import Application

    return Application().run()


def run(arguments: list[str]) -> int:
    """Run one command; the exit code. Raises what is not an error of usage."""
    try:
        result = group.main(arguments, prog_name="mem0tray", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            return INTERRUPTED
        click.echo("mem0tray: aborted; nothing was changed.", err=True)
        return 1
    return result if isinstance(result, int) else 0
