"""`mem0tray install claude-code`: connect Claude Code with mem0tray."""

import click

from mem0tray.claude import connecting
from mem0tray.cli import claude_code, output
from mem0tray.cli.command_help import Command
from mem0tray.desktop.autostart import command as starting


@click.command(
    "install",
    cls=Command,
    examples={
        "mem0tray install claude-code": "tools and hooks; asks first",
        "mem0tray install claude-code --hooks": "the hooks alone",
        "mem0tray install claude-code --dry-run": "what would be changed",
    },
)
@click.argument(
    "program", required=False, type=claude_code.Program(), metavar=f"{{{claude_code.NAME}}}"
)
@claude_code.options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    program: str | None, *, mcp: bool, hooks: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Connect Claude Code with mem0tray: its tools (MCP) and its hooks.

    The program `claude` adds the tools if it is there, else they go into Claude Code's file
    .claude.json; the hooks go into its settings.json. The difference is shown, and at a terminal
    you are asked. Everything else in these files stays as it is, and a copy of each is kept. What
    is connected already is not added again; if the program has moved, its new path is written.

    A file that is malformed, read-only or a link is left alone, and then nothing is changed.
    `mem0tray uninstall claude-code` takes back what was added.
    """
    if program is None:
        raise click.UsageError(f"Name what to connect: `mem0tray install {claude_code.NAME}`.")
    words = starting.of_this_process().in_console()
    changes = connecting.additions(claude_code.parts(mcp=mcp, hooks=hooks), words)
    found = claude_code.show_and_make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
    if as_json:
        output.print_json({"changes": claude_code.as_objects(found)})
        return
    claude_code.tell(found, dry_run=dry_run)
