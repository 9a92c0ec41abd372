"""A real desktop without a screen, for one test: display, session bus, window manager."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Self

import pytest

from tests.support.bus import DBUS, Bus, BusError
from tests.support.home import import_path
from tests.support.machine import tool
from tests.support.notifyd import NAME as NOTIFICATIONS
from tests.support.notifyd import Mode, NotificationDaemon
from tests.support.processes import LEASH, PATIENCE, Process, having, wait_until
from tests.support.screen import Screen
from tests.support.session import bus_command
from tests.support.sni import WATCHER, TrayHost

SIZE: Final = "1024x640x24"
PANEL: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="double" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="icon-size" type="uint" value="24"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"/>
  </property>
</channel>
"""
# A session needs a program of its own; windows are managed already.
SESSION: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-session" version="1.0">
  <property name="general" type="empty">
    <property name="FailsafeSessionName" type="string" value="Failsafe"/>
    <property name="SaveOnExit" type="bool" value="false"/>
  </property>
  <property name="sessions" type="empty">
    <property name="Failsafe" type="empty">
      <property name="IsFailsafe" type="bool" value="true"/>
      <property name="Count" type="int" value="1"/>
      <property name="Client0_Command" type="array">
        <value type="string" value="sleep"/><value type="string" value="1000"/>
      </property>
    </property>
  </property>
</channel>
"""
_XFCONF: Final = "org.xfce.Xfconf"


class Desktop:
    """What runs in it logs to `folder`; `env` is what a program needs to be part of it.

    `session` are the variables that alone make a program part of it, for
    programs that have a home of their own.
    """

    def __init__(self, folder: Path, *, size: str = SIZE) -> None:
        self._folder = folder
        self._size = size
        self._closing = contextlib.ExitStack()
        self._processes: list[Process] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self._closing.close)
            self._start()
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    # Parts on demand ------------------------------------------------------------------

    def panel(self) -> Process:
        self._configure("xfce4-panel", PANEL)
        panel = self.start([tool("xfce4-panel"), "--disable-wm-check"], name="panel")
        self.wait_owner(WATCHER)
        return panel

    def login(self, env: Mapping[str, str]) -> Process:
        """Start a real session manager (xfce4-session), which does all that a login does."""
        program = tool("xfce4-session")
        self._configure("xfce4-session", SESSION)
        return self.start([program, "--disable-tcp"], env=env, name="session")

    def tray(self) -> TrayHost:
        return self._closing.enter_context(closing(TrayHost(self.address)))

    def notifications(self, mode: Mode = "ok") -> NotificationDaemon:
        return self._closing.enter_context(closing(NotificationDaemon(self.address, mode)))

    def dunst(self, text: str = "") -> Process:
        """Start a real notification daemon that shows what comes; its `out` lists it as text.

        `text` are its settings: without any its own defaults, whatever the system's file says.
        """
        settings = self._folder / "dunstrc"
        settings.write_text(text, encoding="utf-8")
        daemon = self.start([tool("dunst"), "-config", str(settings), "-print"], name="dunst")
        self.wait_owner(NOTIFICATIONS)
        return daemon

    def wait_owner(self, name: str, timeout: float = PATIENCE) -> None:
        self.bus.wait_for(
            lambda: self.bus.has_owner(name), timeout, f"{name} on the bus", explain=self.errors
        )

    def wait_on_bus(self, process: Process, timeout: float = PATIENCE) -> None:
        ask = functools.partial(self.bus.call, DBUS, "/org/freedesktop/DBus", DBUS)

        def connected() -> bool:
            names = [name for name in ask("ListNames")[0] if name.startswith(":")]
            with contextlib.suppress(BusError):  # one has left in the meantime
                return any(
                    ask("GetConnectionUnixProcessID", "s", [name]) == [process.pid]
                    for name in names
                )
            return False

        self.bus.wait_for(connected, timeout, "the program on the bus", explain=self.errors)

    def end_bus(self) -> None:
        """End the session bus, as the end of a session does; nothing can be asked after it."""
        self._daemon.kill()

    def freeze_bus(self) -> None:
        """Have the session bus say nothing any more; its connections stay open."""
        self._daemon.signal(signal.SIGSTOP)

    def end_display(self) -> None:
        self._server.kill()

    # Running --------------------------------------------------------------------------

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> Process:
        output = self._folder / (name or f"program-{len(self._processes)}")
        process = Process(command, env={**self.env, **(env or {})}, output=output)
        self._processes.append(process)
        return process

    def errors(self) -> str:
        """Read what was written to standard error here, for messages of failed tests."""
        return "\n".join(process.err[-2000:] for process in self._processes if process.err)

    # Starting and ending ---------------------------------------------------------------

    def _start(self) -> None:
        self._folder.mkdir(parents=True)
        # Sockets need short names, which pytest's folders do not have.
        self._runtime = Path(tempfile.mkdtemp(prefix="mem0tray-desktop-"))
        self._closing.callback(shutil.rmtree, self._runtime, ignore_errors=True)
        self.address = f"unix:path={self._runtime / 'bus'}"
        self.session = {
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "XDG_CURRENT_DESKTOP": "XFCE",
            "XDG_SESSION_TYPE": "x11",
            "GTK_A11Y": "none",  # nothing that would start further daemons
            "NO_AT_BRIDGE": "1",
            "GIO_USE_VFS": "local",
            "GSETTINGS_BACKEND": "memory",
        }
        self.env = self._home() | self.session
        self._start_display()
        self._closing.callback(self._kill_all)  # before the display ends
        self.begin_bus()
        self.session["DISPLAY"] = self.env["DISPLAY"] = f":{self._server.first_line()}"
        self.screen = self._closing.enter_context(closing(Screen(self.env["DISPLAY"], self.env)))
        self.start([tool("openbox"), "--sm-disable"], name="openbox")
        wait_until(self.screen.has_manager, PATIENCE, "a window manager", explain=self.errors)

    def _home(self) -> dict[str, str]:
        kinds = ("config", "data", "state", "cache")
        folders = {f"XDG_{kind.upper()}_HOME": self._folder / kind for kind in kinds} | {
            "HOME": self._folder / "home",
            "XDG_RUNTIME_DIR": self._runtime / "run",
            "TMPDIR": self._folder / "tmp",
        }
        for folder in folders.values():
            folder.mkdir(mode=0o700)
        path = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **import_path()}
        return path | {name: str(folder) for name, folder in folders.items()}

    def _configure(self, channel: str, text: str) -> None:
        """Set the settings of one program of Xfce, and start the daemon that keeps them."""
        channels = Path(self.env["XDG_CONFIG_HOME"]) / "xfce4" / "xfconf" / "xfce-perchannel-xml"
        channels.mkdir(parents=True, exist_ok=True)
        (channels / f"{channel}.xml").write_text(text, encoding="utf-8")
        if not self.bus.has_owner(_XFCONF):
            self.start([_xfconfd()], name="xfconfd")
            self.wait_owner(_XFCONF)

    def _start_display(self) -> None:
        """Start the X server on a free display, whose number it prints."""
        # It is asked to end, not killed, so that it takes its lock and socket with it.
        leash = [*LEASH[:-1], "TERM"] if LEASH else []
        options = ["-screen", "0", self._size, "-nolisten", "tcp", "-noreset"]
        env = {"PATH": os.environ["PATH"]}  # none of the desktop's marks: see `_kill_all`
        command = [*leash, tool("Xvfb"), "-displayfd", "1", *options]
        self._server = Process(command, env=env, output=self._folder / "display")
        self._closing.callback(_end, self._server)

    def begin_bus(self) -> None:
        """Start a session bus, or another where the last one has ended; nobody is on it."""
        tool("dbus-daemon")
        self._daemon = self.start(bus_command(self._runtime), name="bus")
        self._daemon.first_line()  # it listens
        self.bus = self._closing.enter_context(closing(Bus(self.address)))

    def _kill_all(self) -> None:
        for process in reversed(self._processes):
            process.kill()
        for pid in having(f"DBUS_SESSION_BUS_ADDRESS={self.address}\0"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _end(server: Process) -> None:
    try:
        server.stop()
    except subprocess.TimeoutExpired:
        server.kill()


def _xfconfd() -> str:
    """Find the daemon that keeps the panel's settings: its place differs by architecture."""
    service = Path("/usr/share/dbus-1/services/org.xfce.Xfconf.service")
    if not service.exists():
        pytest.skip("xfconf is missing")
    lines = service.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("Exec=") for line in lines if line.startswith("Exec="))
