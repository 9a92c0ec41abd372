"""What serves other programs: `mem0tray hook`, `mcp` and `serve`."""

from typing import TYPE_CHECKING

import click

from mem0tray import cli
from mem0tray.agents.table import CLAUDE_CODE
from mem0tray.cli import arguments, output

if TYPE_CHECKING:
    from mem0tray.localserver.endpoint import Endpoint


@arguments.command(
    "hook",
    {
        """echo '{"cwd": "/srv/garden", "last_assistant_message": "mem0: Roses want sun."}'"""
        " | mem0tray hook Stop": "as Claude Code calls it: saves one memory",
        """echo '{"cwd": "/srv/garden"}' | mem0tray hook --agent gemini SessionStart""": "context",
    },
    context_settings={"ignore_unknown_options": True},
)
@click.option(
    "--agent",
    is_flag=False,
    flag_value="",
    default=CLAUDE_CODE,
    help="Of this agent: topic agents.",
)
@click.argument("event", metavar="EVENT", nargs=-1)
def hook(event: tuple[str, ...], agent: str) -> None:
    """Handle an event of a coding agent, whose JSON comes on standard input.

    As a session begins, it prints context; after an answer, and as a session ends, it queues the
    lines of the last answer that begin with `mem0:`; Claude Code's PostCompact queues the summary
    with claude.save_summaries. It does nothing on an agent, event or input that it does not know.
    Exits with 0 whatever happens; the log has a line on what failed.
    """
    # Claude Code takes exit code 2, of a wrong command line, as a wish that the session go on.
    cli.run_hook(" ".join(event), agent)


@arguments.command("mcp", {"mem0tray mcp": "as a client starts it"})
def mcp() -> None:
    """Serve the Model Context Protocol on standard input and output.

    A client starts it: `mem0tray install AGENT` sets a coding agent up for that. It ends when its
    standard input does, once it has answered. What mem0_save was given is on the disk by then.
    """
    from mem0tray.agents import mcp_server

    mcp_server.serve()


@arguments.command("serve", {"mem0tray serve": "", "mem0tray serve --port 7000": "at this port"})
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Use this port and no other (0: any free one). Default: server.local_port, or a free one"
    " near it.",
)
def serve(port: int | None) -> None:
    """Run the embedded server, for this computer only.

    The worker starts it by itself when `server.url` is "local"; here it runs
    until Ctrl-C.
    """
    settings = arguments.load()
    folder = settings.locations().local_server
    # Slow to import, and `--help` does without.
    from mem0tray.localserver import endpoint
    from mem0tray.localserver import serve as server

    wanted = settings.server.local_port if port is None else port

    def announce(own: "Endpoint") -> None:
        if wanted not in {0, own.port}:
            output.say(f"Port {wanted} (server.local_port) is taken.")
        output.say(
            f"The embedded server is ready at {own.url}, for this computer only."
            f" Its token stands in {folder / endpoint.FILE}."
        )
        output.say(f"Memories are kept in {folder}. Ctrl-C stops the server.")

    server.serve(folder, wanted, exact=port is not None, announce=announce)
