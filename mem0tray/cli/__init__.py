"""The commands. Thin: each calls what the other packages offer.

Nothing is imported before it is needed. A module such as `add` has the command as click knows it;
its pair `add_fast` does the work, and `main` calls that at once, without click, for what other
programs call again and again: `add`, `recall`, `search`, `hook`, and `status --line`.
"""

import errno
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from mem0tray import __version__
from mem0tray.core.errors import Mem0TrayError

INTERRUPTED: Final = 130  # a shell's exit code for a program that Ctrl-C ended
BROKEN_PIPE: Final = 141  # the same for a program whose reader has left
COMPLETE: Final = "_MEM0TRAY_COMPLETE"  # set by the shell's script: what may follow on its line?
_SETTINGS: Final = "MEM0TRAY_"  # begins the variables that stand for settings
_TWO: Final = 2
_LONGEST_ERROR: Final = 2000
# Allocations between two garbage collections. Imported modules are no garbage, and looking
# through them again and again took a twelfth of a start.
_OBJECTS: Final = 10_000
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class _Nowhere(io.TextIOWrapper):
    """Replaces a standard stream that the caller closed: what is written is lost."""

    has_lost = False

    def write(self, text: str, /) -> int:
        """Take a text, and note that it came."""
        self.has_lost = True
        return super().write(text)


def start() -> NoReturn:
    """Be the process of one command, from its arguments to its end."""
    code = main()
    if "click" not in sys.modules:
        # A short way leaves nothing to clear away, and an interpreter that takes itself apart
        # takes a seventh of the whole time.
        os._exit(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code. Errors are printed here and nowhere else."""
    gc.set_threshold(_OBJECTS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a sign shows "?" instead
            stream.reconfigure(errors="replace")
    return _guarded(lambda: _run(given))


def _open_what_is_closed() -> None:
    """Put an empty stream in place of each standard stream that the caller closed.

    In this order each gets its own descriptor back, and no file of ours takes it.
    """
    for name, mode in (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb")):
        if getattr(sys, name) is None:
            setattr(sys, name, _Nowhere(open(os.devnull, mode), encoding="utf-8"))  # noqa: SIM115, PTH123  (no file)


def _run(arguments: list[str]) -> int:
    if COMPLETE in os.environ:
        from mem0tray.cli import completion

        return completion.answer(os.environ[COMPLETE])
    if _was_quick(arguments):
        return 0
    if any(name.startswith(_SETTINGS) for name in os.environ):
        from mem0tray.system import lean_msgspec

        lean_msgspec.load()
        from mem0tray.cli import context

        context.warn_of_unknown_variables()
    if _was_plain(arguments):
        return 0
    from mem0tray.cli import app

    return app.run(arguments)


def _was_quick(arguments: list[str]) -> bool:
    """Whether these arguments are a call that is made again and again, and so has a short way."""
    first, second = [*arguments, "", ""][:_TWO]
    if len(arguments) > _TWO:
        return False
    if arguments in (["--version"], ["-V"]):
        sys.stdout.write(f"mem0tray {__version__}\n")
        return True
    if arguments == ["status", "--line"]:  # for each prompt
        from mem0tray.system import lean_msgspec

        lean_msgspec.load()
        from mem0tray.cli import status_fast

        status_fast.run()
        return True
    if first == "hook" and second and not second.startswith("-"):
        from mem0tray.cli import hook_fast

        hook_fast.run(second)
        return True
    if first == "completion" and second:  # at the start of every shell
        from mem0tray.cli import completion_scripts

        script = completion_scripts.SCRIPTS.get(second, "")
        sys.stdout.write(script)
        return bool(script)
    return False


def _was_plain(arguments: list[str]) -> bool:
    """Whether these arguments ask for what other programs call, in a form that needs no click."""
    command, *rest = arguments or [""]
    if command not in {"add", "recall", "search"}:
        return False
    from mem0tray.system import lean_msgspec

    lean_msgspec.load()
    return _was_added(rest) if command == "add" else _was_read(command, rest)


def _was_added(arguments: list[str]) -> bool:
    from mem0tray.cli import fast_arguments

    plain = fast_arguments.parse(arguments)
    if plain is None or len(plain.words) > 1:
        return False
    from mem0tray.cli import add_fast

    text = plain.words[0] if plain.words else "-"
    add_fast.run(plain.project, None if text == "-" else text, as_json=plain.as_json)
    return True


def _was_read(command: str, arguments: list[str]) -> bool:
    from mem0tray.cli import fast_arguments

    plain = fast_arguments.parse(arguments, most=fast_arguments.MOST_MEMORIES)
    if plain is None or bool(plain.words) != (command == "search"):
        return False
    from mem0tray.cli import recall_fast

    if command == "search":
        limit = plain.limit or recall_fast.SEARCHED
        recall_fast.run_search(plain.project, " ".join(plain.words), limit, as_json=plain.as_json)
    else:
        limit = plain.limit or recall_fast.RECALLED
        recall_fast.run_recall(plain.project, limit, as_json=plain.as_json)
    return True


def _guarded(command: Callable[[], int]) -> int:  # noqa: PLR0911  (one for each way to end)
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
    except MemoryError:
        _complain("There is too little memory. End other programs, or allow this one more.")
        return 1
    except OSError as error:
        if error.errno in _FULL and error.filename is None:  # errors of our files have a file name
            reason = (error.strerror or str(error)).lower()
            _complain(f"Standard output cannot be written: {reason}.")
            _close_standard_output()
        else:
            _complain(_in_words(error))
        return 1
    if isinstance(sys.stdout, _Nowhere) and sys.stdout.has_lost:
        _complain("Standard output cannot be written: it is closed.")
        return code or 1
    return code


def why_not_written(text: str) -> str:
    """Write `text` to standard output at once; return why that failed, or nothing.

    For a command that has already done what counts: its output must not make it fail.
    """
    if isinstance(sys.stdout, _Nowhere):
        return "it is closed"
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _close_standard_output()
        return (error.strerror or str(error)).lower()
    return ""


def _in_words(error: OSError) -> str:
    if error.filename is None:
        return f"{error.strerror or error}."
    return f"{error.filename} cannot be used: {(error.strerror or str(error)).lower()}."


def _complain(message: str) -> None:
    from mem0tray.core.text import one_line

    sys.stderr.write(f"mem0tray: {one_line(message, _LONGEST_ERROR)}\n")


def _close_standard_output() -> None:
    """Close standard output, which Python would complain about when it flushes at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
