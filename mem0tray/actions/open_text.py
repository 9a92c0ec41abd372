"""A memory's text while an editor has it open: in a folder of its own, which goes with the edit.

What editors put beside a file (swap files, backups) holds the text too, and goes with the
folder. A lock in it tells whether the command that made it still lives.
"""

import hashlib
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from mem0tray.files.lock import FileLock
from mem0tray.system import plain
from mem0tray.system.paths import Paths

_BEGIN: Final = "open-"
_PATTERN: Final = f"{_BEGIN}*"
_LOCK: Final = "lock"
_BEING_MADE: Final = 60.0  # seconds for which a folder without a text may be a new one
_PATIENCE: Final = 5.0  # seconds to wait for somebody who looks whether the lock is held


class OpenText:
    """A text in the file `path` (0600), which is gone on leaving the `with`.

    But a changed text stays when an error leads out of there; `kept` then says where.
    Raises FileUnavailableError.
    """

    def __init__(self, paths: Paths, item_id: str, text: bytes) -> None:
        private_folders.make_private_folder(paths.edits)
        name = stem(item_id)
        begin = f"{_BEGIN}{name}-{_digest(text)}-"
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=begin, dir=paths.edits))
        except OSError as error:
            raise atomic.unavailable(paths.edits, error) from error
        self.path = self._folder / f"{name}.txt"
        self.kept: Path | None = None
        self._lock = FileLock(self._folder / _LOCK)
        try:
            self._lock.acquire(_PATIENCE)
            atomic.replace(self.path, text)
        except BaseException:
            self._remove()
            raise

    def __enter__(self) -> Self:
        """Let an editor have the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove everything, unless the text would be lost."""
        if kind is not None and _is_changed(self._folder):
            self._lock.release()
            self.kept = _kept_in(self._folder)
        else:
            self._remove()

    def read(self) -> bytes:
        """The text as the editor left it. Raises FileUnavailableError."""
        try:
            return plain.read_bytes(self.path)
        except OSError as error:
            raise atomic.unavailable(self.path, error) from error

    def _remove(self) -> None:
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)
        private_folders.drop_empty(self._folder.parent)


def clear_left_over(paths: Paths) -> list[Path]:
    """Remove what killed edits left; return the files of those whose text had been changed.

    Raises FileUnavailableError.
    """
    changed = []
    for folder in _folders(paths):
        lock = FileLock(folder / _LOCK)
        with suppress(OSError, FileUnavailableError):
            if not lock.try_acquire():
                continue
            is_new = time.time() - folder.stat().st_mtime < _BEING_MADE
            if _is_changed(folder):
                changed.append(_kept_in(folder))
            elif _beside_the_lock(folder) or not is_new:
                lock.release()
                shutil.rmtree(folder)
        lock.release()
    private_folders.drop_empty(paths.edits)
    return changed


def files(paths: Paths) -> list[Path]:
    """Every file with a text that is open in an editor, or was. Raises FileUnavailableError."""
    return [path for folder in _folders(paths) for path in _beside_the_lock(folder)]


def stem(item_id: str) -> str:
    """The beginning of an id, in characters that a file's name may have."""
    return "".join(letter if letter.isalnum() else "_" for letter in item_id[:8])


def _folders(paths: Paths) -> list[Path]:
    there = private_folders.listing(paths.edits, _PATTERN)
    return [path for path in there if path.is_dir() and not path.is_symlink()]


def _beside_the_lock(folder: Path) -> list[Path]:
    return [path for path in private_folders.listing(folder, "*") if path.name != _LOCK]


def _is_changed(folder: Path) -> bool:
    """Whether the text differs from what was put there, or there is more (as a swap file).

    A text that cannot be read counts as changed.
    """
    found = _beside_the_lock(folder)
    if not found:
        return False
    before = folder.name.rsplit("-", 2)[-2]
    with suppress(OSError):
        return len(found) > 1 or _digest(plain.read_bytes(found[0])) != before
    return True


def _kept_in(folder: Path) -> Path:
    """The one file that is there, or the folder if there are several."""
    found = _beside_the_lock(folder)
    return found[0] if len(found) == 1 else folder


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=8).hexdigest()
