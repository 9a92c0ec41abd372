"""The icon in a panel of the older kind (XEmbed), as seen from the worker's process.

See `desktop.tray.xembed_icon` for the process that shows it.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Final

from mem0tray.desktop.tray import xembed_icon
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.system import children

_COMMAND: Final = (sys.executable, "-P", "-m", "mem0tray.desktop.tray.xembed_icon")


class OlderPanel:
    """Shows what it was last given, while `stay` runs. `clicked` is called on its thread."""

    def __init__(self, clicked: Callable[[], object]) -> None:
        self._clicked = clicked
        self._guard = threading.Lock()
        self._pipe: int | None = None  # the pipe to the process, while there is one
        self._left = False  # `leave` was called while there was none
        self._shown = b""

    def show(self, look: IconLook, title: str) -> None:
        """Show this look, now or once there is such a panel; from any thread, without waiting."""
        with self._guard:
            self._shown = f"{xembed_icon.line(look, title)}\n".encode()
            self._write()

    def stay(self) -> None:
        """Show the icon until its panel goes, or `leave` is called; not at all if it just was."""
        with self._guard:
            left, self._left = self._left, False
            if left:
                return
            reading, self._pipe = os.pipe()
            os.set_blocking(self._pipe, False)
            self._write()
        try:
            child = subprocess.Popen(  # noqa: S603  (ourselves)
                _COMMAND,
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=children.environment(),
                **children.apart(),
            )
        except OSError:  # no process can be started: no icon
            self.leave()
            return
        finally:
            os.close(reading)
        for _ in child.stdout or ():
            self._clicked()
        self.leave()
        child.communicate()

    def leave(self) -> None:
        """Remove the icon: the process ends with its input, and `stay` returns."""
        with self._guard:
            self._left = self._pipe is None
            if self._pipe is not None:
                os.close(self._pipe)
            self._pipe = None

    def _write(self) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # the process has ended, or hangs and is told later
                os.write(self._pipe, self._shown)
