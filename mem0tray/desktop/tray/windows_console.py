"""The end that a Windows console asks for: Ctrl-C, Ctrl-Break, or its window is closed.

Python reports these only on the main thread; under a tray that thread waits in Windows' own
loop, and runs nothing of Python until somebody moves the mouse over the icon.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from typing import Final

_CLOSES: Final = 2  # this event and higher ones end the process once they are handled
_PATIENCE: Final = 5.0  # seconds that Windows gives it

if sys.platform == "win32":
    from ctypes import wintypes

    def hear(end: Callable[[], None]) -> Callable[[], None]:
        """Have `end` called on a thread of Windows; return what undoes this."""
        kernel32 = ctypes.WinDLL("kernel32")

        @ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
        def heard(event: int) -> bool:
            end()
            if event >= _CLOSES:
                time.sleep(_PATIENCE)  # meanwhile the main thread ends the process in order
            return True

        kernel32.SetConsoleCtrlHandler(heard, True)  # noqa: FBT003  (Windows' own order)
        return lambda: kernel32.SetConsoleCtrlHandler(heard, False)  # noqa: FBT003

else:

    def hear(end: Callable[[], None]) -> Callable[[], None]:
        """Do nothing: elsewhere signals do this."""
        del end
        return lambda: None
