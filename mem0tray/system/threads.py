"""Starting a thread, which the system's limits or a lack of memory may prevent."""

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
    """A part's thread, whose start can be tried again if it failed the first time.

    `make` is called for each try: Python cannot start a thread again that failed to start.
    """

    def __init__(self, make: Callable[[], threading.Thread]) -> None:
        self._make = make
        self._made = make()

    def start(self) -> None:
        """Start the thread. Raises NoThreadError where that fails, and may then be called again."""
        try:
            start(self._made)
        except NoThreadError:
            self._made = self._make()
            raise

    def is_alive(self) -> bool:
        """Whether the thread has begun, and not ended."""
        return self._made.is_alive()

    def join(self, timeout: float) -> None:
        """Wait for the thread's end, at most so many seconds; return at once if it never began."""
        if self._made.is_alive():
            self._made.join(timeout)
