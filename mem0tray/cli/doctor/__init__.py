"""`doctor`: one thing that it looked at, and what all its checks are made from."""

import time
from functools import cached_property
from typing import Final, NamedTuple

from mem0tray.actions import standing, worker_report
from mem0tray.actions.standing import Snapshot
from mem0tray.config.settings import Loaded
from mem0tray.system.paths import Paths

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"
SKIP: Final = "skip"


class Check(NamedTuple):
    """What was looked at, its state, what that means, and what to do."""

    name: str
    level: str
    message: str
    remedy: str = ""


class Examined:
    """What the checks are about: the settings, and how things stand, looked at once."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.settings = loaded.settings

    @property
    def paths(self) -> Paths:
        return self.settings.locations()

    @cached_property
    def snapshot(self) -> Snapshot:
        """How things stand, as of the first check that asks."""
        worker_report.ask_to_look(self.paths)
        return standing.read(self.settings, time.time())
