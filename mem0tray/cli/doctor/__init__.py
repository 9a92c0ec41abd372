"""`doctor`: what all its checks are made from."""

import time
from functools import cached_property
from typing import Final

from mem0tray.actions import standing, worker_report
from mem0tray.actions.standing import Snapshot
from mem0tray.config.settings import Loaded
from mem0tray.system.paths import Paths

HANGS: Final = "End what hangs, or log out and in again."  # of a desktop


class Examined:
    """What the checks are about: the settings, and how things stand, looked at once."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded, self.settings = loaded, loaded.settings

    @property
    def paths(self) -> Paths:  # looked up within the limit of a part: the disk may hang
        return self.settings.locations()

    @cached_property
    def snapshot(self) -> Snapshot:
        """How things stand, as of the first check that asks."""
        worker_report.ask_to_look(self.paths)
        return standing.read(self.settings, time.time())
