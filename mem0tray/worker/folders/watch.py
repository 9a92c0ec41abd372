"""Which changes of the disk wake the worker: a hint, never the truth.

The worker looks at its files now and then all the same, since the system may refuse a watch
(there may be none left), and tells nothing of what another computer does to a disk
that both share.
"""

import fnmatch
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from mem0tray.files import temporary
from mem0tray.system.paths import Paths

_OURS = "mem0_"  # a part of the name of every shared file
_MOST_LINKS = 40  # links followed in a row, as in the kernel


class Identity(NamedTuple):
    """What tells one folder from another; Linux keeps no birth time, and reuses inodes."""

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


class Watch(Protocol):
    """Watches targets for one engine, on whose thread all methods are called."""

    @property
    def sees_all(self) -> bool:
        """Whether nothing that matters can change unseen, as far as one can know."""

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""

    def fileno(self) -> int | None:
        """The descriptor that tells of news; None where a thread wakes the worker."""

    def has_news(self) -> bool:
        """Read the events that have come; return whether any of them matters."""

    def stop(self) -> None:
        """Stop watching."""


def ignore(_: Path) -> None:
    """Do nothing, where nobody wants to know which target it was."""


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
    identity = _identity(folder)
    if identity is not None:
        return [Target(folder, words, identity)]
    for above in folder.parents:
        identity = _identity(above)
        if identity is not None:
            return [Target(above, (folder.relative_to(above).parts[0],), identity, is_way=True)]
    return []


def _links(name: Path) -> list[Target]:
    """The links by which a folder is reached, in order."""
    found: list[Target] = []
    with suppress(OSError):
        while name.is_symlink() and len(found) < _MOST_LINKS:
            found.append(Target(name, (), Identity.of(name.lstat()), is_link=True))
            name = name.parent / name.readlink()
    return found


def _identity(folder: Path) -> Identity | None:
    with suppress(OSError):
        return Identity.of(folder.stat())
    return None
