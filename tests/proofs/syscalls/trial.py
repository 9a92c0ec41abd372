"""One trial: an act, spoilt at a point, and what came of it."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tests.proofs.syscalls import strace
from tests.proofs.syscalls.acts import ACTS, Act
from tests.proofs.syscalls.stage import DiedError, Stage
from tests.proofs.syscalls.strace import KILL, Point, Tracing
from tests.support.forked import ForkedHome
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.standin import Standin

KEYS, ASKED = SERVERS = ("honours keys", "can be asked")
TWICE: Final = "kill twice"
_PLAYS: Final = 5
# What the system and the database call these errors, as far as people get to read it.
_DATABASE: Final = ("disk i/o error", "unable to open", "readonly", "disk is full")
_WORDS: Final = {
    "EIO": ("input/output error", "errno 5", *_DATABASE),
    "ENOSPC": ("no space left", *_DATABASE),
    "EACCES": ("permission denied", "errno 13", *_DATABASE),
    strace.SHORT: ("",),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be done: `again` is the point of a second kill, in the start after the first."""

    point: Point
    fault: str
    server: str
    again: Point | None = None

    @property
    def kind(self) -> str:
        return TWICE if self.again else self.fault

    def __str__(self) -> str:
        second = f" then {self.again}" if self.again else ""
        return f"{self.fault} {self.point}{second} ({self.server})"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    `reached`: how many of the points were met. `met`: the call of the first, as strace
    shows it. `excused`: nothing named the error, and nothing need to. `restarted`: it
    left, with words. `faults`: what is wrong.
    """

    trial: Trial
    reached: int
    met: str
    excused: bool
    restarted: bool
    faults: list[str]


def count(act: str, runs: int) -> list[Point]:
    """Play an act `runs` times unspoilt, and list its points. AssertionError if it goes wrong."""
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        traces = []
        for run in range(runs):
            root = Path(folder, str(run))
            root.mkdir()
            trace = root / "trace"
            with _set(root, ACTS[act], ASKED, [strace.counting(trace)]) as stage:
                ACTS[act].play(stage)
                wrong = ACTS[act].judge(stage)
            assert not wrong, wrong
            traces.append(strace.read_trace(trace))
        return strace.points(act, traces, Path(folder))


def run(trial: Trial) -> Result:
    """Play an act with its point spoilt, again until it comes to its end, and judge."""
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        root = Path(folder)
        first = root / "trace-0"
        tracings = [strace.spoiling(trial.point, trial.fault, first)]
        if trial.again is not None:
            tracings.append(strace.spoiling(trial.again, KILL, root / "trace-1"))
        act = ACTS[trial.point.act]
        with _set(root, act, trial.server, tracings) as stage:
            try:
                _play(act, stage)
                wrong = act.judge(stage)
            except (AssertionError, TimeoutError) as error:
                wrong = [str(error)]
            met = strace.hit(first, trial.point, trial.fault)
            reached = stage.killed if trial.fault == KILL else int(bool(met))
            excused = False
            if trial.fault != KILL and met and not strace.matters(trial.point.call, met, root):
                reached, wrong = 0, []  # it came to a call that the kernel never answers so
            if trial.fault != KILL and reached and not _is_said(trial.fault, stage):
                excused = _is_excused(trial.point, trial.fault, met)
                wrong += [] if excused else [f"nothing named the {trial.fault}"]
            return Result(trial, reached, met, excused, bool(stage.ended_early), wrong)


@contextlib.contextmanager
def _set(root: Path, act: Act, kind: str, tracings: Sequence[Tracing]) -> Iterator[Stage]:
    """Set the scene of an act, with a server of that kind if it does not need an official one."""
    if act.there is None:
        standin = Standin(honours_keys=kind == KEYS, can_be_asked=kind == ASKED)
    else:
        standin = OfficialStandin(SimpleStore())
    with standin as server, ForkedHome(root / "home", server.url) as home:
        stage = Stage(home, server)
        act.prepare(stage)
        stage.spoil(tracings)
        yield stage


def _is_said(fault: str, stage: Stage) -> bool:
    return any(word in stage.said().lower() for word in _WORDS[fault])


def _play(act: Act, stage: Stage) -> None:
    for _ in range(_PLAYS):
        with contextlib.suppress(DiedError):
            act.play(stage)
            return
    raise AssertionError(f"it did not come to its end in {_PLAYS} plays")


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
_THERE: Final = ("delete there", "delete there once", "correct")
_COMMANDS: Final = ("delete", "restore", "edit", "retry", *_THERE)
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
        "leftovers of a kill that cannot be listed wait for the next start",
    ),
    Excuse(
        ("openat", "pwrite64", "ftruncate", "unlink", "fchmod"), r"ledger\.sqlite3-shm",
        "SQLite makes its shared memory another way, and anew at the next opening",
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
        ("openat", "write", "ftruncate"), r"instance\.lock(\", O_WRONLY|>)",
        "the lock says who runs; the process id in it is for people",
    ),
    Excuse(
        ("openat", "flock"), r"instance\.lock",
        "who cannot tell whether a worker runs waits as if one did", acts=_COMMANDS,
    ),
    Excuse(
        ("openat", "flock"), r"\.tmp\", O_RDONLY|\.tmp>, LOCK_(SH|EX)",
        "a temporary file is written without its lock too; the lock only keeps a start off it",
    ),
    Excuse(
        ("rename",), r'\.mem0_queue_(backup|dlq\.previous)\.json\.mem0tray-[^"]*\.tmp"',
        "where a hard link cannot be renamed there is a copy instead",
    ),
    Excuse(
        ("openat", "write", "rename", "fchmod", "fchown"),
        rf"{_OF_LEDGER}/\.mem0_metrics\.json\.mem0tray-",
        "metrics that cannot be made in the data folder are made beside their file",
    ),
    Excuse(("openat",), r'\.answer", O_RDONLY', "an answer that cannot be read is read again"),
    Excuse(
        ("openat", "write", "fsync", "rename", "fchmod"), r"\.answer\.mem0tray-|/requests>\)",
        "a command that carries out its own order knows the answer", acts=_COMMANDS,
    ),
    Excuse(
        ("chmod",), r"/sessions\.socket", "a session asks by itself where nobody answers it",
    ),
    Excuse(
        ("openat",), r'/mem0_(metrics|queue|queue_dlq)\.json", O_RDONLY',
        "what a command in the worker's place cannot read the next worker reads", acts=_COMMANDS,
    ),
    Excuse(
        ("openat",), r'/edits(/open-[^"/]*)?", O_RDONLY',
        "a folder for an editor's text is neither synced nor listed for anybody",
        acts=("edit", "correct"),
    ),
    Excuse(
        ("openat",), r'/state\.json", O_RDONLY', "what was last known of the server is asked anew",
    ),
    Excuse(("unlink",), r"\.(previous\.json|tmp|answer)\"", "a leftover, removed at another start"),
    Excuse(
        ("openat",), rf'{_OF_LEDGER}/serves\.json", O_RDONLY',
        "a data folder goes by its name where its record cannot be read",
    ),
    Excuse(
        ("openat", "write", "rename", "fchmod"), r'alerts\.json(", O_RDONLY|\.mem0tray-)',
        "an alert may be told once more",
    ),
    Excuse(
        ("openat", "write", "chmod"), r"mem0_worker\.log",
        "a log line that cannot be written has nowhere to be told of",
    ),
    Excuse(("write",), r"-process-\d+\.(out|err)>", "nor has a line on the terminal"),
    Excuse(
        ("openat", "write", "fsync", "rename", "fchmod", "flock"), r"\.claude[/\">]",
        "what cannot go into the queue file goes into the emergency file",
        acts=("add", "correct"),
    ),
)  # fmt: skip


def _is_excused(point: Point, error: str, met: str) -> bool:
    """Tell whether this error may go unsaid. `met`: as strace shows the call."""
    return any(
        point.call in each.calls
        and (not each.errors or error in each.errors)
        and (not each.acts or point.act in each.acts)
        and (not each.threads or point.thread in each.threads)
        and re.search(each.where, met)
        for each in EXCUSES
    )
