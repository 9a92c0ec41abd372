"""`mem0tray report`: the status page."""

from pathlib import Path

import click

from mem0tray import report
from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.system import user_language


@click.command(
    "report",
    cls=Command,
    examples={
        "mem0tray report": "opens it",
        "mem0tray report --out status.html --with-content": "only writes it, with texts",
    },
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    metavar="FILE.html",
    help="Write the page there, and do not open it.",
)
@click.option("--with-content", is_flag=True, help="Show texts of memories on the page too.")
def command(out: Path | None, *, with_content: bool) -> None:
    """Write the status page and open it in the browser; its path is printed.

    One HTML file that only you can read. It loads nothing and runs no script.
    """
    if out == Path():
        raise click.UsageError("--out names no file.")
    settings = context.load_there()
    path = report.write(
        settings, user_language.chosen(settings.ui.language), out=out, with_content=with_content
    )
    output.say(str(path))
    if out is None and not report.open_page(path):
        output.say("No browser could be opened here: open that file yourself.", error=True)
