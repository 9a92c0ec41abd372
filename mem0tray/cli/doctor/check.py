"""One thing that `doctor` looked at."""

from typing import Final, NamedTuple

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

    @property
    def sentence(self) -> str:
        """Meaning and remedy."""
        return f"{self.message} {self.remedy}".strip()
