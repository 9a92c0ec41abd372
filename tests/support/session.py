"""A private D-Bus session for tests, on which nothing starts by itself."""

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.support.processes import Process, wait_until

DAEMON = Path(__file__).with_name("notification_daemon.py")
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""

needs_dbus = pytest.mark.skipif(
    which("dbus-daemon") is None
    or importlib.util.find_spec("dbus") is None
    or importlib.util.find_spec("gi") is None,
    reason="no dbus-daemon, or this Python does not see dbus-python and PyGObject",
)


@dataclass
class Session:
    """A bus, with or without a notification daemon on it."""

    folder: Path
    bus: Process
    environ: Mapping[str, str]
    daemon: Process | None = None

    def start_daemon(self, *options: str) -> Process:
        """Start the stand-in for a notification daemon; wait until it can be reached."""
        command = [sys.executable, str(DAEMON), *options]
        daemon = Process(command, env=self.environ, output=self.folder / "notifications")
        self.daemon = daemon
        wait_until(lambda: "ready" in daemon.err, what="the daemon", explain=lambda: daemon.err)
        return daemon

    def stop_daemon(self) -> None:
        """End it, if there is one."""
        if self.daemon is not None:
            self.daemon.kill()

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What the daemon was sent."""
        return [json.loads(line) for line in self.daemon.out.splitlines()] if self.daemon else []


@contextlib.contextmanager
def session(folder: Path) -> Iterator[Session]:
    """Start a bus; end all that was started on it."""
    config = folder / "bus.conf"
    config.write_text(_CONFIG, encoding="utf-8")
    command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
    bus = Process(command, env=os.environ, output=folder / "bus")
    try:
        wait_until(lambda: "\n" in bus.out, what="the bus", explain=lambda: bus.err)
        environ = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus.out.strip()}
        found = Session(folder, bus, environ)
        try:
            yield found
        finally:
            found.stop_daemon()
    finally:
        bus.kill()
