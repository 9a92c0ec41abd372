"""A cause that keeps memories stuck, and the one thing to do about it. Pure."""

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
NO_ANSWER: Final = Reason("no usable answer from the server")
ACTION: Final = Reason("action needed")
PAUSED: Final = Reason("paused")
NOT_RUNNING: Final = Reason("worker not running")
HELD: Final = Reason("held")
WAITING: Final = Reason("waiting for its time")
DUE: Final = Reason("due now")
_OURS: Final = (PAUSED, NOT_RUNNING)


class Cause(Struct, frozen=True):
    """One reason, and what to do; `status` is that of the answer in question, if any.

    `by_itself`: it may end without help as long as the worker works. `then` is the
    remedy as it reads after another one.
    """

    name: Reason
    detail: Reason
    remedy: Reason
    status: int | None = None
    by_itself: bool = False
    then: Reason = reasons.NONE

    @property
    def sentence(self) -> Reason:
        """What is wrong, as a sentence; a server's text may end with a full stop already."""
        return reasons.stopped(self.detail)

    def about(self, handle: str) -> "Cause":
        """This cause, told of one memory, which commands know as `handle`."""
        return replace(self, remedy=self.remedy.replaced("id", handle))

    @property
    def likeness(self) -> tuple[Reason, Reason, int | None, Reason]:
        """What causes have in common when one is told as an example of all.

        It includes the text only where that is ours: a server may name each item in its text,
        and every item has its own time.
        """
        return (
            self.name,
            self.remedy,
            self.status,
            self.detail if self.name == INVALID else reasons.NONE,
        )


def with_one_thing_to_do(causes: Sequence[Cause]) -> list[Cause]:
    """The causes; the first one with all that must be done before the memory goes, in order.

    Nothing ends by itself while the worker is stopped or paused: in that case that comes first.
    """
    ours = [cause for cause in causes if cause.name in _OURS]
    first, *others = causes
    waits = first.by_itself and bool(ours)
    steps = [] if waits else [first.remedy]
    steps += [cause.then if steps else cause.remedy for cause in ours if cause is not first]
    if waits and not asks_nothing(first.remedy):
        steps.append(first.remedy)
    return [replace(first, remedy=reduce(reasons.advised, steps, reasons.NONE)), *others]
