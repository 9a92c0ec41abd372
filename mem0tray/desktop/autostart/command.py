"""The command lines that start the tray and the commands from here, so that they keep working.

Pure but for `Origin.of_this_process` and `is_program`.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final

from mem0tray.system.paths import APP

_WINDOWLESS: Final = f"{APP}w.exe"
_IN_CONSOLE: Final = f"{APP}.exe"


@dataclass(frozen=True, slots=True)
class Origin:
    """How a process was started.

    `executable` is the interpreter, with no link followed: in a virtual environment the link leads
    out of it. `package` is the folder that `mem0tray` was imported from; a relative `argv0` starts
    from `folder`.
    """

    argv0: str
    executable: str
    package: str
    folder: str
    environ: Mapping[str, str]
    windows: bool = False

    @classmethod
    def of_this_process(cls) -> "Origin":
        """How this process was started."""
        package = str(Path(__file__).parents[2])
        argv0 = Path(sys.argv[0])
        folder = "" if argv0.is_absolute() else str(Path.cwd())  # the folder may be gone
        windows = sys.platform == "win32"
        return cls(str(argv0), sys.executable, package, folder, os.environ, windows)


def is_program(path: str) -> bool:
    """Whether there is an executable file."""
    return Path(path).is_file() and os.access(path, os.X_OK)


def tray(origin: Origin, is_there: Callable[[str], bool]) -> tuple[str, ...]:
    """The words that start the tray; `is_there` says whether a path is a program.

    An AppImage is started as itself, as its inside is mounted elsewhere each time. A console script
    keeps the name it was called by, and no link is followed: `~/.local/bin/mem0tray` survives when
    pipx moves its environments, and Homebrew's link every new version.
    """
    image = _appimage(origin)
    if image:
        return (image,)
    if origin.windows:
        return _on_windows(origin, is_there)
    return _script(origin, is_there) or (origin.executable, "-m", APP)


def in_console(origin: Origin, is_there: Callable[[str], bool]) -> tuple[str, ...]:
    """The words that start a command of ours, which reads and writes; found as `tray` does.

    Python must import nothing from the working directory, which is somebody's project.
    """
    image = _appimage(origin)
    if image:
        return (image,)
    found = _beside(origin, is_there, _IN_CONSOLE) if origin.windows else _script(origin, is_there)
    return found or (origin.executable, "-P", "-m", APP)


def _script(origin: Origin, is_there: Callable[[str], bool]) -> tuple[str, ...]:
    """The console script; nothing where there is none."""
    called = PurePosixPath(origin.folder, origin.argv0)
    beside = PurePosixPath(origin.executable).with_name(APP)
    for script in (called, beside):
        if script.name == APP and is_there(str(script)):
            return (str(script),)
    return ()


def _appimage(origin: Origin) -> str:
    """The AppImage that we run from; one that only started our terminal leaves its name too."""
    image, mounted = origin.environ.get("APPIMAGE", ""), origin.environ.get("APPDIR", "")
    inside = mounted and any(
        PurePath(path).is_relative_to(mounted) for path in (origin.executable, origin.package)
    )
    return image if inside else ""


def _on_windows(origin: Origin, is_there: Callable[[str], bool]) -> tuple[str, ...]:
    """The words without a console window, if there is a program for that."""
    python = PureWindowsPath(origin.executable)
    windowless = str(python.with_name("pythonw.exe"))
    interpreter = windowless if is_there(windowless) else origin.executable
    return _beside(origin, is_there, _WINDOWLESS) or (interpreter, "-m", APP)


def _beside(origin: Origin, is_there: Callable[[str], bool], name: str) -> tuple[str, ...]:
    """The program of that name beside the one called, or beside Python; else nothing."""
    python = PureWindowsPath(origin.executable)
    called = PureWindowsPath(origin.folder, origin.argv0)
    for folder in (called.parent, python.parent, python.parent / "Scripts"):
        if is_there(str(folder / name)):
            return (str(folder / name),)
    return ()
