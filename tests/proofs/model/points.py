"""Points in the product's work between which others may act, or a kill may come."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from mem0tray.files import atomic
from mem0tray.files.temporary import Temporary
from mem0tray.ledger.database import Ledger
from mem0tray.server.vps import VpsClient


class Killed(BaseException):
    """The process ends here; not an Exception, so that nothing in the product survives it."""


class Points:
    """Calls one armed action after so many points: file operations, commits, requests."""

    def __init__(self) -> None:
        self._left = 0
        self._action: Callable[[], None] | None = None

    def arm(self, after: int, action: Callable[[], None]) -> None:
        """Call `action` at the point number `after` from now on (0: the next)."""
        self._left, self._action = after, action

    def disarm(self) -> None:
        """Forget what was armed and has not come to pass."""
        self._action = None

    def _pass(self) -> None:
        action = self._action
        if action is None:
            return
        if self._left > 0:
            self._left -= 1
            return
        self._action = None
        action()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Pass a point before and after each of these calls."""
        with ExitStack() as stack:
            for owner, name in (
                (atomic, "read"),
                (atomic, "signature"),
                (atomic, "sync"),
                (Temporary, "become"),
                (atomic, "keep_link"),
                (atomic, "sync_folder"),
                (Ledger, "_begin"),  # at the begin of each transaction
                (VpsClient, "save"),
                (VpsClient, "ask"),
            ):
                around = self._around(getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, around))
            yield

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            result = call(*args, **kwargs)
            self._pass()
            return result

        return passing
