"""Every command of the program, for tests of what all have in common."""

from collections.abc import Iterator

import click

from mem0tray.cli import app


def root() -> click.Context:
    return click.Context(app.group, info_name="mem0tray", **app.group.context_settings)


def every(parent: click.Context | None = None) -> Iterator[click.Context]:
    parent = parent or root()
    if not isinstance(parent.command, click.Group):
        return
    for name in parent.command.list_commands(parent):
        command = parent.command.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        yield context
        yield from every(context)


EVERY = list(every())
PATHS = [context.command_path.partition(" ")[2] for context in EVERY]
