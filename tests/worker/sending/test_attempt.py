"""One attempt to deliver: when it asks, and when it sends without having been answered."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from msgspec.structs import replace

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import events
from mem0tray.core.due import LONGEST_WORK
from mem0tray.core.item import FRESH, Kind
from mem0tray.core.state import PERHAPS
from mem0tray.ledger.outbox import Job, Ticket
from mem0tray.server.answers import FORGOTTEN
from mem0tray.server.model import Memory, Outcome, Presence, ServerMemory
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.attempt import Attempts
from tests.ledger.samples import NOW
from tests.worker.ground import grounded, told_on
from tests.worker.sending.court import FAILED, SILENT, TAKEN

NEW = Job(
    1, FRESH, "m1", "alpha", "text", "key-1", 0, 0, 0.0, None, 0, taken=None, delivered=None,
    timestamp=0.0, ticket=None, read_there=False,
)  # fmt: skip
UNKNOWN = replace(NEW, unknown=NOW - 1.0)


class Attempting:
    """Attempts at a server that answers as `client` says; `told` are the events."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self.told = told_on(context)
        self.stopping = False
        self.client = mock.Mock()
        self.client.save.return_value = TAKEN
        self.attempts = Attempts(context, lambda: self.stopping)

    def make(self, job: Job, found: Any = None) -> Outcome:
        self.client.ask.return_value = found
        return self.attempts.make(self.client, job, 0)


@pytest.fixture
def attempting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attempting]:
    monkeypatch.setattr(time, "time", lambda: NOW)
    with grounded(tmp_path, Settings(sync=SyncSettings(timeout=5.0))) as context:
        yield Attempting(context)


def test_only_the_third_question_in_vain_is_enough(attempting: Attempting) -> None:
    """A memory is sent without an answer only after three questions about itself in a row."""
    made = [attempting.make(replace(UNKNOWN, key=key), SILENT) for key in (1, 2) * 3]
    assert [each.kind for each in made] == [*[Kind.ASKED_IN_VAIN] * 4, *[Kind.DELIVERED] * 2]
    assert all(each.may_have_it for each in made[:4])
    assert attempting.client.save.call_count == 2
    assert attempting.make(UNKNOWN, SILENT).kind is Kind.ASKED_IN_VAIN


def test_an_answer_starts_the_row_anew(attempting: Attempting) -> None:
    kinds = []
    for found in (SILENT, SILENT, Presence.ABSENT, SILENT, SILENT):
        made = attempting.make(UNKNOWN, found)
        attempting.attempts.note_end(UNKNOWN, made)
        kinds.append(made.kind)
    assert [n for n, kind in enumerate(kinds) if kind is not Kind.ASKED_IN_VAIN] == [2]


def test_where_nobody_was_reached_nobody_was_asked(attempting: Attempting) -> None:
    refused = Outcome(Kind.OUTAGE, None, "connection refused")
    assert {attempting.make(UNKNOWN, refused).kind for _ in range(9)} == {Kind.ASKED_IN_VAIN}
    for _ in range(3):
        attempting.make(UNKNOWN, SILENT)
    attempting.client.save.assert_called_once()
    assert attempting.make(UNKNOWN, refused).kind is Kind.ASKED_IN_VAIN


def test_an_order_that_has_just_come_is_heard_first(attempting: Attempting) -> None:
    folder = attempting.context.paths.orders
    folder.mkdir(parents=True)
    (folder / "1-7.json").touch()
    assert attempting.make(UNKNOWN, Presence.ABSENT).kind is Kind.NOT_SENT
    attempting.client.save.assert_not_called()
    assert isinstance(attempting.context.wake, threading.Event)
    assert attempting.context.wake.is_set()
    (folder / "1-7.json").unlink()
    assert attempting.make(UNKNOWN, Presence.ABSENT) is TAKEN


@pytest.mark.parametrize(
    ("timeouts", "seconds"), [(0, 5.0), (1, 10.0), (3, 40.0), (6, 320.0), (7, 600.0), (5000, 600.0)]
)
def test_patience_doubles_with_each_time_out(
    attempting: Attempting, timeouts: int, seconds: float
) -> None:
    attempting.make(replace(UNKNOWN, timeouts=timeouts), Presence.ABSENT)
    assert attempting.client.ask.call_args.args[:2] == (Memory("alpha", "text", "key-1"), seconds)
    assert attempting.client.save.call_args.args[1] == seconds


def test_where_the_server_cannot_tell_a_failure_leaves_it_unknown(attempting: Attempting) -> None:
    assert attempting.make(UNKNOWN, Presence.CANNOT_TELL) is TAKEN
    attempting.client.save.return_value = FAILED
    assert attempting.make(UNKNOWN, Presence.CANNOT_TELL) == replace(FAILED, may_have_it=True)


@pytest.mark.parametrize(
    ("delivered", "made"),
    [
        (NOW - 9.0, Outcome(Kind.FOUND, None, "the server took it before")),
        (None, Outcome(Kind.HELD, None, PERHAPS, may_have_it=True)),
    ],
)
def test_where_the_server_cannot_tell_what_is_remembered_counts(
    attempting: Attempting, delivered: float | None, made: Outcome
) -> None:
    """What we delivered is there; what another worker may have delivered is held."""
    job = replace(UNKNOWN, delivered=delivered, taken=NOW - 5.0)
    assert attempting.make(job, Presence.CANNOT_TELL) == made
    attempting.client.save.assert_not_called()
    assert attempting.make(job, Presence.ABSENT) is TAKEN  # an answer wins


@pytest.mark.parametrize(
    ("found", "alike", "kind"),
    [
        (Presence.ABSENT, ["other", "text"], Kind.FOUND),
        (Presence.ABSENT, ["other"], Kind.DELIVERED),
        (Presence.ABSENT, FAILED, Kind.ASKED_IN_VAIN),
        (Presence.CANNOT_TELL, ["text"], Kind.DELIVERED),
        (Presence.PRESENT, [], Kind.FOUND),
    ],
)
def test_what_was_restored_may_be_there_under_its_former_id(
    attempting: Attempting, found: Presence, alike: Any, kind: Kind
) -> None:
    if isinstance(alike, list):
        alike = [ServerMemory("alpha", text, "x") for text in alike]
    attempting.client.search.return_value = alike
    assert attempting.make(replace(UNKNOWN, restored=True), found).kind == kind


@pytest.mark.parametrize(
    ("early", "kind", "ticket", "message"),
    [(0.1, Kind.AT_WORK, "event-1", ""), (0.0, Kind.ITEM_FAILURE, "", str(FORGOTTEN))],
)
def test_a_server_that_does_not_know_its_own_ticket_has_lost_the_memory_unless_it_is_new(
    attempting: Attempting, early: float, kind: Kind, ticket: str, message: str
) -> None:
    at = NOW - attempting.context.settings.sync.retry_interval + early
    made = attempting.make(replace(UNKNOWN, ticket=Ticket("event-1", at)), Presence.CANNOT_TELL)
    assert (made.kind, made.ticket, made.message) == (kind, ticket, message)
    assert made.may_have_it


@pytest.mark.parametrize("said", [Outcome(Kind.AT_WORK, 200, "", may_have_it=True), FAILED])
def test_what_takes_longer_than_an_hour_is_sent_again_unless_it_failed(
    attempting: Attempting, said: Outcome
) -> None:
    job = replace(UNKNOWN, ticket=Ticket("event-1", NOW - LONGEST_WORK - 5))
    assert attempting.make(job, said) == (FAILED if said is FAILED else TAKEN)
    assert attempting.client.save.called == (said is not FAILED)


@pytest.mark.parametrize(
    "kind", [Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.SLOW_DOWN, Kind.ITEM_FAILURE]
)
def test_a_question_that_is_refused_still_stands(attempting: Attempting, kind: Kind) -> None:
    said = Outcome(kind, 400, "no")
    assert attempting.make(UNKNOWN, said) == replace(said, may_have_it=True)
    attempting.client.save.assert_not_called()


@pytest.mark.parametrize("kind", [Kind.NO_ANSWER, Kind.OUTAGE])
def test_a_question_that_is_broken_off_at_the_end_is_none(
    attempting: Attempting, kind: Kind
) -> None:
    attempting.stopping = True
    said = Outcome(kind, None, "broken off", may_have_it=True)
    for _ in range(4):
        assert attempting.make(UNKNOWN, said) == said
    attempting.client.save.assert_not_called()


@pytest.mark.parametrize("fails", ["ask", "save"])
def test_an_odd_item_ends_no_sender(attempting: Attempting, fails: str) -> None:
    getattr(attempting.client, fails).side_effect = ValueError("x" * 300)
    found = attempting.make(UNKNOWN, Presence.ABSENT)
    told = "internal error: ValueError"
    assert found == Outcome(Kind.NO_ANSWER, None, told, may_have_it=True)
    (event,) = attempting.told
    assert event == events.PartFailed("delivery", ("ValueError('" + "x" * 300)[:200], 0.0)


def test_an_outcome_that_is_known_ends_the_silence_about_it(
    attempting: Attempting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 5_000.0)
    future = replace(UNKNOWN, unknown=NOW + 1.0)
    attempting.context.unknown_until = 70.0
    attempting.attempts.note_end(future, SILENT)
    attempting.make(future, Presence.ABSENT)
    assert attempting.client.ask.call_args.args[2] == 5_000.0
    attempting.attempts.note_end(future, FAILED)
    attempting.make(future, Presence.ABSENT)
    assert attempting.client.ask.call_args.args[2] == 70.0
    attempting.make(replace(UNKNOWN, unknown=NOW), Presence.ABSENT)
    assert attempting.client.ask.call_args.args[2] == 5_000.0
    attempting.make(replace(UNKNOWN, unknown=NOW - 4_900.0), Presence.ABSENT)
    assert attempting.client.ask.call_args.args[2] == 100.0
    attempting.make(replace(UNKNOWN, unknown=NOW - 4_990.0), Presence.ABSENT)
    assert attempting.client.ask.call_args.args[2] == 70.0
