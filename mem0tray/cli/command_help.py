"""Commands whose help ends with examples, groups that list whole summaries, errors of usage."""

from collections.abc import Mapping
from typing import Any, Final

import click

from mem0tray.core.errors import Mem0TrayError

_MARGIN: Final = "  "
_GAP: Final = 2
_WITH_TEXT: Final = ("add", "search")


class UsageError(Mem0TrayError):
    """The command line cannot be understood."""

    exit_code = 2


class _WithExamples(click.Command):
    """`examples`: lines that can be copied, each with a remark on what it does (or "")."""

    def __init__(
        self, *arguments: Any, examples: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples: Mapping[str, str] = examples or {}

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first paragraph of the help, never cut."""
        del limit
        return " ".join((self.help or "").split("\n\n")[0].split())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an error in them is known to be this command's."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """End the help with the examples, unbroken; remarks beside them, or above if too wide."""
        super().format_epilog(ctx, formatter)
        if not self.examples:
            return
        width = _GAP + max(map(len, self.examples))
        longest = max(len(f"# {remark}") for remark in self.examples.values())
        beside = len(_MARGIN) + width + longest <= formatter.width
        with formatter.section("Examples"):
            for line, remark in self.examples.items():
                if remark and not beside:
                    formatter.write(f"{_MARGIN}# {remark}\n")
                shown = f"{line:<{width}}# {remark}" if remark and beside else line
                formatter.write(f"{_MARGIN}{shown}\n")


class Command(_WithExamples):
    """A command of the program."""


class CommandGroup(_WithExamples, click.Group):
    """A group of commands; a mistyped name gets a guess."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name, in the order of the source."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one suggest a similar name."""
        name = args[0]
        names = self.list_commands(ctx)
        if name not in names and not name.startswith("-") and not ctx.resilient_parsing:
            from mem0tray.core.text import did_you_mean  # slow to import

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
