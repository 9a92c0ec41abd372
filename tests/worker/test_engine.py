"""One cycle of the engine: what it reads, sends, publishes and tells, and in which order."""

from operator import attrgetter
from typing import Any
from unittest import mock

import msgspec
import pytest

from mem0tray.config.settings import LogSettings, ServerSettings, Settings, SyncSettings
from mem0tray.core import events
from mem0tray.core.errors import LedgerError, NoThreadError
from mem0tray.core.events import PartFailed, PartRecovered
from mem0tray.core.reasons import NONE, Reason, quoted
from mem0tray.files import atomic, orders
from mem0tray.files.atomic import Signature
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.reader import Reader
from mem0tray.system import processes
from mem0tray.worker.engine import LOOK, Engine
from tests.worker.stage import MOMENT, NOW, Scene, waits_until


def test_a_cycle_reads_everything_before_it_publishes(scene: Scene) -> None:
    scene.parts.dlq_publisher.needed = scene.parts.queue_publisher.needed = True
    calls = [call for call in scene.cycle() if call != "delivery.next_due"]
    assert calls == [
        "other.look", "emergencies.run", "queue.run", "edits.run", "dlq_publisher.merge_late_save",
        "other.release", "queue_publisher.start", "prober.start", "dlq_publisher.run",
        "queue_publisher.kick", "metrics.run",
    ]  # fmt: skip


def test_what_falls_due_during_a_cycle_is_not_kept_waiting(scene: Scene) -> None:
    due = 100.0
    waits_until(scene, NOW + due)
    assert "delivery.kick" not in scene.cycle(due - 1)
    assert scene.patience(due - 1) == pytest.approx(1)
    assert scene.patience(due + 1) == 0
    assert "delivery.kick" in scene.cycle(due)
    assert scene.patience(due + 1) == LOOK


def test_before_a_sender_is_woken_a_server_that_was_silent_is_probed(scene: Scene) -> None:
    assert "freshen" not in scene.cycle()
    orders.leave(scene.context.paths, orders.Order(orders.LOOK, []))
    assert "freshen" in scene.cycle()
    assert "freshen" not in scene.cycle()
    waits_until(scene, NOW - 1)
    calls = scene.cycle()
    assert calls.index("freshen") < calls.index("delivery.kick")


def test_where_it_is_to_move_nothing_is_read(scene: Scene) -> None:
    scene.wanted.where.moves = True
    assert scene.cycle() == []
    assert not scene.engine.has_looked


@pytest.mark.parametrize("fails", ["other.look", "emergencies.run", "queue.run", None])
def test_another_worker_is_gone_only_when_all_was_read_after_it(
    scene: Scene, fails: str | None
) -> None:
    if fails is not None:
        attrgetter(fails)(scene.parts).side_effect = OSError("broken")
    assert ("other.release" in scene.cycle()) == (fails is None)


def test_the_prober_starts_once_and_what_waits_is_told_once(scene: Scene) -> None:
    waits_until(scene, NOW + 100)
    assert "prober.start" in scene.cycle()
    assert scene.told.count(events.InBackoff("alpha", "soon", 100.0)) == 1
    assert scene.context.reports_backoffs is True
    assert "prober.start" not in scene.cycle()
    assert scene.told.count(events.InBackoff("alpha", "soon", 100.0)) == 1


def test_what_has_left_the_queue_file_is_looked_for_in_the_other(scene: Scene) -> None:
    """Another worker moves what fails: the DLQ file is read again, though it has not changed."""
    scene.parts.queue.lost = True
    read: list[bool] = []
    scene.parts.edits.run.side_effect = lambda: read.append(scene.parts.edits.again)
    scene.cycle()
    assert read == [True]
    assert scene.parts.queue.lost is False


@pytest.mark.parametrize("awaited", [False, True])
def test_an_order_about_what_a_file_may_hold_waits_until_it_is_read(
    scene: Scene, *, awaited: bool
) -> None:
    """And senders wait with it: the memory may be taken in from that file at any moment."""
    scene.parts.edits.awaited = awaited
    about = orders.about(orders.DELETE, [("unknown", b"1")])
    order = orders.leave(scene.context.paths, about)
    assert scene.context.barrier.look(scene.context.barrier.applied)
    scene.cycle()
    assert order.exists() == awaited
    assert scene.context.barrier.stands() == awaited
    assert orders.take_answer(order) == (None if awaited else {("unknown", b"1"): orders.GONE})


def test_an_order_that_cannot_be_read_has_no_other_wait_and_is_told_once(
    scene: Scene,
) -> None:
    odd = scene.context.paths.orders / "0-1.json"
    odd.mkdir(parents=True)
    for _ in range(2):
        order = orders.leave(scene.context.paths, orders.about(orders.RETRY, [("unknown", b"1")]))
        scene.cycle()
        assert orders.take_answer(order) == {("unknown", b"1"): orders.GONE}
    (failed,) = (each for each in scene.told if isinstance(each, events.PartFailed))
    assert str(odd) in failed.error
    assert events.PartRecovered("orders") not in scene.told
    odd.rmdir()
    scene.cycle()
    assert events.PartRecovered("orders") in scene.told


@pytest.mark.parametrize("cost", [0.0, 0.5])
def test_a_command_is_answered_after_the_dlq_file_unless_that_takes_long(
    scene: Scene, cost: float
) -> None:
    publisher = scene.parts.dlq_publisher
    publisher.pace.note_cost(0.0, cost)
    publisher.needed = True
    order = orders.leave(scene.context.paths, orders.about(orders.RETRY, [("unknown", b"1")]))
    answered: list[bool] = []
    publisher.run.side_effect = lambda: answered.append(not orders.claimed(order).exists())
    scene.cycle()
    assert answered[0] == (cost > 0)
    assert not scene.context.barrier.stands()


@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize("busy", [True, False])
def test_the_dlq_file_is_published_at_its_pace_and_at_once_at_rest(
    scene: Scene, *, needed: bool, paced: bool, busy: bool
) -> None:
    scene.parts.dlq_publisher.needed = needed
    if not paced:
        scene.parts.dlq_publisher.pace.note_cost(MOMENT, 1.0)
    if busy:
        waits_until(scene, NOW)
    assert ("dlq_publisher.run" in scene.cycle()) == (needed and (paced or not busy))


@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("busy", [True, False])
def test_the_queue_file_is_published_when_it_is_outdated(
    scene: Scene, *, needed: bool, busy: bool
) -> None:
    scene.parts.queue_publisher.needed = needed
    if busy:
        waits_until(scene, NOW)
    assert ("queue_publisher.kick" in scene.cycle()) == needed
    if needed:
        scene.parts.queue_publisher.kick.assert_called_once_with(now=not busy)


def test_room_is_given_back_once_after_a_change_of_a_file(scene: Scene) -> None:
    with mock.patch.object(processes, "trim_heap") as give_back:
        for inode in (1, 1, 2):
            scene.parts.queue.signature = Signature(inode, 0, 0, 0)
            scene.cycle()
        assert give_back.call_count == 2


def test_a_state_is_told_when_it_changes(scene: Scene) -> None:
    scene.cycle()
    starting = events.StateChanged(
        "starting", Reason("the server has not answered yet"), told=False
    )
    assert scene.told.count(starting) == 1
    scene.cycle()
    assert scene.told.count(starting) == 1


def test_an_outage_is_noted_until_it_is_over(scene: Scene) -> None:
    why = Reason("odd")
    for healthy in (False, True):
        scene.context.breaker.note_probe(healthy=healthy, reason=NONE if healthy else why)
        scene.cycle()
        with Reader(scene.context.paths.ledger) as reader:
            (outage,) = reader.outages(0.0, NOW)
        assert (outage.reason, outage.lasts) == (why, not healthy)


def test_a_state_whose_trouble_was_told_says_so(scene: Scene) -> None:
    scene.context.faults.note_failure("part", OSError("odd"), 1.0)
    scene.context.breaker.block("storage", quoted(repr(OSError("odd"))))
    with mock.patch.object(scene.stage("storage"), "run"):
        scene.cycle()
    assert [event.told for event in scene.told_of(events.StateChanged)] == [True]


@pytest.mark.parametrize(
    "part",
    [
        "settings", "clock", "pause", "metrics file", "emergency file", "queue file", "orders",
        "DLQ file", "files", "storage", "state", "metrics", "retention",
    ],
)  # fmt: skip
def test_a_part_that_fails_is_told_by_its_name_and_tried_again(scene: Scene, part: str) -> None:
    with mock.patch.object(scene.stage(part), "run", side_effect=RuntimeError("odd")):
        scene.cycle()
    assert scene.told_of(events.PartFailed) == [events.PartFailed(part, "RuntimeError('odd')", 1.0)]
    scene.context.faults._not_before.clear()
    scene.cycle(60.0)
    assert scene.told_of(events.PartRecovered) == [events.PartRecovered(part)]


def test_a_file_that_need_not_be_written_any_more_is_no_trouble(scene: Scene) -> None:
    """It could not be, and then is right again as it stands: who fails would never succeed."""
    scene.parts.dlq_publisher.needed = True
    scene.parts.dlq_publisher.run.side_effect = RuntimeError("odd")
    scene.cycle()
    scene.parts.dlq_publisher.needed = False
    scene.cycle()
    assert scene.told_of(events.PartRecovered) == [events.PartRecovered("DLQ file")]


def test_a_folder_that_could_not_be_made_at_the_start_is_made_later(scene: Scene) -> None:
    orders = scene.context.paths.orders
    orders.write_text("in the way")
    scene.engine._attempt("folders", scene.engine._make_folders)
    orders.unlink()
    scene.cycle()
    assert not orders.exists()  # not yet
    scene.context.faults._not_before = dict.fromkeys(("folders",), 0.0)
    scene.cycle()
    assert orders.is_dir()
    assert scene.told_of(events.PartRecovered) == [events.PartRecovered("folders")]


@pytest.mark.parametrize(
    "which", ["queue_publisher.start", "chosen_server.prober.start", "chosen_server.delivery.kick"]
)
def test_a_thread_that_cannot_be_started_ends_the_worker(scene: Scene, which: str) -> None:
    waits_until(scene, NOW - 1)
    error = NoThreadError("No thread can be started.")
    attrgetter(which)(scene.parts).side_effect = error
    with pytest.raises(NoThreadError) as raised:
        scene.engine.turn()
    assert raised.value is error


@pytest.mark.row(52)
def test_settings_that_keep_changing_are_a_fault_after_ten_seconds(scene: Scene) -> None:
    for torn, after in ((True, 0.0), (True, 11.0), (False, 11.5)):
        scene.wanted.torn = torn
        scene.context.faults._clock = mock.Mock(return_value=MOMENT + after)
        scene.cycle()
    about = [event for event in scene.told if isinstance(event, PartFailed | PartRecovered)]
    assert [(type(event), event.part) for event in about] == [
        (PartFailed, "settings file"), (PartRecovered, "settings file"),
    ]  # fmt: skip


@pytest.mark.parametrize("jump", [-1000.0, 1000.0, -0.5, 0.0])
def test_a_clock_that_was_set_back_makes_nothing_wait_for_longer(scene: Scene, jump: float) -> None:
    key = waits_until(scene, NOW + 100)
    scene.context.breaker.take_break(NOW + 50)
    scene.cycle()
    now = NOW + jump + 5
    scene.engine.cycle(now, MOMENT + 5)
    is_back = jump == -1000.0
    assert scene.context.outbox.due(key) == (now + 120 if is_back else NOW + 100)  # its own delay
    left = scene.context.breaker.break_left(now if is_back else NOW + 5)
    assert left == pytest.approx(45)


def test_a_pause_that_cannot_be_read_is_one(scene: Scene) -> None:
    pause = scene.context.paths.pause
    pause.mkdir(parents=True)
    scene.cycle()
    assert scene.context.breaker.blocked_by("pause")
    pause.rmdir()
    scene.cycle()
    assert scene.context.breaker.blocked_by("pause")  # not yet
    scene.context.faults._not_before.clear()
    scene.cycle()
    assert not scene.context.breaker.blocked_by("pause")


def test_a_ledger_that_can_be_written_again_opens_the_way(scene: Scene) -> None:
    scene.context.breaker.block("storage", quoted("full"))
    with mock.patch.object(Ledger, "transaction", side_effect=LedgerError("full")):
        scene.context.faults.attempt("storage", scene.stage("storage").run)
    assert scene.context.breaker.blocked_by("storage")
    with mock.patch.object(Ledger, "transaction", wraps=scene.context.ledger.transaction) as writes:
        scene.stage("storage").run()
    assert writes.call_args_list[0] == mock.call(durable=True)  # or nothing might reach the disk
    assert not scene.context.breaker.blocked_by("storage")


@pytest.mark.parametrize("which", ["claude_dir", "data_dir"])
def test_a_disk_that_became_read_only_is_told_before_something_is_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    folder = getattr(scene.context.paths, which)
    monkeypatch.setattr(atomic, "is_read_only", lambda each: each == folder)
    scene.cycle()
    (failed,) = scene.told_of(events.PartFailed)
    assert str(folder) in failed.error


def test_what_was_discarded_long_ago_is_forgotten_once_a_day(scene: Scene) -> None:
    with mock.patch.object(scene.context.inbox, "expire") as expire:
        for hours in (0, 1, 24, 25, 26, -30):
            scene.engine.cycle(NOW + hours * 3600, MOMENT + hours * 3600)
    days = scene.context.settings.retention.discarded
    told = [call.args[0] - NOW + days * 86_400 for call in expire.call_args_list]
    assert told == [0, 25 * 3600, -30 * 3600]
    scene.wanted.wrong = quoted("retention.discarded is wrong")
    with mock.patch.object(scene.context.inbox, "expire") as expire:
        scene.cycle(100 * 3600)
    expire.assert_not_called()


def saved(scene: Scene, *, mended: bool = False, **changes: Any) -> Settings:
    settings = msgspec.structs.replace(scene.context.settings, **changes)
    scene.wanted.look.return_value, scene.wanted.mended = settings, mended
    return settings


@pytest.mark.parametrize(
    ("changes", "kicks"),
    [({"log": LogSettings(backups=7)}, False), ({"sync": SyncSettings(probe_interval=7.0)}, True)],
)
def test_settings_that_changed_hold_from_then_on(
    scene: Scene, changes: dict[str, Any], *, kicks: bool
) -> None:
    settings = saved(scene, **changes)
    calls = scene.cycle()
    assert scene.context.settings is settings
    assert scene.told.count(events.SettingsChanged()) == 1
    scene.parts.chosen_server.choose.assert_not_called()
    assert ("prober.kick" in calls) == kicks


def test_a_server_is_chosen_again_when_the_settings_are_mended(scene: Scene) -> None:
    settings = saved(scene, mended=True)
    scene.cycle()
    scene.parts.chosen_server.choose.assert_called_once_with(settings.server, events.ServerChanged)


def test_a_server_that_could_not_be_chosen_is_chosen_at_the_next_look(scene: Scene) -> None:
    settings = saved(scene, server=ServerSettings(url="http://127.0.0.1:9999"))
    choose = scene.parts.chosen_server.choose
    choose.side_effect = [LedgerError("busy"), None]
    with pytest.raises(LedgerError):
        scene.stage("settings").run()
    scene.wanted.look.return_value = None
    scene.stage("settings").run()
    assert choose.call_args_list == [mock.call(settings.server, events.ServerChanged)] * 2
    assert scene.context.settings is settings
    scene.stage("settings").run()
    assert choose.call_count == 2


@pytest.mark.parametrize("wrong", [NONE, quoted("sync.timeout is wrong")])
def test_it_begins_with_a_server_unless_the_settings_are_wrong(scene: Scene, wrong: Reason) -> None:
    scene.wanted.wrong = wrong
    engine = Engine(scene.parts, scene.wanted, watches=False)
    engine.begin()
    server = None if wrong else scene.context.settings.server
    scene.parts.chosen_server.choose.assert_called_once_with(server, events.WorkerStarted)
    scene.parts.queue_publisher.start.assert_not_called()
    assert scene.context.breaker.blocked_by("settings") == bool(wrong)
    assert engine.watch is None
    assert not scene.context.paths.orders.exists()
    assert scene.told_of(events.LedgerRebuilt) == []


def test_one_that_watches_makes_the_folders_and_looks_at_its_watch_last(scene: Scene) -> None:
    engine = Engine(scene.parts, scene.wanted)
    engine.begin()
    assert scene.context.paths.orders.is_dir()
    watch = engine.watch = mock.Mock()
    scene.calls.attach_mock(watch, "watch")
    scene.calls.reset_mock()
    engine.cycle(NOW, MOMENT)
    assert scene.calls.mock_calls[-1] == mock.call.watch.check()
    engine.end()
    watch.stop.assert_called_once_with()


def test_one_that_ends_before_its_first_cycle_leaves_no_metrics_of_an_unknown_run(
    scene: Scene,
) -> None:
    scene.engine.end()
    scene.parts.metrics.run.assert_not_called()


def test_it_ends_in_order_whatever_fails(scene: Scene) -> None:
    scene.engine.has_looked = True
    scene.parts.dlq_publisher.needed = True
    parts = scene.parts
    for each in (parts.dlq_publisher.run, parts.queue_publisher.stop, parts.metrics.run):
        each.side_effect = OSError(str(each))  # or it would be one trouble
    with mock.patch.object(Ledger, "close", side_effect=OSError("odd")) as close:
        scene.calls.attach_mock(close, "ledger")
        scene.calls.attach_mock(scene.parts.chosen_server.close, "chosen_server")
        scene.calls.reset_mock()
        scene.engine.end()
    assert [call[0] for call in scene.calls.mock_calls] == [
        "prober.stop", "delivery.stop", "dlq_publisher.run", "queue_publisher.stop", "metrics.run",
        "dlq_publisher.close", "chosen_server", "ledger",
    ]  # fmt: skip
    scene.parts.metrics.run.assert_called_once_with(final=True)
    assert [event.part for event in scene.told_of(events.PartFailed)] == [
        "last DLQ file",
        "last queue file",
        "last metrics",
        "end of the ledger",
    ]
