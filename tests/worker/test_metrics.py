"""What the worker tells of itself in `mem0_metrics.json`."""

import errno
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.actions.worker_report import Metrics
from mem0tray.core import item as items
from mem0tray.core import reasons, state
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, temporary
from mem0tray.files.atomic import Signature
from mem0tray.files.document import local_iso
from mem0tray.ledger.names import QUEUED
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.metrics import MetricsWriter, OtherWorker
from tests.ledger.samples import HERE, NOW, fresh, letter
from tests.worker.ground import grounded
from tests.worker.stage import stand_in


def test_the_reason_is_told_as_text_and_as_data(tmp_path: Path) -> None:
    with grounded(tmp_path) as context:
        breaker = context.breaker
        breaker.block("server", state.refusal("401 {Unauthorized} \ud83d", 401))
        MetricsWriter(context, OtherWorker(context)).run()
    data = context.paths.metrics.read_bytes()
    json.loads(data)  # as `json.tool` does
    values = items.load_object(data)
    assert values is not None
    assert values["reason"] == str(breaker.state(0.0).reason)
    assert Metrics(values, 0.0).reason == breaker.state(0.0).reason


@pytest.mark.parametrize("is_one_disk", [True, False])
def test_they_are_made_where_nobody_watches_if_they_can_be_moved_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_one_disk: bool
) -> None:
    real, made = Path.replace, []

    def move(path: Path, target: Path) -> Path:
        made.append(path.parent)
        if path.parent != target.parent and not is_one_disk:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(path, target)

    with grounded(tmp_path) as context:
        paths, other = context.paths, OtherWorker(context)
        paths.metrics.write_text(json.dumps({"vps_status": "down", "run": "former", "pid": None}))
        other.look()
        monkeypatch.setattr(Path, "replace", move)
        writer = MetricsWriter(context, other)
        writer.run()
        writer.run(final=True)
        assert other.is_unchanged()
        ways = [paths.data_dir] if is_one_disk else [paths.data_dir, paths.claude_dir]
        assert made == 2 * ways
        assert context.foreign_claims.worker() is None  # the former run is no other worker
    assert json.loads(paths.metrics.read_bytes())["pid"] is None
    assert [each for folder in set(made) for each in folder.glob(temporary.PATTERN)] == []


BEGIN = 5_000.0


class Telling:
    """A writer of metrics, at a time that the test sets; `woken` counts wake-ups."""

    def __init__(self, context: WorkerContext, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = context
        self.moment = BEGIN
        self.woken = 0
        wake: Any = self
        context.wake = wake
        self.breaker = context.breaker
        self.breaker.note_probe(healthy=True, reason=reasons.NONE)
        self.other: Any = stand_in(OtherWorker)
        self.other.is_unchanged.return_value = True
        self.other.signature = object()
        context.destination = "a.test"
        self.writer = MetricsWriter(context, self.other)
        self.written: list[dict[str, Any]] = []
        self._replace = atomic.replace
        monkeypatch.setattr(time, "monotonic", lambda: self.moment)
        monkeypatch.setattr(WorkerContext, "now", staticmethod(lambda: NOW + self.moment - BEGIN))
        monkeypatch.setattr(atomic, "replace", self._noted)

    def set(self) -> None:
        self.woken += 1

    def _noted(self, path: Path, data: bytes, **named: Any) -> Signature | None:
        self.written.append({"path": path} | named)
        self.moment += 0.01  # it takes a while
        return self._replace(path, data, **named)

    def run(self, after: float = 0.0, *, final: bool = False) -> int:
        """Let so many seconds pass, and run; how many writes there were."""
        self.moment += after
        before = len(self.written)
        self.writer.run(final=final)
        return len(self.written) - before

    def wait(self) -> float:
        return self.writer.wait(self.moment)

    def change(self) -> None:
        self.context.counters.add(QUEUED)

    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.context.paths.metrics.read_bytes())
        return found


@pytest.fixture
def telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telling]:
    with grounded(tmp_path, run="0d9f") as context:
        yield Telling(context, monkeypatch)


def test_what_waits_and_what_was_delivered_is_told(telling: Telling) -> None:
    context = telling.context
    context.inbox.add_fresh(fresh("a"), NOW - 50, ask=False)
    held = context.inbox.add_fresh(fresh("b"), NOW - 40, ask=False)
    context.foreign_claims.hold(held, NOW)
    dead = letter("c")
    context.inbox.add_dead(dead, dead.raw, NOW - 60, ask=False, gen=None)
    done = context.inbox.add_fresh(fresh("d"), NOW, ask=False)
    context.outbox.claim(done, NOW)
    context.outbox.record_delivery(done, HERE, NOW - 5)
    context.counters.add(QUEUED, 7)
    telling.run()
    names = (
        "queue_size", "dlq_size", "total_synced", "total_queued", "held", "last_delivery",
        "oldest_waiting", "destination", "host",
    )  # fmt: skip
    assert [telling.values()[name] for name in names] == [
        2, 1, 1, 7, 1, local_iso(NOW - 5), local_iso(NOW - 60), "a.test", socket.gethostname(),
    ]  # fmt: skip


def test_a_state_is_told_with_its_reason_and_since_when(telling: Telling) -> None:
    telling.run()
    telling.breaker.note_probe(healthy=False, reason=reasons.quoted("one"))
    telling.run(10.0)
    began = local_iso(NOW + 10.0)
    telling.breaker.note_probe(healthy=False, reason=reasons.quoted("two"))
    telling.run(10.0)
    found = telling.values()
    assert (found["state"], found["reason"], found["vps_status"]) == ("down", "two", "down")
    assert found["state_since"] == began


def test_they_are_written_at_the_start_and_each_half_minute(telling: Telling) -> None:
    assert telling.run() == 1
    assert telling.wait() == pytest.approx(30.0, abs=0.1)
    assert telling.run(29.9) == 0
    assert telling.run(0.2) == 1
    assert telling.run(1.0, final=True) == 1
    assert telling.run(29.9) == 0


def test_a_change_is_told_at_their_pace(telling: Telling) -> None:
    telling.run()
    telling.change()
    assert telling.wait() == pytest.approx(1.0, abs=0.1)
    assert telling.run(0.5) == 0
    assert telling.run(0.6) == 1
    telling.change()
    telling.moment += 20.0
    assert telling.wait() == 0.0
    assert telling.run() == 1


def test_a_file_that_has_gone_is_written_anew_at_their_pace(telling: Telling) -> None:
    telling.run()
    telling.other.signature = None
    assert telling.run(0.5) == 0
    assert telling.run(0.6) == 1


def test_what_another_worker_wrote_is_not_written_over(telling: Telling) -> None:
    telling.other.is_unchanged.return_value = False
    assert telling.run() == 1
    assert telling.woken == 1
    telling.other.look.assert_called_once_with()
    assert not telling.context.paths.metrics.exists()
    telling.other.note_write.assert_not_called()
    telling.other.is_unchanged.return_value = True
    assert telling.run() == 1
    assert telling.woken == 1
    written = atomic.signature(telling.context.paths.metrics)
    assert telling.other.note_write.call_args.args == (written,)


def test_where_the_folder_takes_none_they_stand_in_ours(telling: Telling) -> None:
    metrics, spare = telling.context.paths.metrics, telling.context.paths.spare_metrics
    metrics.mkdir()
    for _ in range(2):
        with pytest.raises(FileUnavailableError):
            telling.run()
        assert json.loads(spare.read_bytes())["state"] == "healthy"
    assert telling.written[-1] == {"path": spare, "durable": False}
    metrics.rmdir()
    assert telling.run() == 1  # at once
    assert metrics.is_file()
    assert not spare.exists()
    spare.touch()
    telling.change()
    telling.run(20.0)
    assert spare.exists()  # it is looked for only after it was needed
