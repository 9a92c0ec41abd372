"""One attempt to deliver: when it asks, and when it sends without having been answered."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.core.item import FRESH
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.outbox import Job
from mem0tray.server import Kind, Memory, Outcome, Presence
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.attempt import Attempts
from tests.worker.sending.asked_and_sent import AskedAndSent

REFUSED = Outcome(Kind.OUTAGE, None, "connection refused")
SILENT = Outcome(Kind.NO_ANSWER, None, "no answer after 60 s", timed_out=True, may_have_it=True)
FAILED = Outcome(Kind.ITEM_FAILURE, 422, "422 Unprocessable Entity")


class Scripted(AskedAndSent):
    """A client that is answered as the test says.

    `sent` counts what was sent, `since` is what the last question was put with.
    """

    def __init__(self) -> None:
        self.found: Presence | Outcome = Presence.ABSENT
        self.sent = 0
        self.since = 0.0

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        del memory, timeout
        self.since = since
        return self.found

    def save(self, memory: Memory, timeout: float) -> Outcome:
        del memory, timeout
        self.sent += 1
        return FAILED


def job(key: int, unknown: float = 1.0) -> Job:
    """Make an item that may have arrived before `unknown` (Unix seconds)."""
    return Job(key, FRESH, f"m{key}", "alpha", "text", f"m{key}", 0, 0, 0.0, unknown, 0)


class Trial:
    """Attempts with a scripted server."""

    def __init__(self, folder: Path) -> None:
        self.context = WorkerContext(
            Paths(folder, folder), Settings(), Ledger(folder / "ledger"), Events()
        )
        self.client = Scripted()
        self._attempts = Attempts(self.context, lambda: False)

    def make(self, found: Presence | Outcome, key: int = 1, unknown: float = 1.0) -> Outcome:
        self.client.found = found
        made = self._attempts.make(self.client, job(key, unknown), self.context.barrier.applied)
        self._attempts.note_end(job(key, unknown), made)
        return made


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    begun = Trial(tmp_path)
    yield begun
    begun.context.ledger.close()


def test_only_the_third_question_in_vain_is_enough(trial: Trial) -> None:
    """A memory is sent without an answer only after three questions about itself in a row."""
    assert [trial.make(SILENT, key).kind for key in (1, 2, 3, 1, 2, 3)] == [Kind.ASKED_IN_VAIN] * 6
    assert trial.client.sent == 0
    assert trial.make(SILENT).kind is Kind.ITEM_FAILURE
    assert trial.client.sent == 1


def test_an_order_that_has_just_come_is_heard_first(trial: Trial) -> None:
    folder = trial.context.paths.orders
    folder.mkdir(parents=True)
    (folder / "1-7.json").touch()
    trial.context.wake = threading.Event()
    assert trial.make(Presence.ABSENT).kind is Kind.NOT_SENT
    assert trial.client.sent == 0
    assert trial.context.wake.is_set()
    trial.context.barrier.note_seen(trial.context.barrier.names())
    assert trial.make(Presence.ABSENT).kind is Kind.ITEM_FAILURE


def test_an_answer_starts_the_row_anew(trial: Trial) -> None:
    trial.make(SILENT)
    trial.make(SILENT)
    trial.make(Presence.ABSENT)
    assert [trial.make(SILENT).kind for _ in range(2)] == [Kind.ASKED_IN_VAIN] * 2
    assert trial.client.sent == 1


def test_each_attempt_needs_three_questions_of_its_own(trial: Trial) -> None:
    kinds = [trial.make(SILENT).kind for _ in range(6)]
    assert kinds == [*[Kind.ASKED_IN_VAIN] * 2, Kind.ITEM_FAILURE] * 2
    assert trial.client.sent == 2


def test_where_nobody_was_reached_nobody_was_asked(trial: Trial) -> None:
    assert {trial.make(REFUSED).kind for _ in range(9)} == {Kind.ASKED_IN_VAIN}
    for _ in range(3):
        trial.make(SILENT)
    assert trial.client.sent == 1
    assert trial.make(REFUSED).kind is Kind.ASKED_IN_VAIN
    assert trial.client.sent == 1


@pytest.mark.parametrize("found", [Presence.CANNOT_TELL, SILENT], ids=["no answer", "silence"])
def test_what_nobody_could_say_is_asked_again(trial: Trial, found: Presence | Outcome) -> None:
    assert [trial.make(found).may_have_it for _ in range(3)] == [True] * 3
    assert trial.client.sent >= 1
    assert not trial.make(Presence.ABSENT).may_have_it


def test_what_was_heard_while_the_former_worker_s_requests_had_time_is_no_news(
    trial: Trial,
) -> None:
    """A server at work on a request lists nothing of it yet; an attempt of our own counts more."""
    trial.make(SILENT)
    assert trial.client.since == 0.0
    trial.context.unknown_until = time.monotonic() + 10.0
    trial.make(SILENT, key=2)
    assert trial.client.since == trial.context.unknown_until
    trial.make(SILENT)
    assert 0.0 < trial.client.since <= time.monotonic()


def test_what_the_server_said_before_an_outcome_was_unknown_is_no_news_of_it(trial: Trial) -> None:
    before = time.monotonic()
    trial.make(Presence.ABSENT, unknown=time.time())
    assert before <= trial.client.since <= time.monotonic()
    trial.make(Presence.ABSENT, unknown=time.time() - 100.0)
    assert before - 101.0 < trial.client.since < before - 99.0
    trial.make(Presence.ABSENT, unknown=time.time() + 100.0)  # the clock was set back since
    assert trial.client.since == trial.context.unknown_until
