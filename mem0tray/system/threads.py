"""Threads, whose start the system's limits or a lack of memory may prevent."""

import threading

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
