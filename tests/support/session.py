"""A private D-Bus session for tests, on which nothing starts by itself."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest

from tests.support.notifyd import CAPABILITIES, Mode, Notification, NotificationDaemon
from tests.support.processes import Process

# Installed daemons are never started by asking: only what is started here is on such a bus.
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


def bus_command(folder: Path) -> list[str]:
    """Give the command of a bus whose socket is in this folder; it writes its address."""
    config = folder / "bus.conf"
    config.write_text(_CONFIG.format(socket=folder / "bus"), encoding="utf-8")
    return ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]


needs_dbus = pytest.mark.skipif(which("dbus-daemon") is None, reason="no dbus-daemon")


@dataclass
class Session:
    """A bus, with or without a notification daemon on it."""

    folder: Path
    bus: Process
    environ: Mapping[str, str]
    daemon: NotificationDaemon | None = None

    def start_daemon(
        self, mode: Mode = "ok", *, without: str = "", click: str = ""
    ) -> NotificationDaemon:
        """Put a daemon there, `without` one of its capabilities if one is named."""
        capabilities = tuple(each for each in CAPABILITIES if each != without)
        address = self.environ["DBUS_SESSION_BUS_ADDRESS"]
        self.daemon = NotificationDaemon(address, mode, capabilities, click)
        return self.daemon

    def stop_daemon(self) -> None:
        if self.daemon is not None:
            self.daemon.close()

    @property
    def shown(self) -> list[Notification]:
        return list(self.daemon.received) if self.daemon else []


@contextlib.contextmanager
def session(folder: Path) -> Iterator[Session]:
    with contextlib.ExitStack() as closing:
        # Its socket needs a short name, which pytest's folders do not have. A bus that is
        # killed leaves it behind.
        made = tempfile.TemporaryDirectory(prefix="mem0tray-bus-")
        short = Path(closing.enter_context(made))
        bus = Process(bus_command(short), env=os.environ, output=folder / "bus")
        closing.callback(bus.kill)
        environ = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus.first_line()}
        found = Session(folder, bus, environ)
        closing.callback(found.stop_daemon)
        yield found


@contextlib.contextmanager
def silent() -> Iterator[str]:
    # Sockets need short names, which pytest's folders do not have.
    with (
        tempfile.TemporaryDirectory(prefix="mem0tray-bus-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"{folder}/bus")
        listener.listen()
        yield f"unix:path={folder}/bus"
