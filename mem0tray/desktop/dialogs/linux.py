"""Dialogs of Linux: a window of another program, in a process of its own.

The tray needs no library for windows, and stays alive while one is open. Which program
shows the window depends on the desktop and on what is installed; if none can, a notification asks.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import lines
from mem0tray.desktop.dialogs import Dialogs, Question
from mem0tray.desktop.notify.backends import NotShownError
from mem0tray.desktop.notify.notice import Notice, Urgency
from mem0tray.desktop.notify.notice_texts import NEEDS_USER
from mem0tray.desktop.tray.icon import icon_file
from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.desktop.notify.daemon import Daemon

PATIENCE: Final = 1800.0  # seconds that a window stays open, or a program hangs
SYSTEM_PYTHON: Final = "/usr/bin/python3"  # it sees the system's packages; ours may not
NO: Final = 4  # exit code of our own windows; an error of Python is 1
# What GTK and Qt say before they end, with the code of a closed window, or by a signal.
_NO_DISPLAY: Final = (b"open display", b"connect to display", b"no Qt platform plugin")
# Some builds of Qt say it only to the system's journal.
_SAYS_SO: Final = {"QT_FORCE_STDERR_LOGGING": "1"}
_WIDTH: Final = 440  # pixels
_YES: Final = "yes"  # what kdialog writes for the line that means yes
_HERE: Final = Path(__file__).parent
_ICON: Final = str(icon_file("healthy-256.png"))
_QT: Final = frozenset({"kde", "lxqt"})
_NO: Final = "no"
_OVERLOOKED: Final = 600.0  # seconds; a notification is easily overlooked
_NOTHING_ASKS: Final = Reason("No program here can show a window.")
_INSTALL: Final = Reason("Install zenity or kdialog.")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Child:
    """A program that shows a window. It ends with 0 for yes, a code in `no`, or else it failed.

    With `says`, 0 means yes only if it has written this word.
    """

    command: tuple[str, ...]
    no: frozenset[int]
    words: bytes = b""  # on its standard input
    says: bytes = b""


class ChildDialogs:
    """Asks through other programs; `otherwise` if none of them can."""

    def __init__(self, otherwise: Dialogs) -> None:
        self._otherwise = otherwise

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`; a window that is killed, or open too long, means no."""
        question = _harmless(question)
        for child in _children(question, os.environ):
            answer = _answered(child)
            if answer is not None:
                return answer
        return self._otherwise.ask(question)

    def tell(self, title: str, text: str, close: str) -> None:
        """See `Dialogs.tell`."""
        question = _harmless(Question(title, text, close, ""))
        for child in _children(question, os.environ):
            if _answered(child) is not None:
                return
        self._otherwise.tell(question.title, question.text, close)


def _harmless(question: Question) -> Question:
    """The question without characters that no program takes in a word, or that it would obey."""
    return replace(question, title=lines(question.title), text=lines(question.text))


def _answered(child: _Child) -> bool | None:
    """The answer of a window; None if no window was shown."""
    command = [*_until_we_end(), *child.command]
    try:
        done = subprocess.run(  # noqa: S603  (programs of the system, and texts that are no options)
            command,
            input=child.words,
            capture_output=True,
            env={**os.environ, **_SAYS_SO},
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    except OSError:
        return None
    if done.returncode and any(sign in done.stderr for sign in _NO_DISPLAY):
        return None
    if done.returncode < 0:  # killed
        return False
    yes = not child.says or done.stdout.split() == [child.says]
    return {0: yes, **dict.fromkeys(child.no, False)}.get(done.returncode)


def _until_we_end() -> tuple[str, ...]:
    """The words before a command that must not outlive us, however we end."""
    program = shutil.which("setpriv")
    return (program, "--pdeathsig", "TERM") if program else ()


# Which programs ------------------------------------------------------------------------------


def _children(question: Question, environ: Mapping[str, str]) -> Iterator[_Child]:
    """The programs that can show it here, the best first. No text stands where an option could."""
    desktops = set(environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":"))
    native: list[tuple[str, Callable[[str, Question], _Child]]]
    native = [("zenity", _zenity), ("kdialog", _kdialog)]
    if desktops & _QT:
        native.reverse()
    first, second = native
    yield from _of_program(*first, question)
    if desktops & _QT:
        yield from _of_program(*second, question)
    if Path(SYSTEM_PYTHON).exists():
        yield _window("gtk_window.py", SYSTEM_PYTHON, question)
    if not desktops & _QT:
        yield from _of_program(*second, question)
    for python in _unlike([sys.executable, SYSTEM_PYTHON]):
        yield _window("tk_window.py", python, question)


def _of_program(
    name: str, make: Callable[[str, Question], _Child], question: Question
) -> Iterator[_Child]:
    program = shutil.which(name)
    if program is not None:
        yield make(program, question)


def _zenity(program: str, question: Question) -> _Child:
    """A zenity; its options for our icon depend on its version."""
    version = programs.answer(program, "--version") or ""
    new = version.partition(".")[0] not in ("2", "3")
    picture = str(icon_file("action-needed-256.png")) if question.cancel else _ICON
    command = [
        program,
        "--question" if question.cancel else "--info",
        "--no-markup",
        f"--title={question.title}",
        f"--text={question.text}",
        f"--ok-label={question.confirm}",
        f"--width={_WIDTH}",
        f"--icon={picture}" if new else f"--window-icon={_ICON}",
    ]
    if question.cancel:
        command += [f"--cancel-label={question.cancel}", "--default-cancel"]
    return _Child(tuple(command), no=frozenset({1}))


def _kdialog(program: str, question: Question) -> _Child:
    """A kdialog. It takes what looks like markup for markup, so everything is, with signs escaped.

    A backslash means a line break or itself to it. With two buttons Return would be the one for
    yes; and the code for no is also that of a window whose compositor has ended, so they cannot
    change places. So it shows a list, with the first line chosen.
    """
    rich = escape(question.text).replace("\n", "<br>").replace("\\", "\\\\")
    words = [program, f"--icon={_ICON}", f"--title={question.title}"]
    if not question.cancel:
        words += [f"--ok-label={question.confirm}", f"--msgbox=<qt>{rich}</qt>"]
        return _Child(tuple(words), no=frozenset({1, 2}))
    words.append(f"--radiolist=<qt>{rich}</qt>")
    words += ["no", question.cancel, "on", _YES, question.confirm, "off"]
    return _Child(tuple(words), no=frozenset({1, 2}), says=_YES.encode())


def _window(script: str, python: str, question: Question) -> _Child:
    """A window of ours, in a Python that has the library for it."""
    words = {**asdict(question), "icon": _ICON, "no": NO}
    command = (python, "-I", str(_HERE / script))
    return _Child(command, no=frozenset({NO}), words=json.dumps(words).encode())


def _unlike(names: Iterable[str]) -> Iterator[str]:
    """Each of these programs that is there, once."""
    yield from dict.fromkeys(name for name in names if Path(name).exists())


# Where no program shows a window ---------------------------------------------------------------


class NoticeDialogs:
    """Asks through the notification daemon; Mem0TrayError without a daemon, or without buttons."""

    def __init__(self, daemon: "Daemon | None") -> None:
        self._daemon = daemon

    def ask(self, question: Question) -> bool:
        """See `Dialogs.ask`."""
        answers = [(_YES, question.confirm), (_NO, question.cancel)]
        asked = _notice(question.title, question.text)
        return self._by(lambda daemon: daemon.ask(asked, answers, _OVERLOOKED)) == _YES

    def tell(self, title: str, text: str, close: str) -> None:
        """Show a text until the user closes it; nothing waits for that."""
        del close  # a notification can be closed without a button
        self._by(lambda daemon: daemon.show(_notice(title, text)))

    def _by(self, show: Callable[["Daemon"], _Answer]) -> _Answer:
        if self._daemon is None:
            raise Mem0TrayError(_NOTHING_ASKS, _INSTALL)
        try:
            return show(self._daemon)
        except NotShownError as error:
            raise Mem0TrayError(_NOTHING_ASKS, _INSTALL) from error


def _notice(title: str, text: str) -> Notice:
    return Notice(title, title, text, base=NEEDS_USER, urgency=Urgency.CRITICAL)
