"""The commands, and the process of one: its streams, its errors, its exit code.

`hook`, `mcp` and `status --line`, which other programs start all the time, do without click.
"""

import errno
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from mem0tray.core.errors import INTERRUPTED, Mem0TrayError

BROKEN_PIPE: Final = 141  # the same for a program whose reader has left
COMPLETE: Final = "_MEM0TRAY_COMPLETE"  # set by the shell's script, for click
_LINE: Final = ["status", "--line"]
_LONGEST_ERROR: Final = 2000
# Allocations between two garbage collections: imported modules, which are no garbage, were looked
# through for a twelfth of a start.
_OBJECTS: Final = 10_000
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def start() -> NoReturn:
    """Be the process of one command, from its arguments to its end."""
    is_lean = sys.argv[1:] == _LINE or bool(_hook(sys.argv[1:]))
    if is_lean:
        # msgspec asks for this module, and does as well without it, in half the time.
        sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]
    code = main()
    if is_lean:
        os._exit(code)  # nothing is left to clear away
    gc.freeze()  # else the interpreter looks through all objects once more: a sixth of a start
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code. Errors are printed here and nowhere else."""
    gc.set_threshold(_OBJECTS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    # A stream that the caller closed is an empty one. In this order each gets its own descriptor
    # back, and no file of ours takes it.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a sign shows "?" instead
            stream.reconfigure(errors="replace")
    return _guarded(lambda: _run(given))


def _run(arguments: list[str]) -> int:
    if arguments == _LINE:
        print_status_line()
        return 0
    if called := _hook(arguments):
        run_hook(*called)
        return 0
    if arguments == ["mcp"]:
        from mem0tray.agents import mcp_server

        mcp_server.serve()
        return 0
    from mem0tray.cli import app

    return app.run(arguments)


def _hook(arguments: list[str]) -> list[str]:
    """Return the event, and the agent if one is named, of a hook that is called as we set it up."""
    match arguments:
        case ["hook", event] if event[:1] != "-":
            return [event]
        case ["hook", "--agent", agent, event] if event[:1] != "-":
            return [event, agent]
    return []


def run_hook(event: str, *agent: str) -> None:
    """Handle one event of an agent, whose JSON is on standard input; print the answer."""
    from mem0tray.agents import hook

    try:
        given = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    except (OSError, ValueError):  # standard input is a folder, or closed
        given = b""
    why_not_written(hook.run(event, given, *agent))  # if nobody reads it, nobody wants it


def print_status_line() -> None:
    """Print the one line of `status --line`, which says so if something is wrong."""
    import time

    from mem0tray.actions import status_line

    line = status_line.read(time.time())
    try:
        line.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        line = line.replace(status_line.WELL, "+")
    why_not_written(f"{line}\n")  # nobody is there to read why


def _guarded(command: Callable[[], int]) -> int:
    try:
        code = command()
        sys.stdout.flush()
    except Mem0TrayError as error:
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _close_standard_output()
        return BROKEN_PIPE
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        if error.filename is None and error.errno in _FULL:  # errors of our files have a name
            _complain(f"Standard output cannot be written: {why}.")
            _close_standard_output()
        elif error.filename is None:
            _complain(f"{error.strerror or error}.")
        else:
            _complain(f"{error.filename} cannot be used: {why}.")
        return 1
    return code


def why_not_written(text: str) -> str:
    """Write `text` to standard output at once; return why that failed, or nothing.

    For a command that has already done what counts: its output must not make it fail.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _close_standard_output()
        return (error.strerror or str(error)).lower()
    return ""


def _complain(message: str) -> None:
    from mem0tray.core.text import one_line

    sys.stderr.write(f"mem0tray: {one_line(message, _LONGEST_ERROR)}\n")


def _close_standard_output() -> None:
    """Close standard output, which Python would complain about when it flushes at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
