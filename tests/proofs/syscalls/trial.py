"""One trial: an act, spoilt at a point, and what came of it."""

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.proofs.syscalls import points, silence, strace
from tests.proofs.syscalls.acts import ACTS
from tests.proofs.syscalls.points import Point
from tests.proofs.syscalls.stage import DiedError, Stage, trace_file
from tests.proofs.syscalls.strace import KILL
from tests.support.forked import ForkedHome
from tests.support.standin import Standin

KEYS, ASKED = SERVERS = ("honours keys", "can be asked")
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
    def name(self) -> str:
        second = f" then {self.again}" if self.again else ""
        return f"{self.fault} {self.point}{second} ({self.server})"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    `reached`: how many of the points were met. `met`: the call of the first, as strace
    shows it. `excuse`: nothing named the error, and why nothing need to. `restarted`:
    it left, with words. `faults`: what is wrong.
    """

    name: str
    act: str
    call: str
    fault: str
    server: str
    reached: int
    met: str
    excuse: str
    restarted: bool
    faults: list[str]


def count(act: str, runs: int) -> list[Point]:
    """Play an act `runs` times unspoilt, and list its points. AssertionError if it goes wrong."""
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        traces = []
        for run in range(runs):
            root = Path(folder, str(run))
            root.mkdir()
            trace = trace_file(root, 0)
            with _server(ASKED) as server, ForkedHome(root / "home", server.url) as home:
                stage = Stage(home, server)
                ACTS[act].prepare(stage)
                stage.spoil([strace.counting(trace)])
                ACTS[act].play(stage)
                wrong = ACTS[act].judge(stage)
            assert not wrong, wrong
            traces.append(points.read_trace(trace))
        return points.points(act, traces, Path(folder))


def run(trial: Trial) -> Result:
    """Play an act with its point spoilt, again until it comes to its end, and judge."""
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        root = Path(folder)
        first = trace_file(root, 0)
        tracings = [strace.spoiling(trial.point, trial.fault, first)]
        if trial.again is not None:
            tracings.append(strace.spoiling(trial.again, KILL, trace_file(root, 1)))
        act = ACTS[trial.point.act]
        with _server(trial.server) as server, ForkedHome(root / "home", server.url) as home:
            stage = Stage(home, server)
            act.prepare(stage)
            stage.spoil(tracings)
            try:
                _play(trial, stage)
                wrong = act.judge(stage)
            except (AssertionError, TimeoutError) as error:
                wrong = [str(error)]
            met = strace.hit(first, trial.point, trial.fault)
            reached = stage.killed if trial.fault == KILL else int(bool(met))
            excuse = ""
            if trial.fault != KILL and met and not points.matters(trial.point.call, met, root):
                reached, wrong = 0, []  # it came to a call that the kernel never answers so
            if trial.fault != KILL and reached and not _is_said(trial.fault, stage):
                excuse = silence.excuse(trial.point, trial.fault, met)
                wrong += [] if excuse else [f"nothing named the {trial.fault}"]
            return Result(
                trial.name, trial.point.act, trial.point.call, trial.fault, trial.server,
                reached, met, excuse, bool(stage.ended_early), wrong,
            )  # fmt: skip


def _is_said(fault: str, stage: Stage) -> bool:
    return any(word in stage.said().lower() for word in _WORDS[fault])


def _play(trial: Trial, stage: Stage) -> None:
    for _ in range(_PLAYS):
        with contextlib.suppress(DiedError):
            ACTS[trial.point.act].play(stage)
            return
    raise AssertionError(f"it did not come to its end in {_PLAYS} plays")


def _server(kind: str) -> Standin:
    return Standin(honours_keys=kind == KEYS, can_be_asked=kind == ASKED)
