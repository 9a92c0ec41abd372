"""What may be typed at a place of the command line: ids, projects, settings, backups.

They are asked for in the middle of a line: so they come at once, and silently if a file is
missing, broken or no file at all.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mem0tray.cli.command_help import UsageError
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from click.shell_completion import CompletionItem

    from mem0tray.actions.waiting import WaitingItems


Items = list["CompletionItem[str]"]
Completer = Callable[[click.Context, click.Parameter, str], Items]

_MOST: Final = 200
_KINDS: Final = {True: "dead letter", False: "waiting"}
_TYPED: Final = re.compile(r"[\w@+:,./-]+")  # bash inserts a word as it is: none may be run


def _quietly(completer: Completer) -> Completer:
    """A completer that offers nothing if the other one raises."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
        try:
            return completer(ctx, parameter, incomplete)
        except (Mem0TrayError, OSError, ValueError):
            return []

    return complete


def _that_fit(found: Iterable[tuple[str, str]], incomplete: str) -> Items:
    """The words that begin with `incomplete`, each once."""
    texts: dict[str, str] = {}
    for value, about in found:
        if value.startswith(incomplete) and _TYPED.fullmatch(value):
            texts.setdefault(value, about)
        if len(texts) == _MOST:
            break
    return [_item(value, help=about or None) for value, about in texts.items()]


def _item(value: str, **about: Any) -> "CompletionItem[str]":
    from click.shell_completion import CompletionItem  # needed only for completion

    return CompletionItem(value, **about)


@_quietly
def ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Dead letters and fresh entries that are not named yet, each with its project."""
    return _ids(ctx, parameter, incomplete, dead_only=False)


@_quietly
def dead_ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Dead letters only."""
    return _ids(ctx, parameter, incomplete, dead_only=True)


def _ids(
    ctx: click.Context, parameter: click.Parameter, incomplete: str, *, dead_only: bool
) -> Items:
    named = ctx.params.get(parameter.name or "") or ()
    given = (named,) if isinstance(named, str) else tuple(named)
    with _waiting() as seen:
        places = ("items",) if dead_only else ("items", "queue")
        there = (
            seen.candidates([incomplete], places)
            if incomplete
            else [each for place in places for each in seen.listed(place, limit=_MOST)]
        )
        called = seen.shortest(there[:_MOST])
    found = [
        (each.id, f"{_KINDS[each.is_dead]} of {one_line(each.project, 40) or '(no project)'}")
        for each in there[:_MOST]
        if not any(each.id.startswith(name) for name in given)
    ]
    fit = _that_fit([(called[name], about) for name, about in found], incomplete)
    return fit or _that_fit(found, incomplete)


@_quietly
def projects(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Projects of what waits or was delivered."""
    del ctx, parameter
    with _waiting() as seen:
        waits = [each.project for each in seen.reader.waiting.by_project()]
        names = dict.fromkeys([*waits, *seen.reader.delivered_by_project()], "")
    return _that_fit([(name, "") for name in names if name], incomplete)


@_quietly
def former_servers(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Servers to which something was delivered, except the present one."""
    del ctx, parameter
    from mem0tray.config import settings
    from mem0tray.config.server_choice import chosen_server
    from mem0tray.ledger.reader import Reader

    found = settings.load().settings
    paths = found.locations()
    present = chosen_server(found, paths).name
    with Reader(paths.ledger) as reader:
        names = [name for name in reader.former.names() if name != present]
    return _that_fit([(name, "") for name in names], incomplete)


@_quietly
def events(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The events of Claude Code that `hook` knows."""
    del ctx, parameter
    from mem0tray.claude.hook import EVENTS

    return _that_fit([(name, "") for name in EVENTS], incomplete)


@_quietly
def backups(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """What `restore --list` shows; besides, files."""
    del ctx, parameter
    from mem0tray.actions import backups
    from mem0tray.config import settings

    paths = settings.load().settings.locations()
    named = [(source.name, source.note) for source in backups.sources(paths)]
    return _that_fit(named, incomplete) or [_item(incomplete, type="file")]


@_quietly
def files_of_lines(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Files where `add` takes one; nobody completes a text."""
    del parameter
    return [_item(incomplete, type="file")] if ctx.params.get("jsonl") else []


@_quietly
def keys(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Every setting."""
    del ctx, parameter
    from mem0tray.config.config_file import HINTS

    return _that_fit(HINTS.items(), incomplete)


@_quietly
def values(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The possible values of the setting that was named, if they can be listed."""
    del parameter
    from mem0tray.config import settings
    from mem0tray.config.setting_rules import CHOICES

    key = ctx.params.get("key") or ""
    if key in ("server.ca_file", "paths.claude_dir"):
        return [_item(incomplete, type="dir" if key.endswith("dir") else "file")]
    kind = settings.keys().get(key)
    choices = ("true", "false") if kind is bool else CHOICES.get(key, ())
    return _that_fit([(choice, "") for choice in choices], incomplete)


@_quietly
def commands(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The commands, or those of the group that was named."""
    root = ctx.find_root()
    group: Any = root.command
    for name in ctx.params.get(parameter.name or "") or ():
        group = group.get_command(root, name)
    if not isinstance(group, click.Group):
        return []
    return [item for item in group.shell_complete(root, incomplete) if item.value[0] != "-"]


def _waiting() -> "AbstractContextManager[WaitingItems]":
    from mem0tray.actions import waiting
    from mem0tray.config import settings

    return waiting.opened(settings.load().settings)


END_OF_INPUT: Final = (
    "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D on a line of its own"
)
_Function = Callable[..., Any]
Callback = Callable[[click.Context, click.Parameter, str | None], int | None]


def project_option(help_: str) -> Callable[[_Function], _Function]:
    """The option `--project`, with what it means to the command."""
    return click.option("-p", "--project", metavar="P", shell_complete=projects, help=help_)


def project_meant(given: str | None) -> str:
    """The named project, else that of the working directory. Raises UsageError if there is none."""
    given = whole(_project_here() if given is None else given, "the project")
    if not given.strip():
        raise UsageError("A memory needs a project.", "Name it with --project.")
    return given


def project_alone(given: str | None) -> str | None:
    """The one named project, None for all. Raises UsageError for an empty name."""
    return None if given is None else project_meant(given)


def _project_here() -> str:
    from mem0tray.system import project  # only a call without a project waits for git

    try:
        return project.of_folder(Path.cwd(), os.environ)
    except FileNotFoundError:  # the working directory has been removed
        return ""


def whole(given: str, what: str) -> str:
    """An argument, or a folder's name, as text. Raises UsageError if its bytes are not UTF-8.

    Python keeps bytes that the system's encoding does not have as halves of characters: where
    that is ASCII (`LC_ALL=C`, UTF-8 mode off), these are all of a text beyond it.
    """
    try:
        given.encode()
    except UnicodeEncodeError:
        if sys.platform != "win32":
            data = os.fsencode(given)
            return decoded(data, len(data), what)
    return given


def decoded(data: bytes | bytearray, end: int, what: str) -> str:
    """The first `end` bytes as text; half a character, which some programs write, is let through.

    Such a half has three bytes. Raises UsageError, which names `what`, if they are not UTF-8.
    """
    try:
        return str(memoryview(data)[:end], "utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"Nothing was queued: {what} is not UTF-8: byte"
            f" {error.start + 1:,} is 0x{data[error.start]:02x}.",
            "Convert it, from Latin-1 with `iconv -f latin1 -t utf-8`.",
        ) from error


def whole_number(least: int, most: int | None = None) -> Callback:
    """Make a callback that takes a whole number from `least`, to `most` if there is such."""
    limits = f", at least {least}" if most is None else f" from {least} to {most}"

    def convert(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise click.BadParameter(
                f"must be a whole number{limits}; it is {value!r}.", ctx, parameter
            )
        return number

    return convert
