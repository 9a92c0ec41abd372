"""`mem0tray install`: coding agents connected by changes of their files."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from mem0tray.agents import MARK, connecting
from mem0tray.agents.connecting import Change
from mem0tray.agents.table import AGENTS
from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.core import text
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.desktop.autostart import Origin

WIDEST: Final = 1000
_STYLES: Final = {"+": Style.GOOD, "-": Style.BAD, "@": Style.DIM}
_WHAT: Final = {connecting.MCP: "tools", connecting.HOOKS: "hooks", connecting.ALLOW: "permission"}
_OF_HOOKS: Final = f"Lines of an answer that begin with `{MARK}` are saved as memories."


def _part(name: str, help_: str) -> Callable[..., Any]:
    return click.option(f"--{name}", "parts", flag_value=name, multiple=True, help=help_)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options and arguments that both `install` and `uninstall` have."""
    for option in (
        arguments.json_option(),
        click.option("-y", "--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Only show what would be changed."),
        _part(connecting.HOOKS, "The hooks; without --mcp, only these."),
        _part(connecting.MCP, "The tools; without --hooks, only these."),
        click.option(
            "-a", "--all", "every", is_flag=True, help="Every agent that this computer has."
        ),
        click.argument("agents", nargs=-1, type=click.Choice(tuple(AGENTS)), metavar="[AGENT]..."),
    ):
        command = option(command)
    return command


def named(agents: Sequence[str], *, every: bool) -> list[str]:
    """Return these agents, and with `every` those found here; Mem0TrayError if there are none."""
    found = [name for name in AGENTS if every and connecting.is_there(name)]
    if every and not (found or agents):
        raise Mem0TrayError("No coding agent was found here.", "Name one: `mem0tray help install`.")
    return list(dict.fromkeys((*agents, *found)))


def planned(
    agents: Sequence[str],
    parts: Sequence[str] = (),
    *,
    allow: bool | None,
    asking: bool,
) -> list[Change]:
    """Return what connects the agents; if `allow` is None, ask whether to allow the tools.

    Raises click.Abort.
    """
    program = Origin.of_this_process().in_console()
    plan = partial(connecting.plan, program=program, parts=parts)
    made = {name: plan(name, allow=bool(allow)) for name in agents}
    if allow is None and asking:
        more = {name: plan(name, allow=True) for name in agents}
        titles = [AGENTS[name].title for name in agents if more[name] != made[name]]
        if titles and click.confirm(f"Shall {', '.join(titles)} use the tools without asking you?"):
            made = more
    return [change for name in agents for change in made[name]]


def make(
    changes: Sequence[Change], *, dry_run: bool, yes: bool, as_json: bool, show: bool = True
) -> None:
    """Show the changes (unless not to `show`), ask if somebody can answer, make them, and say so.

    Raises click.Abort, and Mem0TrayError where a file cannot be written. A refused one is left out:
    FileUnavailableError says at the end which, and why.
    """
    needed = [each for each in changes if each.is_needed and (dry_run or not each.refusal)]
    follows = _what_follows([each for each in needed if each.adding])
    if show and not as_json:
        for line in (line for each in needed for line in each.difference()):
            shown = text.lines(line)[:WIDEST]
            output.write(output.paint(shown, _STYLES.get(shown[:1], Style.PLAIN)))
        if needed and not (dry_run or yes) and output.can_ask():
            these = f"these {len(needed)} files" if needed[1:] else str(needed[0].found.path)
            output.confirm(f"Change {these}?")
    if not (changes or as_json):
        output.say("There are no hooks to change: opencode has the tools alone.")
    documents = []
    for each in changes:
        done = not dry_run and each in needed
        copy = connecting.carry_out(each) if done else None
        documents.append(
            {
                "agent": each.agent,
                "part": "+".join(each.parts),
                "path": str(each.found.path),
                "needed": each.is_needed,
                "done": done,
                "difference": each.difference(),
                "backup": str(copy) if copy is not None else None,
                "remarks": list(each.remarks),
            }
        )
        if not as_json and (dry_run or not each.refusal):
            _report(each, copy, done=done)
    if as_json:
        output.print_json({"changes": documents, "remarks": follows})
    elif not dry_run:
        for line in follows:
            output.say_beside("", line)
    _name_refused([] if dry_run else changes)


def _name_refused(changes: Sequence[Change]) -> None:
    if refused := [str(each.refusal) for each in changes if each.refusal]:
        raise FileUnavailableError(" ".join(refused))


def parts_of(change: Change) -> str:
    """Say what a change of an agent is about."""
    return " and ".join(_WHAT[part] for part in change.parts)


def _report(change: Change, copy: Path | None, *, done: bool) -> None:
    what, path = parts_of(change), change.found.path
    if done:
        kept = f" The file as it was: {copy}." if copy is not None else ""
        verb = "Connected" if change.adding else "Removed"
        output.say_beside("", f"{verb} the {what} in {path}.{kept}")
    elif change.is_needed:
        output.say_beside("", f"Only shown: {path} was not changed.")
    elif change.adding:
        output.say_beside("", f"The {what} in {path} are as they should be.")
    elif not change.refusal:
        has = (
            "is not there: nothing to remove"
            if change.found.data is None
            else f"has no {what} that `install` wrote"
        )
        output.say_beside("", f"{path} {has}.")
    for remark in change.remarks:
        output.say_beside("", remark, Style.WARNING)


def _what_follows(changes: Sequence[Change]) -> list[str]:
    parts: dict[str, set[str]] = {}
    for each in changes:
        parts.setdefault(each.agent, set()).update(each.parts)
    said = [_OF_HOOKS] if any(connecting.HOOKS in its for its in parts.values()) else []
    for name, its in parts.items():
        title, form = AGENTS[name].title, AGENTS[name].settings
        if connecting.HOOKS in its or not form.hooks_file:
            said.append(form.unheard)
        if connecting.MCP in its and connecting.ALLOW not in its:
            how = f"after `mem0tray install {name} --allow` it does not ask."
            asks = f"{title} asks before it uses a tool; {how}"
            said.append(asks if form.allow[0] else form.asks)
    if parts:
        titles = ", ".join(AGENTS[name].title for name in parts)
        said.append(f"It takes effect in the next session of {titles}.")
    return [line for line in said if line]


@arguments.command(
    "install",
    {
        "mem0tray install claude-code codex": "tools and hooks; asks first",
        "mem0tray install --all --allow": "every agent here; its tools without a question",
        "mem0tray install gemini --hooks": "the hooks alone",
        "mem0tray install --all --dry-run": "what would be changed",
    },
)
@options
@click.option(
    "--allow/--no-allow",
    default=None,
    help="Let the agents use the tools without asking you each time, or leave that as it is.",
)
def install(
    agents: Sequence[str],
    *,
    every: bool,
    parts: Sequence[str],
    allow: bool | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Connect coding agents with mem0tray: its tools (MCP) and its hooks.

    AGENT is claude-code, codex, gemini, copilot, cursor or opencode. Without --yes or --json the
    difference is shown, and at a terminal you are asked; a copy of each file is kept. A file that
    is malformed, read-only or a link is left alone; the others are changed, and the command says
    which was left and why, and exits with 1.
    """
    if not (agents or every):
        raise click.UsageError("Name what to connect: `mem0tray install claude-code`, or --all.")
    asking = not (dry_run or yes or as_json) and output.can_ask()
    if allow and parts and connecting.MCP not in parts:
        raise click.UsageError("--allow is about the tools: add --mcp.")
    changes = planned(named(agents, every=every), parts, allow=allow, asking=asking)
    make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
