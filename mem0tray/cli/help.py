"""`mem0tray help`, the help of a command or a page of the manual, and `mem0tray completion`."""

import re
import sys
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from mem0tray import cli
from mem0tray.agents.table import AGENTS
from mem0tray.cli import arguments, output

MANUAL: Final = Path(__file__).parents[1] / "docs" / "manual"
_LINK: Final = re.compile(r"\[([^]]+)\]\((?!https?:)[^)]+\)")  # leads nowhere in a terminal
_PICTURE: Final = re.compile(r"^ *(?:!\[|</?(?:picture|source|img)).*\n\n?", re.MULTILINE)


@arguments.command(
    "help",
    {
        "mem0tray help": "every command and topic",
        "mem0tray help config set": "a command",
        "mem0tray help troubleshooting": "a topic: a page of the manual",
    },
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=arguments.commands)
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of the command NAME, or the manual's page on the topic NAME."""
    root = ctx.find_root()
    pages = sorted(MANUAL.rglob("*.md"), key=lambda page: page.with_suffix(""))
    topics = {page.stem: page.read_text("utf-8") for page in pages}
    told = {**dict.fromkeys(AGENTS, topics["agents"]), **topics}
    if len(names) == 1 and names[0] in told:
        page = _LINK.sub(r"\1", _PICTURE.sub("", told[names[0]]))
        if not sys.stdout.isatty():
            click.echo(page, nl=False)
            return
        from rich.console import Console  # slow to import
        from rich.markdown import Markdown

        Console(no_color=not output.has_colour()).print(Markdown(page))
    elif names:
        shown = root
        for name in names:
            if not isinstance(shown.command, click.Group):
                raise click.UsageError(f"`{shown.command_path}` has no commands of its own.", shown)
            _, found, _ = shown.command.resolve_command(shown, [name])
            assert found is not None  # noqa: S101  (else a name that is none was an error)
            shown = click.Context(found, info_name=name, parent=shown)
        click.echo(shown.get_help())
    else:
        formatter = root.make_formatter()
        with formatter.section("Topics"):
            titles = [(each, page.partition("\n")[0][2:]) for each, page in topics.items()]
            formatter.write_dl(titles)
        click.echo(f"{root.get_help()}\n\n{formatter.getvalue()}", nl=False)


@arguments.command(
    "completion",
    {
        """echo 'eval "$(mem0tray completion bash)"' >> ~/.bashrc""": "bash",
        """echo 'eval "$(mem0tray completion zsh)"' >> ~/.zshrc""": "zsh, after its compinit",
        "mem0tray completion fish > ~/.config/fish/completions/mem0tray.fish": "fish",
    },
)
@click.argument("shell", metavar="SHELL", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options, ids, projects and settings in SHELL.

    SHELL is bash, zsh or fish. One of the lines below installs it, for every
    shell that you open from then on.
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  (click has all three)
    script = made(ctx.find_root().command, {}, "mem0tray", cli.COMPLETE).source()
    click.echo(script, nl=False)
