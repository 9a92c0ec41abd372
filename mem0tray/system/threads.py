"""Starting a thread, which a limit of the system's or a lack of memory may forbid."""

import threading
from collections.abc import Callable

from mem0tray.core.errors import NoThreadError
from mem0tray.core.reasons import Reason


def start(thread: threading.Thread) -> None:
    """Start a thread that was never started; NoThreadError where none can be now."""
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        raise NoThreadError(
            Reason("No thread can be started: {why}.", why=str(error) or "too little memory"),
            Reason("Allow more processes, or end other programs."),
        ) from error


class Startable:
    """A part's thread, which may be started again where none could be the first time.

    `make` is called for each try: Python starts no thread that has failed to start.
    """

    def __init__(self, make: Callable[[], threading.Thread]) -> None:
        self._make = make
        self._made = make()

    def start(self) -> None:
        """Start it. Raises NoThreadError where none can be, and then this may be called again."""
        try:
            start(self._made)
        except NoThreadError:
            self._made = self._make()
            raise

    def is_alive(self) -> bool:
        """Whether it has begun, and not ended."""
        return self._made.is_alive()

    def join(self, timeout: float) -> None:
        """Wait for its end, so many seconds at most; not for one that has not begun."""
        if self._made.is_alive():
            self._made.join(timeout)
