"""Changes of Claude Code's settings, shown and made: for `install` and `uninstall`."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import click

from mem0tray.claude import MARK, connecting
from mem0tray.claude.connecting import Change, Done
from mem0tray.cli import interaction, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import Origin

NAME: Final = "claude-code"
_WIDEST: Final = 1000
_STYLES: Final = {"+": Style.GOOD, "-": Style.BAD, "@": Style.DIM}
_WHAT: Final = {connecting.MCP: "tools", connecting.HOOKS: "hooks"}
_HOW_TO_USE: Final = {
    connecting.MCP: "Claude Code asks you before it uses a tool. To allow all of them, add"
    ' "mcp__mem0tray" to permissions.allow in its settings.json, or choose so when it asks.',
    connecting.HOOKS: f"Lines of Claude's answers that begin with `{MARK}` are saved as memories;"
    " each session begins with a sentence that tells Claude so.",
}


class Program(click.Choice[str]):
    """The program to connect: there is one, and an error names it."""

    def __init__(self) -> None:
        super().__init__([NAME])

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take its name alone."""
        del param
        if value != NAME:
            raise click.UsageError(f"{value!r} is unknown: the one to name is `{NAME}`.", ctx)
        return value


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose the parts."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Only show what would be changed."),
        click.option("--hooks", is_flag=True, help="The hooks; without --mcp, only these."),
        click.option("--mcp", is_flag=True, help="The tools; without --hooks, only these."),
    ):
        command = option(command)
    return command


def parts(*, mcp: bool, hooks: bool) -> list[str]:
    """The chosen parts: those named, or both."""
    wanted = {connecting.MCP: mcp, connecting.HOOKS: hooks}
    return [part for part in connecting.PARTS if wanted[part] or not (mcp or hooks)]


def show_and_make(
    changes: Sequence[Change], *, dry_run: bool, yes: bool, as_json: bool
) -> list[tuple[Change, Done | None]]:
    """Show the changes, ask if somebody can answer, make them; return what was done for each.

    None stands for a change that was not needed, or only shown. Raises click.Abort if the
    person does not agree, and Mem0TrayError where a file cannot be written.
    """
    needed = [each for each in changes if each.is_needed]
    if not as_json:
        for each in needed:
            _show(each)
        if needed and not dry_run and not yes and _can_answer():
            _ask(needed)
    made = [not dry_run and each.is_needed for each in changes]
    return [
        (each, connecting.carry_out(each) if now else None)
        for each, now in zip(changes, made, strict=True)
    ]


def _can_answer() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _show(change: Change) -> None:
    for line in change.difference():
        shown = text.lines(line)[:_WIDEST]
        output.write(output.paint(shown, _STYLES.get(shown[:1], Style.PLAIN)))


def _ask(changes: Sequence[Change]) -> None:
    names = " and ".join(str(each.found.path) for each in changes)
    if not interaction.consents(f"Change {names}?", "nothing was changed.", "Use --yes."):
        raise click.Abort


def tell(found: Sequence[tuple[Change, Done | None]], *, dry_run: bool) -> None:
    """Say for each change what was done, and what is left as it is."""
    for change, done in found:
        what, path = _WHAT[change.part], change.found.path
        if done is not None:
            verb = "Connected" if change.adding else "Removed"
            copy = f" The file as it was: {done.copy}." if done.copy is not None else ""
            output.say_beside("", f"{verb} the {what} in {path}.{copy}")
            if done.remark:
                output.say_beside("", done.remark, Style.WARNING)
            if change.adding:
                output.say_beside("", _HOW_TO_USE[change.part])
        elif dry_run and change.is_needed:
            output.say_beside("", f"Only shown: {path} was not changed.")
        else:
            right = f"The {what} in {path} are as they should be."
            none = f"{path} has no {what} that `install` wrote."
            output.say_beside("", right if change.adding else none)
        for remark in change.remarks:
            output.say_beside("", remark, Style.WARNING)
    if any(done is not None and change.adding for change, done in found):
        output.say_beside("", "It takes effect in Claude Code's next session.")


def as_objects(found: Sequence[tuple[Change, Done | None]]) -> list[dict[str, Any]]:
    """The changes for --json."""
    return [
        {
            "part": change.part,
            "path": str(change.found.path),
            "needed": change.is_needed,
            "done": done is not None,
            "difference": change.difference(),
            "backup": str(done.copy) if done is not None and done.copy is not None else None,
            "remarks": [
                *change.remarks,
                *([done.remark] if done is not None and done.remark else []),
            ],
        }
        for change, done in found
    ]


def take_away(wanted: Sequence[str], *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take back what `install claude-code` added."""
    changes = connecting.removals(wanted)
    found = show_and_make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
    if as_json:
        output.print_json({"changes": as_objects(found)})
    else:
        tell(found, dry_run=dry_run)


def taken_away_quietly() -> tuple[list[str], list[tuple[str, str]]]:
    """Take everything back for a whole `uninstall`: the files changed, and those left with why."""
    removed: list[str] = []
    left: list[tuple[str, str]] = []
    for part in connecting.PARTS:
        try:
            change = connecting.removal(part)
            if change.is_needed:
                connecting.carry_out(change)
                removed.append(f"the {_WHAT[part]} in {change.found.path}")
        except Mem0TrayError as error:
            left.append((f"the {_WHAT[part]} of Claude Code", str(error).rstrip(".")))
    with suppress(Mem0TrayError):  # the hooks then stay, and the reason has been told
        left += connecting.left()
    return removed, left


@click.command(
    "install",
    cls=Command,
    examples={
        "mem0tray install claude-code": "tools and hooks; asks first",
        "mem0tray install claude-code --hooks": "the hooks alone",
        "mem0tray install claude-code --dry-run": "what would be changed",
    },
)
@click.argument("program", required=False, type=Program(), metavar=f"{{{NAME}}}")
@options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def install(
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
        raise click.UsageError(f"Name what to connect: `mem0tray install {NAME}`.")
    words = Origin.of_this_process().in_console()
    changes = connecting.additions(parts(mcp=mcp, hooks=hooks), words)
    found = show_and_make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
    if as_json:
        output.print_json({"changes": as_objects(found)})
        return
    tell(found, dry_run=dry_run)
