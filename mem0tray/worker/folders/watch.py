"""Which changes of the disk wake the worker: a hint, never the truth.

The worker reads its files now and then all the same, since the system may refuse a watch (there
may be none left), and reports nothing of what another computer does to a disk that both share.
"""

import fnmatch
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mem0tray.files import temporary
from mem0tray.system.paths import Paths

_OURS = "mem0_"  # a part of the name of every shared file
_MOST_LINKS = 40  # links followed in a row, as in the kernel


class Identity(NamedTuple):
    """What distinguishes one folder from another; Linux keeps no birth time, and reuses inodes."""

    device: int
    inode: int
    birth: float

    @classmethod
    def of(cls, found: os.stat_result) -> "Identity":
        """The identity in a stat result."""
        return cls(found.st_dev, found.st_ino, getattr(found, "st_birthtime", 0.0))


class Target(NamedTuple):
    """A folder, or a link, to watch; `words`: a name matters if it contains one of them.

    `identity`: another folder at the same path is another target, as far as that can be known.
    `is_way`: it only leads to a folder that is missing, and whose name matters.
    """

    path: Path
    words: tuple[str, ...]
    identity: Identity
    is_link: bool = False
    is_way: bool = False


class Watch:
    """Watches the targets that `find` returns, on the thread of one engine.

    A name that is `ignored` wakes nobody. `note_change` gets each target that has changed, or that
    is watched from now on.
    """

    sees_all = False  # nothing that matters can change unseen, as far as one can know

    def __init__(
        self,
        find: Callable[[], Sequence[Target]],
        ignored: Callable[[str], bool],
        wake: Callable[[], None],
        note_change: Callable[[Path], None] = lambda _: None,
    ) -> None:
        self._find = find
        self._ignored = ignored
        self._wake = wake
        self._note_change = note_change

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""

    def fileno(self) -> int | None:
        """The descriptor that becomes readable with an event; None if a thread wakes the worker."""
        return None

    def has_news(self) -> bool:
        """Read the events that have come; return whether any of them matters."""
        return False

    def stop(self) -> None:
        """Stop watching."""

    def _is_named(self, name: str, words: Sequence[str]) -> bool:
        return any(word in name for word in words) and not self._ignored(name)


class ObserverWatch(Watch):
    """The watch of macOS and Windows: watchdog's observer, whose threads wake the worker.

    It dies silently when a folder is replaced, so the worker still reads every few seconds.
    """

    _observer: Any = None
    _watched: Sequence[Target] | None = None

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""
        wanted = [each for each in self._find() if not (each.is_link or each.is_way)]
        if wanted != self._watched:
            self._begin(wanted)
            self._wake()

    def _begin(self, wanted: Sequence[Target]) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        # Opening and reading are left out, as we do both. A file moved here from another folder,
        # or linked, is only reported as made.
        changes: list[type[events.FileSystemEvent]] = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileClosedEvent,
            events.FileMovedEvent,
            events.FileDeletedEvent,
        ]
        self.stop()
        self._watched, self._observer = wanted, Observer()
        with suppress(OSError):  # no watches left, or no folder: regular readings must do
            for target in wanted:
                self._note_change(target.path)
                handler = events.FileSystemEventHandler()
                handler.on_any_event = self._handler(target)  # type: ignore[method-assign,assignment]
                where = str(target.path.resolve())
                self._observer.schedule(handler, where, recursive=False, event_filter=changes)
            self._observer.start()

    def _handler(self, target: Target) -> Callable[[Any], None]:
        def handle(event: Any) -> None:
            paths = [os.fsdecode(each) for each in (event.src_path, event.dest_path) if each]
            if any(self._is_named(Path(path).name, target.words) for path in paths):
                self._note_change(target.path)
                self._wake()

        return handle

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            with suppress(RuntimeError):
                self._observer.stop()
                self._observer.join(1.0)
            self._observer = None


def targets(paths: Paths, name: Path, config: Path) -> tuple[Target, ...]:
    """What to watch: where the files are that the worker reads, and what may be replaced.

    `name` is the folder as the settings name it, `config` the settings file. Where a
    file is a link, what it leads to matters too.
    """
    words: dict[Path, tuple[str, ...]] = {
        paths.claude_dir: (_OURS, paths.log.parent.name),
        paths.orders: ("",),
        config.parent: (config.name,),
    }
    for file in (paths.queue, paths.dlq, paths.emergency, config):
        there = Path(os.path.realpath(file))
        if there != file:
            words[there.parent] = (*words.get(there.parent, ()), there.name)
    found = [target for folder, names in words.items() for target in targets_of(folder, names)]
    return (*found, *_links(name))


def is_ours(paths: Paths, *, unchanged: Callable[[], bool]) -> Callable[[str], bool]:
    """Whether a name is that of a temporary file, or of the metrics, which we rewrite all day.

    `unchanged`: the metrics are still as we wrote them. A temporary file that is renamed shows
    under its new name.
    """

    def matches(name: str) -> bool:
        is_temporary = fnmatch.fnmatchcase(name, temporary.PATTERN)
        return is_temporary or (name == paths.metrics.name and unchanged())

    return matches


def targets_of(folder: Path, words: tuple[str, ...]) -> list[Target]:
    """The folder; or, where it is missing, the one above it in which it will appear."""
    for there in (folder, *folder.parents):
        with suppress(OSError):
            identity = Identity.of(there.stat())
            if there == folder:
                return [Target(folder, words, identity)]
            return [Target(there, (folder.relative_to(there).parts[0],), identity, is_way=True)]
    return []


def _links(name: Path) -> list[Target]:
    """The links by which a folder is reached, in order."""
    found: list[Target] = []
    with suppress(OSError):
        while name.is_symlink() and len(found) < _MOST_LINKS:
            found.append(Target(name, (), Identity.of(name.lstat()), is_link=True))
            name = name.parent / name.readlink()
    return found
