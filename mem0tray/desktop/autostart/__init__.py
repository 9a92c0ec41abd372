"""Start at login: one small class for each way to do it, over a shared base."""

import os
import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final, NamedTuple

from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, private_folders
from mem0tray.system import programs, regular_file
from mem0tray.system.paths import APP, AT_LOGIN

ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
BLOCKED: Final = "blocked"  # set up, but turned off in the system's settings
STALE: Final = "stale"  # set up, but the program to start is not there

DESKTOP: Final = "desktop"  # the session of a desktop starts the tray
SERVICE: Final = "service"  # the user's systemd starts the worker


class AutostartState(NamedTuple):
    """The state of the start at login; `reason` is a sentence for BLOCKED and STALE alone."""

    name: str
    starts: str = ""
    reason: str = ""


class Autostart(ABC):
    """A way to start `words` at login: one file at `where`, or a value of Windows' registry.

    Without `mark` in it, it is somebody else's. Of two rivals only one is set up.
    """

    kind: str = DESKTOP
    mark: bytes = b""

    def __init__(self, words: Sequence[str], where: Path | str) -> None:
        self.where = str(where)
        self.rival: Autostart | None = None
        self._words = tuple(words)
        self._path = Path(where)

    @property
    def is_foreign(self) -> bool:
        try:
            data = self._data()
        except OSError:
            return True
        return data is not None and self.mark not in data

    @property
    def command(self) -> str:
        return self._line(self._words)

    def state(self) -> AutostartState:
        """Read anew what the session will do; never raises."""
        try:
            data = self._data()
        except OSError as error:
            why = f"{self.where} cannot be read: {reasons.of_system(error)}."
            return AutostartState(STALE, "", why)
        if data is None:
            return AutostartState(DISABLED)
        words, off = self._read(data)
        if off:
            return AutostartState(BLOCKED, self._line(words), off)
        why = programs.obstacle(words[0]) if words else f"{self.where} starts no program"
        return AutostartState(STALE if why else ENABLED, self._line(words), why and f"{why}.")

    def enable(self) -> list[str]:
        """Start this installation in this way alone; return what else has changed, in sentences."""
        if self.is_foreign:
            raise Mem0TrayError(
                self._stays(), Reason("Move it away, or let it start mem0tray in its own way.")
            )
        self._set_up()
        rival = self.rival
        if rival is None or rival.state().name == DISABLED:
            return []
        done = rival.take_away()
        if not rival.is_foreign:
            done.append(f"{rival.where} was removed: one start at login is enough.")
        return done

    def disable(self) -> list[str]:
        """No longer start at login, in no way; return what else has changed, in sentences."""
        return [*self.take_away(), *(self.rival.take_away() if self.rival else ())]

    def take_away(self) -> list[str]:
        return [str(self._stays())] if self.is_foreign else self._remove()

    def mend(self) -> bool:
        """Renew a start of ours that is stale or lacks `AT_LOGIN`; return whether there was one."""
        state = self.state()
        lacks = state.name == ENABLED and f"{state.starts} {AT_LOGIN}" == self.command
        wanted = not self.is_foreign and (state.name == STALE or lacks)
        if wanted:
            self._write()
        return wanted

    def obstacle(self) -> Mem0TrayError | None:
        """Return why this way cannot be set up on this computer, and what to do instead."""
        return None

    def advice(self) -> list[str]:
        """Return what people have to do so that mem0tray starts and goes on, in sentences."""
        return []

    def _line(self, words: Sequence[str]) -> str:
        return shlex.join(words)

    def _stays(self) -> Reason:
        return Reason("{path} is not made by mem0tray, and stays as it is.", path=self.where)

    def _set_up(self) -> None:
        self._write()

    @abstractmethod
    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        """Read the words that are set up, and why the system skips them."""

    @abstractmethod
    def _write(self) -> None: ...

    def _data(self) -> bytes | None:
        return regular_file.read_bytes(self._path) if os.path.lexists(self._path) else None

    def _replace(self, data: bytes) -> None:
        private_folders.make_private_folder(self._path.parent)
        atomic.replace(self._path, data)

    def _remove(self) -> list[str]:
        unlink(self._path)
        return []


def unlink(path: Path) -> None:
    """Remove a file, and its folder if nothing is left in it. Raises FileUnavailableError."""
    with atomic.explained(path):
        path.unlink(missing_ok=True)
    private_folders.drop_empty(path.parent)


def ways() -> dict[str, Autostart]:
    """Return this system's ways by their kind; they start the tray as this process was started."""
    program = Origin.of_this_process().tray()
    words = (*program, AT_LOGIN)
    if sys.platform == "win32":
        import winreg

        from mem0tray.desktop.autostart.windows import RunKey

        return {DESKTOP: RunKey(words, winreg)}
    if sys.platform == "darwin":
        from mem0tray.desktop.autostart.macos import LaunchAgent, LoginItem
        from mem0tray.desktop.session import in_bundle

        agent = LaunchAgent(words, Path.home(), os.getuid())
        if not in_bundle():
            return {DESKTOP: agent}
        item = LoginItem(program)
        item.rival = agent  # of an installation before
        return {DESKTOP: item}
    from mem0tray.desktop.autostart.linux import UserService, XdgAutostart, config_folder

    folder = config_folder(os.environ)
    desktop = XdgAutostart(words, folder, os.environ)
    service = UserService((*program, "run"), folder / "systemd" / "user")
    desktop.rival, service.rival = service, desktop
    return {DESKTOP: desktop, SERVICE: service}


def chosen(kind: str = "") -> Autostart:
    """Return the way of this kind; by default the one that fits this computer."""
    from mem0tray.desktop import session

    found = ways()
    if kind not in found:
        kind = DESKTOP if len(found) == 1 or session.has_desktop(os.environ) else SERVICE
    return found[kind]


def current(kind: str = "") -> Autostart:
    """Return the way that is set up, else the one of this kind, as `chosen` finds it."""
    found = [(way.state().name, way) for way in ways().values()]
    order = (ENABLED, STALE, BLOCKED)
    best = next((way for name in order for state, way in found if state == name), None)
    return best or chosen(kind)


class Origin(NamedTuple):
    """How a process was started; no link to the interpreter is followed: it leads out of a venv."""

    argv0: str
    executable: str
    windows: bool = False
    is_there: Callable[[str], bool] = lambda path: shutil.which(path) is not None

    @classmethod
    def of_this_process(cls) -> "Origin":
        return cls(str(Path(sys.argv[0]).absolute()), sys.executable, sys.platform == "win32")

    def tray(self) -> tuple[str, ...]:
        """Return the words that start the tray.

        A console script keeps the name it was called by: `~/.local/bin/mem0tray` survives when
        pipx moves its environments, and Homebrew's link every new version.
        """
        windowless = str(PureWindowsPath(self.executable).with_name("pythonw.exe"))
        python = windowless if self.windows and self.is_there(windowless) else self.executable
        return self._script(f"{APP}w.exe") or (python, "-m", APP)

    def in_console(self) -> tuple[str, ...]:
        """Return the words that start a command of ours, not one from the working directory."""
        return self._script(f"{APP}.exe") or (self.executable, "-P", "-m", APP)

    def _script(self, exe: str) -> tuple[str, ...]:
        scripts: list[PurePath]
        if self.windows:
            python = PureWindowsPath(self.executable).parent
            called = PureWindowsPath(self.argv0).parent
            scripts = [folder / exe for folder in (called, python, python / "Scripts")]
        else:
            beside = PurePosixPath(self.executable).with_name(APP)
            scripts = [each for each in (PurePosixPath(self.argv0), beside) if each.name == APP]
        return next(((str(each),) for each in scripts if self.is_there(str(each))), ())
