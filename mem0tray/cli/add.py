"""`mem0tray add`, where its arguments are not plain: help, and errors of usage."""

import click

from mem0tray.cli import producing


@click.command("add")
@click.option("--project", required=True, metavar="P", help="The project that it belongs to.")
@click.option("--json", "as_json", is_flag=True, help="Print id and file as JSON.")
@click.argument("text", default="-")
def command(project: str, text: str, *, as_json: bool) -> None:
    """Queue one memory, and print its id.

    It is on the disk when this returns, whether or not the worker runs. TEXT
    is read from standard input when it is `-` or missing; put `--` before a
    text that begins with a dash.
    """
    producing.run(project, None if text == "-" else text, as_json=as_json)
