"""The engine's clock, pause, disk and settings; how it begins and ends."""

from typing import Any
from unittest import mock

import msgspec
import pytest

from mem0tray.config.settings import LogSettings, ServerSettings, Settings, SyncSettings
from mem0tray.core import events
from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import NONE, Reason, quoted
from mem0tray.files import atomic
from mem0tray.ledger.database import Ledger
from mem0tray.worker.engine import Engine
from tests.worker.stage import MOMENT, NOW, Scene, waits_until


def test_a_clock_that_was_set_back_makes_nothing_wait_for_longer(scene: Scene) -> None:
    key = waits_until(scene, NOW + 100)
    scene.context.breaker.take_break(NOW + 50)
    scene.cycle()
    scene.engine.cycle(NOW - 1000 + 5, MOMENT + 5)
    assert scene.context.outbox.due(key) == NOW - 1000 + 5 + 120  # its own delay, from now
    assert scene.context.breaker.break_left(NOW - 1000 + 5) == pytest.approx(45)


@pytest.mark.parametrize("jump", [1000.0, -0.5, 0.0])
def test_other_jumps_of_the_clock_change_nothing(scene: Scene, jump: float) -> None:
    key = waits_until(scene, NOW + 100)
    scene.context.breaker.take_break(NOW + 50)
    scene.cycle()
    scene.engine.cycle(NOW + jump + 5, MOMENT + 5)
    assert scene.context.outbox.due(key) == NOW + 100
    assert scene.context.breaker.break_left(NOW) == 50


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
        scene.attempt("storage")
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
    (failed,) = [event for event in scene.told if isinstance(event, events.PartFailed)]
    assert str(folder) in failed.error


def test_what_was_discarded_long_ago_is_forgotten_once_a_day(scene: Scene) -> None:
    with mock.patch.object(scene.context.inbox, "expire") as expire:
        for hours in (0, 1, 24, 25, 26, -30):
            scene.engine.cycle(NOW + hours * 3600, MOMENT + hours * 3600)
    days = scene.context.settings.retention.discarded
    told = [call.args[0] - NOW + days * 86_400 for call in expire.call_args_list]
    assert told == [0, 25 * 3600, -30 * 3600]


def saved(scene: Scene, *, mended: bool = False, **changes: Any) -> Settings:
    settings = msgspec.structs.replace(scene.context.settings, **changes)
    scene.wanted.look.return_value, scene.wanted.mended = settings, mended
    return settings


def test_settings_that_changed_hold_from_then_on(scene: Scene) -> None:
    settings = saved(scene, log=LogSettings(backups=7))
    calls = scene.cycle()
    assert scene.context.settings is settings
    assert scene.told.count(events.SettingsChanged()) == 1
    scene.parts.chosen_server.choose.assert_not_called()
    assert "prober.kick" not in calls


def test_another_server_is_chosen_when_the_settings_say_so(scene: Scene) -> None:
    server = ServerSettings(url="http://elsewhere")
    saved(scene, server=server)
    scene.cycle()
    scene.parts.chosen_server.choose.assert_called_once_with(server, events.ServerChanged)
    saved(scene, mended=True)
    scene.cycle()
    assert scene.parts.chosen_server.choose.call_count == 2


def test_another_interval_between_probes_holds_at_once(scene: Scene) -> None:
    saved(scene, sync=SyncSettings(probe_interval=7.0))
    assert "prober.kick" in scene.cycle()


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
    assert not any(isinstance(event, events.LedgerRebuilt) for event in scene.told)


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
    failed = [event.part for event in scene.told if isinstance(event, events.PartFailed)]
    assert failed == ["last DLQ file", "last queue file", "last metrics", "end of the ledger"]
