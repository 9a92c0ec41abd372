"""A command that a signal ends clears away first what it has left lying about."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_BY_SIGNAL: Final = 128  # plus the number: what a shell says of a program that a signal ended


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Have each signal that ends the process go up as an exception, through every `finally`.

    SIGINT raises KeyboardInterrupt, the others SystemExit. A further one changes nothing. What
    the caller has switched off (`nohup`) stays so. For the main thread alone.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # None: of no handler of Python's, which could not be set again.
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
