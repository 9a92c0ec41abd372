"""`mem0tray help`: the help of a command, as its `--help` shows it."""

import click

from mem0tray.cli import candidates
from mem0tray.cli.command_help import Command


@click.command(
    "help",
    cls=Command,
    examples={"mem0tray help": "every command", "mem0tray help config set": "one of them"},
)
@click.argument("names", nargs=-1, metavar="[COMMAND]...", shell_complete=candidates.commands)
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of COMMAND, or of mem0tray itself."""
    shown = ctx.find_root()
    for name in names:
        group = shown.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"`{shown.command_path}` has no commands of its own.", shown)
        _, found, _ = group.resolve_command(shown, [name])
        if found is None:
            raise click.UsageError(f"No such command {name!r}.", shown)
        shown = click.Context(found, info_name=name, parent=shown)
    click.echo(shown.get_help())
