"""What commands are given: projects, whole numbers, and text whose bytes are UTF-8."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from mem0tray.cli import candidates
from mem0tray.cli.context import UsageError

END_OF_INPUT: Final = (
    "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D on a line of its own"
)
_Function = Callable[..., Any]
Callback = Callable[[click.Context, click.Parameter, str | None], int | None]


def project_option(help_: str) -> Callable[[_Function], _Function]:
    """The option `--project`, with what it means to the command."""
    return click.option(
        "-p", "--project", metavar="P", shell_complete=candidates.projects, help=help_
    )


def project_meant(given: str | None) -> str:
    """The named project, else that of the working directory. Raises UsageError if there is none."""
    given = whole(_project_here() if given is None else given, "the project")
    if not given.strip():
        raise UsageError("A memory needs a project.", "Name it with --project.")
    return given


def project_alone(given: str | None) -> str | None:
    """The one named project, None for all. Raises UsageError for an empty name."""
    return None if given is None else project_meant(given)


def _project_here() -> str:
    from mem0tray.system import project  # only a call without a project waits for git

    try:
        return project.of_folder(Path.cwd(), os.environ)
    except FileNotFoundError:  # the working directory has been removed
        return ""


def whole(given: str, what: str) -> str:
    """An argument, or a folder's name, as text. Raises UsageError if its bytes are not UTF-8.

    Python keeps bytes that the system's encoding does not have as halves of characters: where
    that is ASCII (`LC_ALL=C`, UTF-8 mode off), these are all of a text beyond it.
    """
    try:
        given.encode()
    except UnicodeEncodeError:
        if sys.platform != "win32":
            data = os.fsencode(given)
            return decoded(data, len(data), what)
    return given


def decoded(data: bytes | bytearray, end: int, what: str) -> str:
    """The first `end` bytes as text; half a character, which some programs write, is let through.

    Such a half has three bytes. Raises UsageError, which names `what`, if they are not UTF-8.
    """
    try:
        return str(memoryview(data)[:end], "utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"Nothing was queued: {what} is not UTF-8: byte"
            f" {error.start + 1:,} is 0x{data[error.start]:02x}.",
            "Convert it, from Latin-1 with `iconv -f latin1 -t utf-8`.",
        ) from error


def whole_number(least: int, most: int | None = None) -> Callback:
    """Make a callback that takes a whole number from `least`, to `most` if there is such."""
    limits = f", at least {least}" if most is None else f" from {least} to {most}"

    def convert(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        if value is None:
            return None
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise click.BadParameter(
                f"must be a whole number{limits}; it is {value!r}.", ctx, parameter
            )
        return number

    return convert
