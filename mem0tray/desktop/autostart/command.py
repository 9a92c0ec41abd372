"""Command lines: those that start mem0tray from here, and those in entries and units."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from configparser import ConfigParser, Error
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.system.paths import APP

# Desktop entries, units, and the units that systemd makes of entries quote these differently.
_ODD: Final = re.compile(r"""["'`$\\%\x00-\x1f\x7f\udc80-\udcff]""")
_BARE: Final = re.compile(r"[\w@+=:,./-]+")  # a word that needs no quotes


def _is_program(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.X_OK)


@dataclass(frozen=True, slots=True)
class Origin:
    """How a process was started; `argv0` is absolute, and `is_there` finds programs.

    `executable` is the interpreter, with no link followed: in a virtual environment the link leads
    out of it. `package` is the folder that `mem0tray` was imported from.
    """

    argv0: str
    executable: str
    package: str
    environ: Mapping[str, str]
    windows: bool = False
    is_there: Callable[[str], bool] = _is_program

    def tray(self) -> tuple[str, ...]:
        """The words that start the tray.

        An AppImage is started as itself, as its inside is mounted elsewhere each time. A console
        script keeps the name it was called by, and no link is followed: `~/.local/bin/mem0tray`
        survives when pipx moves its environments, and Homebrew's link every new version.
        """
        windowless = str(PureWindowsPath(self.executable).with_name("pythonw.exe"))
        python = windowless if self.windows and self.is_there(windowless) else self.executable
        return self._program(f"{APP}w.exe") or (python, "-m", APP)

    def in_console(self) -> tuple[str, ...]:
        """The words that start a command of ours, which reads and writes; found as `tray` does.

        Python must import nothing from the working directory, which is somebody's project.
        """
        return self._program(f"{APP}.exe") or (self.executable, "-P", "-m", APP)

    def _program(self, exe: str) -> tuple[str, ...]:
        """The AppImage or the script, which is called `exe` on Windows; empty if there is none."""
        image, mounted = self.environ.get("APPIMAGE", ""), self.environ.get("APPDIR", "")
        inside = (self.executable, self.package)  # else it is the AppImage of our terminal
        if image and mounted and any(PurePath(each).is_relative_to(mounted) for each in inside):
            return (image,)
        scripts: list[PurePath]
        if self.windows:
            python = PureWindowsPath(self.executable).parent
            called = PureWindowsPath(self.argv0).parent
            scripts = [folder / exe for folder in (called, python, python / "Scripts")]
        else:
            beside = PurePosixPath(self.executable).with_name(APP)
            scripts = [each for each in (PurePosixPath(self.argv0), beside) if each.name == APP]
        return next(((str(each),) for each in scripts if self.is_there(str(each))), ())


def of_this_process() -> Origin:
    """How this process was started."""
    package = str(Path(__file__).parents[2])
    argv0 = str(Path(sys.argv[0]).absolute())
    return Origin(argv0, sys.executable, package, os.environ, sys.platform == "win32")


def quoted(words: Sequence[str]) -> str:
    """The words as desktop entries and units take them. Raises Mem0TrayError for an odd path."""
    line = " ".join(word if _BARE.fullmatch(word) else f'"{word}"' for word in words)
    if any(map(_ODD.search, words)):
        raise Mem0TrayError(
            Reason("No entry or unit can start {line}: its path has odd characters.", line=line),
            Reason("Install mem0tray in a folder with a plainer name."),
        )
    return line


def fields(data: bytes, group: str) -> dict[str, str]:
    """Keys and values of a group of an entry or a unit; empty if there is none."""
    parser = ConfigParser(
        interpolation=None, strict=False, delimiters="=", default_section="", allow_no_value=True
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    with suppress(Error):
        parser.read_string(data.decode("utf-8", "replace"))
    found = parser[group].items() if parser.has_section(group) else ()
    return {key: value or "" for key, value in found}


def words(line: str) -> list[str]:
    """The words of a command line of an entry or a unit; none where it is malformed."""
    with suppress(ValueError):
        return shlex.split(line)
    return []
