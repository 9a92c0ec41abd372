"""Why memories are not delivered: what stands in the way of all, and of one."""

import time
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from mem0tray.actions import diagnose, standing
from mem0tray.actions.chosen_client import Probe, probe
from mem0tray.actions.diagnose import Cause, Surroundings
from mem0tray.actions.standing import Snapshot, hindrance
from mem0tray.actions.worker_report import Metrics, Running
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import reasons, state
from mem0tray.core.reasons import Reason
from mem0tray.files import orders
from mem0tray.files.lock import FileLock
from mem0tray.ledger.rows import Attempt, Known, kept
from mem0tray.server.answers import classify
from mem0tray.server.model import UNRESOLVED, Health, Reply
from mem0tray.system.paths import Paths
from tests.actions.scene import found, metrics_of
from tests.support.http1 import Answer
from tests.support.shapes import dead, entry
from tests.support.standin import Standin

NOW = 1_764_500_000.0
WELL = Probe("https://m.test", "m.test", Health(healthy=True, reason=reasons.NONE))
FINE = Surroundings([])


def failed(kind: str = "item failure", status: int | None = 500) -> Attempt:
    return Attempt(1.0, kind, status, f"{status}: no thanks", 0.1)


def known(due: float) -> Known:
    return Known(
        key=1, id="x", digest=b"", state="pending", server=None, reason=None, last_error=None,
        claimed=None, unknown=None, timeouts=0, accepted=1.0, closed=None, due=due, retries=1,
        retry_count=0, last_attempt=0.0, taken=None, held=None, project="p", at_work=False,
    )  # fmt: skip


def names(causes: Sequence[Cause]) -> list[Reason]:
    return [each.name for each in causes]


@pytest.mark.parametrize(
    ("attempt", "name"),
    [
        (failed("item failure", 400), diagnose.REJECTED),
        (failed("refused", 403), diagnose.REJECTED),
        (failed("slow down", 429), diagnose.REJECTED),
        (failed("unknown", None), diagnose.NO_ANSWER),
        (failed("unanswered", 500), diagnose.NO_ANSWER),
        (failed("not sendable", None), diagnose.INVALID),
    ],
)
def test_the_last_attempt_tells(attempt: Attempt, name: Reason) -> None:
    first = diagnose.causes(found(dead("x")), FINE, attempt, NOW)[0]
    assert first.name == name
    assert "no thanks" in str(first.detail)
    assert first.remedy


@pytest.mark.parametrize("kind", ["outage", "item failure"])
def test_a_redirected_save_is_no_item_s_fault(kind: str) -> None:
    reply = Reply(308, {"location": "http://a.test/api/memory"}, b"", 0.1)
    said = classify(reply, NOW, bool).reason
    letter = found(dead("x", last_error=str(said)))
    first = diagnose.causes(letter, FINE, Attempt(1.0, kind, 308, kept(said), 0.1), NOW)[0]
    assert (first.name, first.detail, first.by_itself) == (diagnose.ACTION, said, False)
    assert "`mem0tray config set server.url http://a.test/api`" in str(first.remedy)


def test_a_question_in_vain_is_not_the_reason_of_what_failed_before() -> None:
    letter = found(dead("x", last_error="422 Unprocessable"))
    asked = Attempt(1.0, "unanswered", None, "no answer after 6.01 s", 6.01)
    first = diagnose.causes(letter, FINE, asked, NOW)[0]
    assert (first.name, str(first.detail)) == (diagnose.REJECTED, "422 Unprocessable")
    assert str(diagnose.why_failed(letter, asked)) == "422 Unprocessable"
    never = found(dead("x"))
    assert diagnose.causes(never, FINE, asked, NOW)[0].name == diagnose.NO_ANSWER
    assert str(diagnose.why_failed(never, asked)) == "no answer after 6.01 s"


def test_what_another_worker_took_is_asked_about_when_it_has_gone() -> None:
    told = state.another_worker(7, None)
    what, remedy = reasons.parted(told)
    beside = Surroundings([Cause(diagnose.ACTION, what, remedy)])
    item = found(entry("x"))
    taken = replace(item, known=replace(known(NOW), taken=1.0))
    first, second, *_ = diagnose.causes(taken, beside, None, NOW)
    assert (first.name, second.name, second.by_itself) == (diagnose.ACTION, diagnose.HELD, True)
    assert "the server is asked once it has gone" in str(second.detail)
    held = replace(item, known=replace(known(NOW), taken=1.0, held=2.0))
    asked = diagnose.causes(held, beside, None, NOW)[0]
    assert "the server cannot tell" in str(asked.detail)


def settings_for(url: str) -> Settings:
    return Settings(server=ServerSettings(url=url))


def around(settings: Settings) -> Surroundings:
    return Surroundings.ask(settings, standing.read(settings, time.time()))


def test_the_embedded_server_is_down_only_under_a_worker(paths: Paths) -> None:
    settings = settings_for("local")
    (first,) = around(settings).causes
    assert (first.name, str(first.remedy)) == (
        diagnose.NOT_RUNNING,
        "Start the worker with `mem0tray run`.",
    )
    with FileLock(paths.instance_lock).held(1):
        assert names(around(settings).causes) == [diagnose.SERVER_DOWN]
        orders.write_pause(paths, time.time() + 600)
        assert names(around(settings).causes) == [diagnose.PAUSED]


def test_a_server_that_is_none_is_told_once(paths: Paths) -> None:
    with Standin() as server:
        server.health = Answer(404)
        settings = settings_for(server.url)
        reason = str(probe(settings, paths).health.reason)
        seen = Metrics({"state": "action needed", "reason": reason}, NOW)
        there = Snapshot(NOW, paths, Running(1, NOW), metrics=seen)
        (told,) = Surroundings.ask(settings, there).causes
    assert told.name == diagnose.ACTION
    assert str(told.detail).startswith(f"no Mem0 server was recognised at {server.netloc} (")
    assert "server.dialect" in str(told.remedy)


@pytest.mark.parametrize("why", [UNRESOLVED, reasons.NO_NETWORK])
def test_where_the_network_is_to_blame_the_server_is_not(why: Reason) -> None:
    away = Probe("https://m.test", "m.test", Health(healthy=False, reason=reasons.sentence(why)))
    (cause,) = diagnose._of_server(away, starts=True)
    assert cause.name == diagnose.LOCAL_NETWORK
    assert str(why).lower() in str(cause.detail).lower()
    assert str(cause.remedy).startswith("Connect this computer to the network")


def causes(seen: Snapshot) -> list[Reason]:
    return names(Surroundings.of(seen, WELL).causes)


def test_what_status_names_first_is_the_first_cause(paths: Paths) -> None:
    fails = reasons.advised(reasons.quoted("the disk fails."), reasons.quoted("Mend it."))
    down = Metrics({"state": "down", "reason": "no route"}, NOW)
    odd = Metrics({}, 0.0, trouble=fails)
    for seen in (
        Snapshot(NOW, paths, Running(1, NOW), metrics=down, disk=fails),
        Snapshot(NOW, paths, disk=fails),
        Snapshot(NOW, paths, metrics=odd),
    ):
        first = Surroundings.of(seen, WELL).causes[0]
        assert (first.name, str(first.detail)) == (diagnose.ACTION, "the disk fails")
        assert str(first.remedy) == "Mend it."
        assert hindrance(seen) == "the disk fails. Mend it."


def test_a_disk_is_told_once(paths: Paths) -> None:
    said = Metrics(metrics_of("action needed", reasons.quoted("the disk fails")), NOW)
    seen = Snapshot(NOW, paths, Running(1, NOW), metrics=said, disk=reasons.quoted("it fails"))
    assert causes(seen) == [diagnose.ACTION]
