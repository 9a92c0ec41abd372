"""`mem0tray serve`: the embedded server in the terminal."""

from typing import TYPE_CHECKING

import click

from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.values import whole_number

if TYPE_CHECKING:
    from mem0tray.localserver.endpoint import Endpoint


@click.command(
    "serve",
    cls=Command,
    examples={"mem0tray serve": "", "mem0tray serve --port 7000": "at this port"},
)
@click.option(
    "--port",
    callback=whole_number(0, 65535),
    metavar="N",
    help="Use this port and no other (0: any free one). Default: server.local_port, or a free one"
    " near it.",
)
def command(port: int | None) -> None:
    """Run the embedded server, for this computer only.

    The worker starts it by itself when `server.url` is "local"; here it runs
    until Ctrl-C.
    """
    settings = context.load()
    folder = settings.locations().local_server
    # Slow to import, and `--help` does without.
    from mem0tray.localserver import endpoint
    from mem0tray.localserver.serve import serve

    wanted = settings.server.local_port if port is None else port

    def announce(own: "Endpoint") -> None:
        if wanted not in {0, own.port}:
            output.say(f"Port {wanted} (server.local_port) is taken.")
        output.say(
            f"The embedded server is ready at {own.url}, for this computer only."
            f" Its token stands in {folder / endpoint.FILE}."
        )
        output.say(f"Memories are kept in {folder}. Ctrl-C stops the server.")

    serve(folder, wanted, exact=port is not None, announce=announce)
