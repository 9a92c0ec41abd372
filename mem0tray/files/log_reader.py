"""Reading the worker's log from outside: its last lines, and those that come."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.files import atomic
from mem0tray.system import regular_file

_BLOCK: Final = 65_536  # bytes
_LONGEST: Final = 1_000_000  # bytes; the rest of a longer line is left out
_OLD: Final = 100  # the most rotated logs that are read


class LogReader:
    """Lines of the log at `path`, which another process writes and turns over.

    Old logs stand beside it as `.1` (the youngest), `.2` and so on. Lines are text without their
    end, at most a million bytes long, and not yet harmless for a terminal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._offset = 0
        self._rest = b""

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @property
    def is_open(self) -> bool:
        """Whether there was a log to read."""
        return self._fd is not None

    def last(self, count: int) -> list[str]:
        """The last `count` whole lines, from old logs too; `new` gives those after them.

        Raises FileUnavailableError.
        """
        found: deque[str] = deque(maxlen=count)
        self._fd = _open(self._path)
        if self._fd is None:
            return []
        found.extend(self._read())
        for path in self._old():
            missing = count - len(found)
            if missing <= 0:
                break
            fd = _open(path)
            if fd is not None:
                older = _Lines(fd)
                lines = deque((*older, *older.rest), maxlen=missing)
                os.close(fd)
                found.extendleft(reversed(lines))
        return list(found)

    @property
    def rest(self) -> str:
        """The last line so far, if it has no end yet."""
        return _text(self._rest)

    def new(self) -> Iterator[str]:
        """The lines that came since the last look, even if the log was turned over or cut.

        Raises FileUnavailableError.
        """
        if self._fd is None:
            self._fd = _open(self._path)
            if self._fd is None:
                return
        if os.fstat(self._fd).st_size < self._offset:  # somebody emptied it
            self._offset, self._rest = 0, b""
        yield from self._read()
        for path in self._younger():
            following = _open(path)
            if following is None:
                return  # being turned over right now: the next look finds it
            yield from self._read()  # lines written before the log was turned over
            if self._rest:
                yield self.rest
            os.close(self._fd)
            self._fd, self._offset, self._rest = following, 0, b""
            yield from self._read()

    def _read(self) -> Iterator[str]:
        """What stands in the open file from `_offset` on."""
        if self._fd is None:
            return
        lines = _Lines(self._fd, self._offset, self._rest)
        yield from lines
        self._offset, self._rest = lines.offset, lines.pending

    def _old(self) -> Iterator[Path]:
        """The logs that were turned over, the youngest first."""
        for number in range(1, _OLD):
            path = self._path.with_name(f"{self._path.name}.{number}")
            if not path.exists():
                return
            yield path

    def _younger(self) -> list[Path]:
        """The logs after the open one, the oldest of them first; usually none."""
        own = os.fstat(self._fd) if self._fd is not None else None
        younger: list[Path] = []
        for path in (self._path, *self._old()):
            with suppress(OSError):
                found = path.stat()
                if own is not None and os.path.samestat(found, own):
                    return younger[::-1]
                younger.append(path)
        # The open log is gone: nobody can tell which of the old ones came after it.
        return [self._path]


class _Lines:
    """The whole lines of an open file from an offset on; `rest` begins the first of them."""

    def __init__(self, fd: int, offset: int = 0, pending: bytes = b"") -> None:
        self._fd = fd
        self.offset = offset
        self.pending = pending

    @property
    def rest(self) -> list[str]:
        """The last line, if it has no end."""
        return [_text(self.pending)] if self.pending else []

    def __iter__(self) -> Iterator[str]:
        while True:
            os.lseek(self._fd, self.offset, os.SEEK_SET)
            data = os.read(self._fd, _BLOCK)
            if not data:
                return
            self.offset += len(data)
            first, *others = data.split(b"\n")
            self.pending = (self.pending + first)[:_LONGEST]
            for following in others:
                line, self.pending = self.pending, following
                yield _text(line)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")


def _open(path: Path) -> int | None:
    """A descriptor, without waiting for anything; None where there is no file.

    Raises FileUnavailableError for what is no regular file, or may not be read.
    """
    try:
        return regular_file.open_fd(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error
