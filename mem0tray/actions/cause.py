"""A cause for which memories are stuck, and the one thing to do about it. Pure."""

from collections.abc import Sequence
from functools import reduce
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.server.remedy import asks_nothing

NO_SERVER: Final = Reason("no server chosen")
SERVER_DOWN: Final = Reason("server down")
SERVER_BUSY: Final = Reason("server busy")
LOCAL_NETWORK: Final = Reason("local network")
INVALID: Final = Reason("invalid content")
REJECTED: Final = Reason("rejected by the server")
NO_ANSWER: Final = Reason("no answer from the server")
ACTION: Final = Reason("action needed")
PAUSED: Final = Reason("paused")
NOT_RUNNING: Final = Reason("worker not running")
HELD: Final = Reason("held")
WAITING: Final = Reason("waiting for its time")
DUE: Final = Reason("due now")
_OURS: Final = (PAUSED, NOT_RUNNING)


class Cause(Struct, frozen=True):
    """One reason, and what to do; `status` is that of the answer which it is about, if any.

    `by_itself`: it may end without anybody, as long as the worker works. `then` is the
    remedy as it reads after another.
    """

    name: Reason
    detail: Reason
    remedy: Reason
    status: int | None = None
    by_itself: bool = False
    then: Reason = reasons.NONE

    @property
    def sentence(self) -> Reason:
        """What is the matter; a server's text may end with a stop."""
        return reasons.stopped(self.detail)

    def about(self, handle: str) -> "Cause":
        """Tell this cause of one memory, which commands know as `handle`."""
        return replace(self, remedy=self.remedy.replaced("id", handle))

    @property
    def likeness(self) -> tuple[Reason, Reason, int | None, Reason]:
        """What is equal in causes of which one is told as the example of all.

        Not the whole text, but where it is ours: a server may name each item in its own,
        and every item has its own time.
        """
        return (
            self.name,
            self.remedy,
            self.status,
            self.detail if self.name == INVALID else reasons.NONE,
        )


def with_one_thing_to_do(causes: Sequence[Cause]) -> list[Cause]:
    """The causes, and for the first all that has to be done before the memory goes, in order.

    What ends by itself does not while the worker is stopped or paused: that comes first then.
    """
    ours = [cause for cause in causes if cause.name in _OURS]
    first, *others = causes
    waits = first.by_itself and bool(ours)
    steps = [] if waits else [first.remedy]
    steps += [cause.then if steps else cause.remedy for cause in ours if cause is not first]
    if waits and not asks_nothing(first.remedy):
        steps.append(first.remedy)
    return [replace(first, remedy=reduce(reasons.advised, steps, reasons.NONE)), *others]
