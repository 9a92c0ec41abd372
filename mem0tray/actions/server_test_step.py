"""A step of the server test, as it went: plain data."""

from dataclasses import dataclass
from typing import Final

OK: Final = "ok"
WARNING: Final = "warning"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"

NAME: Final = "server name"
CONNECTION: Final = "server connection"
TLS: Final = "server TLS"
SERVER: Final = "server"
KEY: Final = "server key"
READING: Final = "server reading"
WAY: Final = (NAME, CONNECTION, TLS)  # what comes before anything is asked
STEPS: Final = (*WAY, SERVER, KEY, READING)


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its name, one of `STEPS`; its result; what was seen; what to do, where one can.

    `result` is OK, WARNING, FAILED, or SKIPPED where there was nothing to see, or an earlier step
    keeps this one from being made. `wants_key`: what to do is to set another API key.
    """

    name: str
    result: str
    seen: str
    remedy: str = ""
    wants_key: bool = False
