"""`mem0tray completion`: click's completion for the shell; `candidates` has the words."""

import click
from click.shell_completion import get_completion_class

from mem0tray import cli
from mem0tray.cli.command_help import Command


@click.command(
    "completion",
    cls=Command,
    examples={
        """echo 'eval "$(mem0tray completion bash)"' >> ~/.bashrc""": "bash",
        """echo 'eval "$(mem0tray completion zsh)"' >> ~/.zshrc""": "zsh, after its compinit",
        "mem0tray completion fish > ~/.config/fish/completions/mem0tray.fish": "fish",
    },
)
@click.argument("shell", metavar="SHELL", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options, ids, projects and settings in SHELL.

    SHELL is bash, zsh or fish. One of the lines below installs it, for every
    shell that you open from then on.
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  (click has all three)
    script = made(ctx.find_root().command, {}, "mem0tray", cli.COMPLETE).source()
    click.echo(script, nl=False)
