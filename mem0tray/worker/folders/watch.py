"""What of the disk wakes the worker when it changes: a hint, never the truth.

The worker looks at its files now and then all the same, since a watch may be
refused (there may be none left), and hears nothing of what another computer
does to a disk that both have.
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
_MOST_LINKS = 40  # one after the other, as in the kernel


class Identity(NamedTuple):
    """What tells one folder from another; Linux keeps no birth, and gives an inode again."""

    device: int
    inode: int
    birth: float

    @classmethod
    def of(cls, found: os.stat_result) -> "Identity":
        """The identity in a stat result."""
        return cls(found.st_dev, found.st_ino, getattr(found, "st_birthtime", 0.0))


class Target(NamedTuple):
    """A folder, or a link, to be watched; `words`: one of them is in each name that matters.

    `identity`: another folder under the same path is another target, where that can be known.
    `is_way`: it only leads to a folder that is not there, and whose name matters.
    """

    path: Path
    words: tuple[str, ...]
    identity: Identity
    is_link: bool = False
    is_way: bool = False


class Watch(Protocol):
    """Watches targets for one engine, on whose thread all of it is called."""

    @property
    def sees_all(self) -> bool:
        """Whether nothing that matters can change unseen, as far as one can know."""

    def check(self) -> None:
        """Watch what is there now; wakes the worker where that has changed."""

    def fileno(self) -> int | None:
        """What can be read when there may be news; None where a thread wakes the worker."""

    def has_news(self) -> bool:
        """Read what has come; whether something of it matters."""

    def stop(self) -> None:
        """Leave."""


def ignore(_: Path) -> None:
    """What is done where nobody wants to know which target it was."""


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
    """Whether a name is that of the metrics, which we rewrite all day, or of a temporary file.

    `unchanged`: the metrics are still as we wrote them. What a temporary file becomes is told
    by its other name.
    """

    def matches(name: str) -> bool:
        is_temporary = fnmatch.fnmatchcase(name, temporary.PATTERN)
        return is_temporary or (name == paths.metrics.name and unchanged())

    return matches


def targets_of(folder: Path, words: tuple[str, ...]) -> list[Target]:
    """The folder; where it is not there, the one above it in which it will appear."""
    identity = _identity(folder)
    if identity is not None:
        return [Target(folder, words, identity)]
    for above in folder.parents:
        identity = _identity(above)
        if identity is not None:
            return [Target(above, (folder.relative_to(above).parts[0],), identity, is_way=True)]
    return []


def _links(name: Path) -> list[Target]:
    """The links by which a folder is named, one after the other."""
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
