"""Reading the worker's log from outside: its last lines, and those that come."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mem0tray.files import atomic
from mem0tray.system import regular_file


class LogReader:
    """Lines of the log at `path`, which another process writes and turns over.

    Old logs stand beside it as `.1` (the youngest), `.2` and so on. Lines are text without their
    end, and not yet harmless for a terminal. Raises FileUnavailableError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._half = b""

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def is_open(self) -> bool:
        """Whether there was a log to read."""
        return self._file is not None

    @property
    def rest(self) -> str:
        """The last line so far, if it has no end yet."""
        return _text(self._half)

    def last(self, count: int) -> list[str]:
        """Return the last `count` whole lines, from old logs too; `new` gives those after them."""
        self._file = _open(self._path)
        if self._file is None:
            return []
        lines = self._read()
        for number in itertools.count(1):
            if len(lines) >= count:
                break
            old = _open(self._path.with_name(f"{self._path.name}.{number}"))
            if old is None:
                break
            with old:
                lines = [*map(_text, old.read().removesuffix(b"\n").split(b"\n")), *lines]
        return lines[-count:] if count else []

    def new(self) -> Iterator[str]:
        """Yield the lines that came since the last look, even if the log was turned over or cut."""
        if self._file is None:
            self._file = _open(self._path)
            if self._file is None:
                return
        if os.fstat(self._file.fileno()).st_size < self._file.tell():  # somebody emptied it
            self._file.seek(0)
            self._half = b""
        following = _open(self._path)  # None while it is being turned over
        yield from self._read()
        if following is None:
            return
        if os.path.sameopenfile(following.fileno(), self._file.fileno()):
            following.close()
            return
        if self._half:
            yield self.rest
        self._file.close()
        self._file, self._half = following, b""
        yield from self._read()

    def _read(self) -> list[str]:
        """Return the whole lines that stand in the open file from where we stopped."""
        if self._file is None:
            return []
        *lines, self._half = (self._half + self._file.read()).split(b"\n")
        return [_text(line) for line in lines]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")


def _open(path: Path) -> BinaryIO | None:
    """Return the log, opened without waiting for anything; None where there is none."""
    try:
        return regular_file.open_binary(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error
