"""When a signal ends a command, the command first clears away what it left lying about."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_BY_SIGNAL: Final = 128  # plus the number: a shell's code for a program that a signal ended


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Turn each signal that ends the process into an exception, which runs every `finally`.

    SIGINT raises KeyboardInterrupt, the others SystemExit. A second signal changes nothing. Signals
    that the caller ignores (`nohup`) stay ignored. For the main thread alone.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # None: a handler that is not Python's, which could not be restored.
    known = [each for each in numbers if signal.getsignal(each) not in (signal.SIG_IGN, None)]

    def end(number: int, _: FrameType | None) -> None:
        for each in known:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(_BY_SIGNAL + number)

    before = {number: signal.signal(number, end) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
