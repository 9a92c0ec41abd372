"""Other programs: starting and ending them, asking them, and words of their command lines."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.system import regular_file
from mem0tray.system.paths import APP

PATIENCE: Final = 5.0  # seconds
_STOP_SECONDS: Final = 1.0
_FIRST_LINE: Final = 512  # bytes; no system reads a longer `#!` line
_PLAIN_SIGNS: Final = frozenset("-_.:/\\@+,=~")  # on Windows, beside letters and digits
_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_BY_SIGNAL: Final = 128  # plus the number: a shell's code for a program that a signal ended

# Programs of the system -----------------------------------------------------------------


def answer(*words: str, patience: float = PATIENCE) -> str | None:
    """Return what a program prints; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  (questions that are fixed where they are asked)
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):  # NUL in a word is a ValueError
        return None
    return None if done.returncode else done.stdout.decode("utf-8", "replace")


def obstacle(program: str) -> str:
    """Say why a program cannot be started, without a full stop; empty when it can.

    A script whose interpreter is gone cannot, as after the system's Python was replaced.
    """
    found = shutil.which(program)
    if found is None:
        gone = "is no program" if os.path.lexists(program) else "is not there"
        return f"{program} {gone} any more"
    with suppress(OSError), regular_file.open_binary(Path(found)) as file:
        line = file.readline(_FIRST_LINE)
        interpreter = os.fsdecode(line[2:]).split()[:1] if line.startswith(b"#!") else []
        if interpreter and not Path(interpreter[0]).exists():
            return f"{program} needs {interpreter[0]}, which is not there any more"
    return ""


def edit(file: Path, *, if_failed: str) -> None:
    """Open `file` in the user's editor and wait until it ends.

    Raises Mem0TrayError, with the remedy `if_failed` if the editor does not start or fails.
    """
    import click  # slow to import

    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not named and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Mem0TrayError(
            "There is no terminal for an editor, and neither $VISUAL nor $EDITOR names one.",
            "Run this in a terminal, or set $EDITOR.",
        )
    if named and sys.platform == "win32":
        named = named.replace("\\", "\\\\")  # click splits words as a shell of POSIX does
    try:
        click.edit(filename=os.fspath(file), editor=named)
    except (click.ClickException, ValueError) as error:  # ValueError: for an open quote
        raise Mem0TrayError(f"{error}.", if_failed) from error


# Children -------------------------------------------------------------------------------


def ourselves(module: str = APP) -> tuple[str, ...]:
    """Return the words that run one of our modules, not one from the working directory.

    A program that carries its own Python understands them too (`mem0tray/__main__.py`).
    """
    return (sys.executable, "-P", "-m", module)


def child_environment() -> dict[str, str]:
    """Return our environment; in a checkout, with what lets a child find mem0tray."""
    ours = dict(os.environ)
    root = Path(__file__).resolve().parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        paths = [ours.get("PYTHONPATH", ""), str(root)]
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return ours


def started(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that no pipe, terminal or signal of ours reaches. Raises OSError."""
    nothing = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603  (the callers' own, of the system or the user)
        command, stdin=nothing, stdout=nothing, stderr=nothing, **detached(), **options
    )


def detached() -> dict[str, Any]:
    """Return the arguments of Popen that detach a child from our terminal.

    Ctrl-C in the terminal then reaches only us, and we end the children in order.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def wait_for_parent() -> None:
    """Wait until standard input ends: the parent, which holds its other end, closes it or dies."""
    with suppress(OSError):
        while os.read(0, 4096):  # it holds no lock when the interpreter exits
            pass


def end_child(child: subprocess.Popen[bytes], patience: float = _STOP_SECONDS) -> None:
    """Close the child's standard input, then terminate it, then kill it.

    Each step gets `patience` seconds.
    """
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()
    for harder in (child.terminate, child.kill):
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            harder()
        else:
            return
    child.wait()


@contextmanager
def signals(handler: Callable[[int], object]) -> Iterator[None]:
    """Call `handler` with the number of each signal that ends a process, for the main thread alone.

    Signals that the caller ignores (`nohup`) stay ignored.
    """
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # None: a handler that is not Python's, which could not be restored.
    known = [each for each in numbers if signal.getsignal(each) not in (signal.SIG_IGN, None)]
    before = {each: signal.signal(each, lambda number, _: handler(number)) for each in known}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Turn each signal that ends the process into an exception, which runs every `finally`.

    SIGINT raises KeyboardInterrupt, the others SystemExit. A second signal changes nothing.
    """
    ended: list[int] = []

    def end(number: int) -> None:
        if ended:
            return
        ended.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(_BY_SIGNAL + number)

    with signals(end):
        yield


# Command lines --------------------------------------------------------------------------


def quote(word: str) -> str:
    """Quote one word of a command shown to people, if it needs that."""
    if sys.platform == "win32":
        is_plain = bool(word) and all(sign.isalnum() or sign in _PLAIN_SIGNS for sign in word)
        return word if is_plain else f'"{word}"'
    return shlex.quote(word)
