"""A cause for which memories are stuck, and the one thing to do about it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

NO_SERVER: Final = "no server chosen"
SERVER_DOWN: Final = "server down"
SERVER_BUSY: Final = "server busy"
LOCAL_NETWORK: Final = "local network"
INVALID: Final = "invalid content"
REJECTED: Final = "rejected by the server"
NO_ANSWER: Final = "no answer from the server"
ACTION: Final = "action needed"
PAUSED: Final = "paused"
NOT_RUNNING: Final = "worker not running"
HELD: Final = "held"
WAITING: Final = "waiting for its time"
DUE: Final = "due now"
ID: Final = "ID"  # stands in a remedy for the id of whatever is stuck
_OURS: Final = (PAUSED, NOT_RUNNING)


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, and what to do; `status` is that of the answer which it is about, if any.

    `by_itself`: it may end without anybody, as long as the worker works. `then` is the
    remedy as it reads after another.
    """

    name: str
    detail: str
    remedy: str
    status: int | None = None
    by_itself: bool = False
    then: str = ""

    @property
    def sentence(self) -> str:
        """What is the matter; a server's text may end with a stop."""
        return f"{self.detail.rstrip('.')}."

    @property
    def advice(self) -> str:
        """What is the matter and what to do, as sentences."""
        return f"{self.sentence} {self.remedy}"

    def about(self, handle: str) -> "Cause":
        """Tell this cause of one memory, which commands know as `handle`."""
        return replace(self, remedy=self.remedy.replace(f" {ID}`", f" {handle}`"))

    @property
    def likeness(self) -> tuple[str, str, int | None, str]:
        """What is equal in causes of which one is told as the example of all.

        Not the whole text, but where it is ours: a server may name each item in its own,
        and every item has its own time.
        """
        return self.name, self.remedy, self.status, self.detail * (self.name == INVALID)


def with_one_thing_to_do(causes: Sequence[Cause]) -> list[Cause]:
    """The causes, and for the first all that has to be done before the memory goes, in order.

    What ends by itself does not while the worker is stopped or paused.
    """
    ours = [cause for cause in causes if cause.name in _OURS]
    first, *others = causes
    steps = [first.remedy] * (not (first.by_itself and ours))
    steps += [cause.then if steps else cause.remedy for cause in ours if cause is not first]
    return [replace(first, remedy=" ".join(steps)), *others]
