"""The screen, the buses and the home in which one desktop runs."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from PIL import Image

from tests.support.bus import Bus
from tests.support.processes import Process, wait_until
from tests.support.screen import Screen

SIZE: Final = (1280, 800)  # pixels
NOTIFICATIONS: Final = "org.freedesktop.Notifications"  # the name of daemons on the bus
START: Final = 60.0  # seconds in which a part of a desktop must be there
X_SERVER, SESSION_BUS = "X server", "session bus"  # parts, by name
_LOOKS: Final = 0.2  # seconds between two looks at a screen that comes to rest
_WALL: Final = "#3a5a6a"
# What opens pages and files on a real desktop. Here it writes down what it was given.
_OPENER: Final = """\
#!/bin/sh
echo "$1" >> "{opened}"
"""
# The user's choice of a browser.
_BROWSER: Final = """\
[Default Applications]
text/html=chromium.desktop
x-scheme-handler/http=chromium.desktop
"""


class Nested:
    """A screen of the X server without glass, a session bus, a system bus with nothing on it.

    All is below `folder`. `env` is what a program needs to be part of the desktop; `marks` are
    the variables by which programs know it; `browser` leaves pages to the desktop and a real
    browser, in place of a stand-in that writes down what it is to open. What is started here is
    listed in `processes`.
    """

    def __init__(
        self, folder: Path, marks: Mapping[str, str], *, browser: bool = False, display: str = ":7"
    ) -> None:
        self.folder = folder
        self.display = display
        self._marks = dict(marks)
        self._browser = browser
        self._closing = contextlib.ExitStack()
        self.processes: dict[str, Process] = {}
        self._count = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._start()
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for process in reversed(list(self.processes.values())):
            process.kill()
        self._closing.close()

    # Starting -----------------------------------------------------------------------------

    def _start(self) -> None:
        self.opened = self.folder / "opened"
        self.env = self._home() | self._marks
        self.start_display()
        for bus, name in (("system bus", "SYSTEM"), (SESSION_BUS, "SESSION")):
            address = f"unix:path={self.folder}/{bus.replace(' ', '-')}"
            self.env[f"DBUS_{name}_BUS_ADDRESS"] = address
            self.start_bus(bus)

    def start_display(self) -> None:
        """Start the X server, and join it; its number is the same again."""
        self.env["DISPLAY"] = self.display
        width, height = SIZE
        options = ["-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"]
        number = self.display.removeprefix(":")
        socket = Path(f"/tmp/.X11-unix/X{number}")  # noqa: S108  (X has it there)
        for left in (socket, Path(f"/tmp/.X{number}-lock")):  # noqa: S108
            left.unlink(missing_ok=True)
        self.start(["Xvfb", self.display, *options], X_SERVER)
        wait_until(socket.exists, START, "the X server", explain=self.errors)
        self.start(["hsetroot", "-solid", _WALL], "wallpaper").wait(START)
        self.screen = Screen(self.display, {**os.environ, "DISPLAY": self.display})

    def start_bus(self, name: str) -> None:
        """Start the `session bus` or the `system bus`, where the former one was."""
        address = self.env[f"DBUS_{name.partition(' ')[0].upper()}_BUS_ADDRESS"]
        Path(address.partition("=")[2]).unlink(missing_ok=True)
        command = ["dbus-daemon", "--session", "--nofork", f"--address={address}"]
        self.start(command, name)
        wait_until(Path(address.partition("=")[2]).exists, START, name, explain=self.errors)
        if name == SESSION_BUS:
            self.bus = Bus(address)

    def start(
        self, command: Sequence[str], name: str, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a program in this desktop, with `env` in addition; its output goes to the logs."""
        if name in self.processes:  # what is left of a former one
            self.end(name)
        self._count += 1
        output = self.folder / "logs" / f"{self._count:02}-{name.replace(' ', '-')}"
        process = Process(command, env={**self.env, **(env or {})}, output=output)
        self.processes[name] = process
        return process

    def configure(self, name: str, text: str) -> None:
        file = Path(self.env["XDG_CONFIG_HOME"], name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def wait_owner(self, name: str, timeout: float = START) -> None:
        self.bus.wait_for(
            lambda: self.bus.has_owner(name), timeout, f"{name} on the bus", explain=self.errors
        )

    def wait_still(self, seconds: float = 1.0, timeout: float = START) -> Image.Image:
        """Wait until the screen has not changed for so many seconds; what it shows."""
        shown, since = self.screen.picture(), time.monotonic()

        def is_still() -> bool:
            nonlocal shown, since
            if (now := self.screen.picture()) != shown:
                shown, since = now, time.monotonic()
            return time.monotonic() - since >= seconds

        wait_until(is_still, timeout, "the screen at rest", every=min(_LOOKS, seconds))
        return shown

    # Ending -------------------------------------------------------------------------------

    def end(self, name: str, number: int = signal.SIGKILL) -> None:
        if name == SESSION_BUS:
            self.bus.close()
        if name == X_SERVER:
            self.screen.close()
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(START)

    def errors(self) -> str:
        return "\n".join(
            f"{name}: {process.err[-800:]}" for name, process in self.processes.items()
        )

    def keep_logs(self, target: Path) -> None:
        shutil.copytree(self.folder / "logs", target, dirs_exist_ok=True)

    def _home(self) -> dict[str, str]:
        home = self.folder / "home"
        folders = {
            "HOME": home,
            "XDG_CONFIG_HOME": home / ".config",
            "XDG_DATA_HOME": home / ".local/share",
            "XDG_STATE_HOME": home / ".local/state",
            "XDG_CACHE_HOME": home / ".cache",
            "XDG_RUNTIME_DIR": self.folder / "runtime",
        }
        for folder in [*folders.values(), self.folder / "logs", home / "bin"]:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._browser:
            (home / ".config" / "mimeapps.list").write_text(_BROWSER, encoding="utf-8")
        else:
            opener = home / "bin" / "xdg-open"
            opener.write_text(_OPENER.format(opened=self.opened), encoding="utf-8")
            opener.chmod(0o755)
        path = {"PATH": f"{home / 'bin'}:/usr/bin:/bin:/usr/sbin", "LANG": "C.UTF-8"}
        quiet = {"NO_AT_BRIDGE": "1", "GTK_A11Y": "none", "LIBGL_ALWAYS_SOFTWARE": "1"}
        quiet |= {"GSETTINGS_BACKEND": "keyfile"}
        return path | quiet | {name: str(folder) for name, folder in folders.items()}

    def pages(self) -> Iterator[str]:
        if self.opened.exists():
            yield from self.opened.read_text(encoding="utf-8").splitlines()
