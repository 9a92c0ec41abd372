"""Errors of which the program need not say a word, and why; any other unsaid one is a fault."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.proofs.syscalls.points import Point


class Excuse(NamedTuple):
    """`calls` that may fail in silence where `where` is found in the call as strace shows it.

    `acts`, `errors` and `threads` are those that it holds for; empty: all.
    """

    calls: Sequence[str]
    where: str
    why: str
    errors: Sequence[str] = ()
    acts: Sequence[str] = ()
    threads: Sequence[str] = ()


_OF_LEDGER: Final = r"claude-[0-9a-f]{12}"
_FOLDER: Final = rf'/(home|config|data|mem0tray|requests|\.claude|{_OF_LEDGER})"'
_WORKERS: Final = ("worker", "first start", "deletion")
_COMMANDS: Final = ("delete", "restore")
EXCUSES: Final = (
    Excuse(("mkdir",), "", "the folder is there already: an error is passed over only then"),
    Excuse(("link",), "", "where no hard link can be made there is a copy instead"),
    Excuse(
        ("openat",), _FOLDER + r", O_RDONLY\|O_CLOEXEC *\)",
        "a folder that may be written and not read cannot be synced", errors=("EACCES",),
    ),
    Excuse(
        ("openat",), rf'{_OF_LEDGER}", O_RDONLY\|O_CLOEXEC *\)',
        "SQLite works without the descriptor of the ledger's folder",
    ),
    Excuse(
        ("openat",), r"O_DIRECTORY",
        "leftovers of a kill that cannot be listed wait for the next start", acts=_WORKERS,
    ),
    Excuse(
        ("openat",), r'/data/mem0tray", O_RDONLY[^)]*O_DIRECTORY',
        "a data folder goes by its name where the others cannot be listed", acts=_COMMANDS,
    ),
    Excuse(
        ("openat", "pwrite64", "ftruncate", "unlink", "fchmod"), r"ledger\.sqlite3-shm",
        "SQLite makes its shared memory another way, and anew at the next opening",
    ),
    Excuse(
        ("openat",), r'ledger\.sqlite3-wal", O_RDWR',
        "SQLite opens it again for reading, which is all that a command does", acts=_COMMANDS,
    ),
    Excuse(
        ("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "fchmod"),
        r"ledger\.(sqlite3|mark)",
        "what a command cannot record stands in the files, and the next worker reads them",
        acts=_COMMANDS,
    ),
    Excuse(
        ("openat",), r'ledger\.mark", O_RDONLY',
        "a ledger that is new is in doubt anyway", acts=("first start",),
    ),
    Excuse(("fdatasync",), rf"{_OF_LEDGER}>", "SQLite does not ask whether its folder was synced"),
    Excuse(
        ("pwrite64", "fdatasync", "fsync", "ftruncate"), r"ledger\.sqlite3>",
        "only a checkpoint writes there: what it leaves undone stays in the write-ahead log",
    ),
    Excuse(
        ("fdatasync",), r"ledger\.sqlite3-wal>.*\(its last\)",
        "the last one comes before the checkpoint at the end, which is then left undone",
    ),
    Excuse(
        ("pwrite64",), r"ledger\.sqlite3-wal>.*\(its last\)",
        "what a probe found is written down again, unless the worker ends meanwhile",
        threads=("mem0tray-probe",),
    ),
    Excuse(("unlink",), r"ledger\.sqlite3-wal", "the write-ahead log is left for the next start"),
    Excuse(
        ("openat",), r'\.lock", O_RDWR',
        "a descriptor that may only read is locked as well", errors=("EACCES",),
    ),
    Excuse(("flock",), "LOCK_UN", "the descriptor is closed next, and that unlocks too"),
    Excuse(
        ("openat", "write"), r"instance\.lock(\", O_WRONLY|>)",
        "the lock says who runs; the process id in it is for people",
    ),
    Excuse(
        ("openat", "flock"), r"instance\.lock",
        "who cannot tell whether a worker runs waits as if one did", acts=_COMMANDS,
    ),
    Excuse(
        ("openat", "flock"), r"\.tmp\", O_RDONLY|\.tmp>, LOCK_SH",
        "a temporary file is written without its lock too; the lock only keeps a start off it",
    ),
    Excuse(
        ("rename",), r'\.mem0_queue_(backup|dlq\.previous)\.json\.mem0tray-[^"]*\.tmp"',
        "where a hard link cannot be renamed there is a copy instead",
    ),
    Excuse(
        ("openat", "write", "rename", "fchmod"),
        rf'{_OF_LEDGER}/\.mem0_metrics\.json\.mem0tray-[^">]*\.tmp[">]',
        "what cannot be written by way of our own folder is written in its own",
    ),
    Excuse(("unlink",), r"\.previous\.json|\.tmp\"", "a leftover, removed at another start"),
    Excuse(
        ("openat",), rf'{_OF_LEDGER}/serves\.json", O_RDONLY',
        "a data folder goes by its name where its record cannot be read",
    ),
    Excuse(("openat",), r'alerts\.json", O_RDONLY', "an alert may be told once more"),
    Excuse(
        ("openat", "write", "rename", "fchmod"), rf"{_OF_LEDGER}/\.alerts\.json\.mem0tray-",
        "the same",
    ),
    Excuse(
        ("openat", "write", "chmod"), r"mem0_worker\.log",
        "a log line that cannot be written has nowhere to be told of",
    ),
    Excuse(("write",), r"-process-\d+\.(out|err)>", "nor has a line on the terminal"),
    Excuse(
        ("openat", "write", "fsync", "rename", "fchmod", "flock"), r"\.claude[/\">]",
        "what cannot go into the queue file goes into the emergency file", acts=("add",),
    ),
)  # fmt: skip


def excuse(point: Point, error: str, met: str) -> str:
    """Say why this error may go unsaid; empty when it may not. `met`: as strace shows the call."""
    for each in EXCUSES:
        if (
            point.call in each.calls
            and (not each.errors or error in each.errors)
            and (not each.acts or point.act in each.acts)
            and (not each.threads or point.thread in each.threads)
            and re.search(each.where, met)
        ):
            return each.why
    return ""
