"""`mem0tray mcp`: the tools of Claude Code and of other clients of the Model Context Protocol."""

import click

from mem0tray.cli.command_help import Command
from mem0tray.core.errors import Mem0TrayError


@click.command(
    "mcp",
    cls=Command,
    examples={"mem0tray mcp": "as a client starts it"},
)
def command() -> None:
    """Serve the Model Context Protocol on standard input and output.

    A client starts it: `claude mcp add --scope user mem0tray -- mem0tray mcp` tells Claude Code
    to. It ends when its standard input does. Its tools are mem0_save, mem0_recall, mem0_search,
    mem0_list_projects, mem0_health and mem0_queue_status. What mem0_save was given is on the disk
    when it answers, whether or not the worker runs.

    A tool that is given no project uses that of the folder which the client names, else of the
    working directory, as `add` does.
    """
    try:
        from mem0tray.claude import mcp_server
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "mem0tray":
            raise
        raise Mem0TrayError(
            f"The Model Context Protocol needs the package {package}, which is not installed.",
            "Install mem0tray with it: `pipx install --force '.[mcp]'` in the checkout.",
        ) from error
    mcp_server.serve()
