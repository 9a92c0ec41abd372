"""Kills and errors at some system calls of the scripted run; the command does all of them."""

from collections.abc import Callable, Sequence

import pytest

from tests.proofs.syscalls import plan, strace, sweep, trial
from tests.proofs.syscalls.plan import TWICE
from tests.proofs.syscalls.points import Point, evenly
from tests.proofs.syscalls.strace import KILL, SHORT
from tests.proofs.syscalls.sweep import Record
from tests.proofs.syscalls.trial import Result

Sweep = Callable[[str, Sequence[str], int], list[Result]]


@pytest.fixture(autouse=True, scope="module")
def _traced() -> None:
    """Skip, and say why, where nothing can be traced."""
    if reason := strace.missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def everything() -> list[Point]:
    """Count the system calls of a worker and of a deletion, once."""
    return [point for act in ("worker", "delete") for point in trial.count(act, 1)]


@pytest.fixture
def spoilt(everything: list[Point]) -> Sweep:
    """Do some trials of a fault at these calls, evenly spaced, and one of a deletion.

    No two runs of a worker's threads are alike, so a point of it may not come; a
    command's always does.
    """

    def swept(fault: str, calls: Sequence[str], number: int) -> list[Result]:
        chosen = [point for point in everything if not calls or point.call in calls]
        trials = plan.trials(chosen, fault)
        some = list(evenly([each for each in trials if each.point.act == "worker"], number))
        some += evenly([each for each in trials if each.point.act == "delete"], 1)
        record = Record(None)
        for _ in sweep.run(some, record, 2):
            pass
        return list(record.results.values())

    return swept


def faults(results: Sequence[Result]) -> list[str]:
    """List what went wrong; a fault too that no trial met its point."""
    assert any(result.reached for result in results), "no trial met its point"
    return [f"{r.name} at {r.met}: {fault}" for r in results for fault in r.faults]


@pytest.mark.row(1)
def test_a_kill_at_a_system_call_loses_and_doubles_nothing(spoilt: Sweep) -> None:
    assert faults(spoilt(KILL, (), 2)) == []


@pytest.mark.row(2)
def test_a_second_kill_in_the_recovery_loses_and_doubles_nothing(spoilt: Sweep) -> None:
    assert faults(spoilt(TWICE, (), 1)) == []


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        pytest.param("EIO", ("fsync", "fdatasync"), marks=pytest.mark.row(4)),
        pytest.param("ENOSPC", ("write", "pwrite64"), marks=pytest.mark.row(5, 6)),
        pytest.param("EACCES", ("openat", "rename"), marks=pytest.mark.row(7)),
        pytest.param(SHORT, ("write", "pwrite64"), marks=pytest.mark.row(8)),
    ],
    ids=["EIO", "ENOSPC", "EACCES", "short"],
)
def test_an_error_of_a_system_call_is_got_over(
    spoilt: Sweep, fault: str, calls: Sequence[str]
) -> None:
    assert faults(spoilt(fault, calls, 1)) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fault", plan.AT)
def test_every_point(fault: str) -> None:
    record = Record(None)
    for _ in sweep.run(plan.trials(record.count(), fault), record, 2):
        pass
    assert faults(list(record.results.values())) == []
