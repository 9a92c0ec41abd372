"""`mem0tray serve`: the embedded local server in the terminal."""

import click

from mem0tray.cli import context
from mem0tray.cli.command_help import Command
from mem0tray.cli.values import whole_number


@click.command(
    "serve",
    cls=Command,
    examples={"mem0tray serve": "", "mem0tray serve --port 7000": "at this port"},
)
@click.option(
    "--port",
    callback=whole_number(0, 65535),
    metavar="N",
    help="The port to begin with; if it is taken, the next free one. Default: server.local_port.",
)
def command(port: int | None) -> None:
    """Run the embedded local server, for this computer only.

    The worker starts it by itself when `server.url` is "local"; here it runs
    until Ctrl-C.
    """
    settings = context.load()
    folder = settings.locations().local_server
    # Slow to import, and `--help` does without.
    from mem0tray.localserver.serve import serve

    def announce(sentence: str) -> None:
        click.echo(sentence)
        click.echo(f"Memories are kept in {folder}. Ctrl-C stops the server.")

    serve(folder, settings.server.local_port if port is None else port, announce=announce)
