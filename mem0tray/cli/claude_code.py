"""Changes of Claude Code's settings, shown and made: for `install` and `uninstall`."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from mem0tray.claude import MARK, connecting
from mem0tray.claude.connecting import Change
from mem0tray.cli import arguments, output
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
    " each session begins with a sentence about that.",
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
    """Return the chosen parts: those named, or both."""
    wanted = {connecting.MCP: mcp, connecting.HOOKS: hooks}
    return [part for part in connecting.PARTS if wanted[part] or not (mcp or hooks)]


def make(changes: Sequence[Change], *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show the changes, ask if somebody can answer, make those that are needed, and say so.

    Raises click.Abort if the person does not agree, and Mem0TrayError where a file cannot be
    written.
    """
    needed = [each for each in changes if each.is_needed]
    if not as_json:
        for line in (line for each in needed for line in each.difference()):
            shown = text.lines(line)[:_WIDEST]
            output.write(output.paint(shown, _STYLES.get(shown[:1], Style.PLAIN)))
        if needed and not dry_run and not yes and _can_answer():
            names = " and ".join(str(each.found.path) for each in needed)
            if not output.consents(f"Change {names}?", "nothing was changed.", "Use --yes."):
                raise click.Abort
    done = [not dry_run and each.is_needed for each in changes]
    copies = [
        connecting.carry_out(each) if now else None for each, now in zip(changes, done, strict=True)
    ]
    made = list(zip(changes, done, copies, strict=True))
    if as_json:
        output.print_json({"changes": [_object(*each) for each in made]})
        return
    for each in made:
        _report(*each, dry_run=dry_run)
    if any(now and change.adding for change, now, _ in made):
        output.say_beside("", "It takes effect in Claude Code's next session.")


def _can_answer() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _report(change: Change, done: bool, copy: Path | None, *, dry_run: bool) -> None:  # noqa: FBT001  (a result)
    what, path = _WHAT[change.part], change.found.path
    if done:
        kept = f" The file as it was: {copy}." if copy is not None else ""
        verb = "Connected" if change.adding else "Removed"
        output.say_beside("", f"{verb} the {what} in {path}.{kept}")
        if change.adding:
            output.say_beside("", _HOW_TO_USE[change.part])
    elif dry_run and change.is_needed:
        output.say_beside("", f"Only shown: {path} was not changed.")
    elif change.adding:
        output.say_beside("", f"The {what} in {path} are as they should be.")
    else:
        output.say_beside("", f"{path} has no {what} that `install` wrote.")
    for remark in change.remarks:
        output.say_beside("", remark, Style.WARNING)


def _object(change: Change, done: bool, copy: Path | None) -> dict[str, Any]:  # noqa: FBT001  (a result)
    return {
        "part": change.part,
        "path": str(change.found.path),
        "needed": change.is_needed,
        "done": done,
        "difference": change.difference(),
        "backup": str(copy) if copy is not None else None,
        "remarks": list(change.remarks),
    }


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
    with suppress(Mem0TrayError):  # the hooks then stay, and the reason is known
        left += connecting.left()
    return removed, left


@arguments.command(
    "install",
    {
        "mem0tray install claude-code": "tools and hooks; asks first",
        "mem0tray install claude-code --hooks": "the hooks alone",
        "mem0tray install claude-code --dry-run": "what would be changed",
    },
)
@click.argument("program", required=False, type=Program(), metavar=f"{{{NAME}}}")
@options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@arguments.json_option()
def install(
    program: str | None, *, mcp: bool, hooks: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Connect Claude Code with mem0tray: its tools (MCP) and its hooks.

    The tools go into Claude Code's file .claude.json, the hooks into its settings.json. The
    difference is shown, and at a terminal you are asked. Everything else in these files stays as
    it is, and a copy of each is kept. What is connected already is not added again; if the program
    has moved, its new path is written.

    A file that is malformed, read-only or a link is left alone, and then nothing is changed.
    `mem0tray uninstall claude-code` takes back what was added.
    """
    if program is None:
        raise click.UsageError(f"Name what to connect: `mem0tray install {NAME}`.")
    words = Origin.of_this_process().in_console()
    changes = connecting.additions(parts(mcp=mcp, hooks=hooks), words)
    make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
