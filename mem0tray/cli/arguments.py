"""What commands have in common: help with examples, options, and what a shell completes."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mem0tray.cli import output
from mem0tray.config import settings
from mem0tray.config.settings import Loaded, Settings
from mem0tray.core.errors import Mem0TrayError, UsageError
from mem0tray.core.text import did_you_mean, one_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from click.shell_completion import CompletionItem

    from mem0tray.actions.one_writer import InStep
    from mem0tray.actions.waiting import WaitingItems

Items = list["CompletionItem[str]"]
Completer = Callable[[click.Context, click.Parameter, str], Items]
_Offer = Iterable[tuple[str, str]]  # words, with what a shell shows beside them
_Function = Callable[..., Any]

_WITH_TEXT: Final = ("add", "search")
_MOST: Final = 200
_TYPED: Final = re.compile(r"[\w@+:,./-]+")  # bash inserts a word as it is: none may be run


class Command(click.Command):
    """A command; `examples` are lines that can be copied, each with a remark (or "")."""

    def __init__(
        self, *arguments: Any, examples: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples: Mapping[str, str] = examples or {}

    def get_short_help_str(self, limit: int = 0) -> str:
        del limit
        return " ".join((self.help or "").split("\n\n")[0].split())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an error in them is known to be this command's."""
        if self.no_args_is_help and not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)  # click itself does so from 8.2 on
            ctx.exit(2)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        width = max(map(len, self.examples), default=0)
        with formatter.section("Examples"):
            for line, remark in self.examples.items():
                formatter.write(f"  {line:<{width}}  {remark and f'# {remark}'}".rstrip() + "\n")


class CommandGroup(Command, click.Group):
    """A group of commands; a mistyped name gets a guess."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        names = self.list_commands(ctx)
        if name not in names and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {name!r}.{did_you_mean(name, names)}", ctx)
        return super().resolve_command(ctx, args)


def usage_error(error: click.UsageError) -> UsageError:
    """Turn what click finds wrong into an error of ours: a sentence, and one on what to do."""
    message = " ".join(error.format_message().split())
    message = message if message.endswith((".", "?")) else f"{message}."
    context = error.ctx
    names = context.command_path.partition(" ")[2] if context is not None else ""
    if message.endswith("?"):  # a guess at what was meant is what to do
        remedy = ""
    elif not names:
        remedy = "`mem0tray help` lists the commands."
    elif isinstance(error, click.NoSuchOption) and names in _WITH_TEXT:
        remedy = f"Put `--` before a text that begins with a dash: `mem0tray help {names}`."
    else:
        remedy = f"`mem0tray help {names}` shows how it is used."
    return UsageError(message, remedy)


def command(
    name: str, examples: Mapping[str, str], **options: Any
) -> Callable[[_Function], click.Command]:
    """Return the decorator of a command whose help ends with these examples."""
    return click.command(name, cls=Command, examples=examples, **options)


def json_option(help_: str = "Print one JSON document.") -> Callable[[_Function], _Function]:
    """Return the option `--json`."""
    return click.option("-j", "--json", "as_json", is_flag=True, help=help_)


def project_option(help_: str) -> Callable[[_Function], _Function]:
    """Return the option `--project`, with what it means to the command."""
    return click.option(
        "-p", "--project", metavar="P", shell_complete=projects, callback=_project, help=help_
    )


def _project(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    return None if given is None else utf8(given, "The project")


def project_meant(given: str | None) -> str:
    """Return the named project, else the working directory's. Raises UsageError without one."""
    if given is None:
        from mem0tray.system import project  # only a call without a project waits for git

        with suppress(FileNotFoundError):  # the working directory has been removed
            given = utf8(project.of_folder(Path.cwd(), os.environ), "The project")
    if given is None or not given.strip():
        raise UsageError("A memory needs a project.", "Name it with --project.")
    return given


def project_alone(given: str | None) -> str | None:
    """Return the one named project, None for all. Raises UsageError for an empty name."""
    return None if given is None else project_meant(given)


def utf8(given: str, what: str) -> str:
    """Return the argument as text; UsageError, which begins with `what`, if it is not UTF-8."""
    try:
        given.encode()
    except UnicodeEncodeError:
        if sys.platform != "win32":
            return decoded(os.fsencode(given), what)
    return given


def decoded(data: bytes, what: str) -> str:
    """Return the bytes as text, half characters too; UsageError as `utf8` if they are not UTF-8."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{what} is not UTF-8: byte {error.start + 1:,} is 0x{data[error.start]:02x}.",
            "Convert it, from Latin-1 with `iconv -f latin1 -t utf-8`.",
        ) from error


# Completers ------------------------------------------------------------------------------------


def _completer(offer: Callable[[click.Context, str], _Offer]) -> Completer:
    """Make a completer of the words that fit; it offers nothing where `offer` raises."""

    @wraps(offer)
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> Items:
        from click.shell_completion import CompletionItem  # needed only here

        try:
            found = dict(offer(ctx, incomplete))
        except (Mem0TrayError, OSError, ValueError):
            return []
        fit = [each for each in found if each.startswith(incomplete) and _TYPED.fullmatch(each)]
        return [CompletionItem(each, help=found[each] or None) for each in fit[:_MOST]]

    return complete


def _ids(
    ctx: click.Context, incomplete: str, places: tuple[str, ...] = ("items", "queue")
) -> _Offer:
    """Offer dead letters and fresh entries that are not named yet, each with its project."""
    named = tuple(ctx.params.get("ids") or ())
    found = []
    with _waiting() as seen:
        there = seen.candidates([incomplete], places) if incomplete else []
        for place in () if incomplete else places:
            there += seen.listed(place, limit=_MOST)
        there = [each for each in there[:_MOST] if not (named and each.id.startswith(named))]
        called = seen.shortest(there)
    for each in there:
        kind = "dead letter" if each.is_dead else "waiting"
        about = f"{kind} of {one_line(each.project, 40) or '(no project)'}"
        short = called[each.id]
        found.append((short if short.startswith(incomplete) else each.id, about))
    return found


ids = _completer(_ids)
dead_ids = _completer(partial(_ids, places=("items",)))


@_completer
def projects(_: click.Context, __: str) -> _Offer:
    """Offer projects of what waits or was delivered."""
    with _waiting() as seen:
        names = [each.project for each in seen.reader.by_project()]
        return [(name, "") for name in [*names, *seen.reader.delivered_by_project()]]


@_completer
def keys(_: click.Context, __: str) -> _Offer:
    """Offer every setting."""
    from mem0tray.config.config_file import meanings

    return meanings().items()


@_completer
def commands(ctx: click.Context, _: str) -> _Offer:
    """Offer the commands, or those of the group that was named."""
    group: Any = ctx.find_root().command
    for name in ctx.params.get("names") or ():
        group = group.get_command(ctx, name)
    return [(name, "") for name in group.list_commands(ctx)]


def _waiting() -> "AbstractContextManager[WaitingItems]":
    from mem0tray.actions import waiting

    return waiting.opened(settings.load().settings)


# Settings and warnings ------------------------------------------------------------------------


def load() -> Settings:
    """Load the settings. Raises SettingsError when they are wrong."""
    return load_all().settings


def load_there() -> Settings:
    """Load the settings, and raise FileUnavailableError where `paths.claude_dir` is not there."""
    from mem0tray.actions import standing  # slow to import

    found = load()
    trouble = standing.folder_trouble(found)
    if trouble is not None:
        raise trouble
    return found


def load_all() -> Loaded:
    """Load the settings with the source of each value. Raises SettingsError."""
    loaded = settings.load()
    output.remark(*loaded.warnings)
    return loaded


def load_what_holds() -> Loaded:
    """Load the settings as far as they can be read; what is wrong is a warning too."""
    loaded = settings.read()
    output.remark(*loaded.warnings, *map(str, loaded.wrong))
    return loaded


def warn_behind(step: "InStep") -> None:
    """Name on standard error what is newer than what a command shows."""
    if step.behind:
        output.remark(str(step.behind))


def is_in_environment(key: str) -> bool:
    """Return whether a variable sets this key, and so wins over the settings file."""
    return bool(os.environ.get(settings.variable(key)))


def warn_of_variable(key: str) -> bool:
    """Warn on standard error if a variable wins over what was set; return whether one does."""
    if is_in_environment(key):
        output.remark(f"{settings.variable(key)} is set and wins over the file.")
        return True
    return False
