"""Commands whose help ends with examples, and groups that list whole summaries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from mem0tray.core.text import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MARGIN: Final = 2
_GAP: Final = 2


class _WithExamples(click.Command):
    """`examples`: lines that can be copied, each with a remark on what it does (or "")."""

    def __init__(
        self, *arguments: Any, examples: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples: Mapping[str, str] = examples or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an error in them is known to be this command's."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """End the help with the examples."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                _write(self.examples, formatter)


class Command(_WithExamples):
    """A command of the program."""


class CommandGroup(_WithExamples, click.Group):
    """A group of commands. Their summaries are never cut; a mistyped name gets a guess."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the source."""
        del ctx
        return list(self.commands)

    def summaries(self) -> dict[str, str]:
        """Every name with the first paragraph of its help."""
        return {name: summary(command) for name, command in self.commands.items()}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one suggest a similar name."""
        name = args[0]
        names = self.list_commands(ctx)
        if name not in names and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {name!r}.{did_you_mean(name, names)}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Complete commands, without importing any, and options."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=about)
            for name, about in self.summaries().items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries().items()))


def summary(command: click.Command) -> str:
    """The first paragraph of a command's help, in one line."""
    return " ".join((command.help or "").split("\n\n")[0].split())


def _write(examples: Mapping[str, str], formatter: click.HelpFormatter) -> None:
    """Write the lines unbroken, to be copied; remarks beside them, or above if too wide."""
    width = _GAP + max(map(len, examples))
    beside = all(
        _MARGIN + width + len(f"# {remark}") <= formatter.width for remark in examples.values()
    )
    margin = " " * _MARGIN
    for line, remark in examples.items():
        if not remark:
            formatter.write(f"{margin}{line}\n")
        elif beside:
            formatter.write(f"{margin}{line:<{width}}# {remark}\n")
        else:
            formatter.write(f"{margin}# {remark}\n{margin}{line}\n")
