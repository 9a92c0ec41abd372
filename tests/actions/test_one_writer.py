"""Keeping the ledger in step with the files."""

import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from mem0tray.actions import one_writer
from mem0tray.actions.one_writer import QUEUE, InStep, keep_in_step
from mem0tray.config.settings import Settings
from mem0tray.core.errors import LockTimeoutError
from mem0tray.files import orders
from mem0tray.files.lock import COMMAND, InstanceLock
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from mem0tray.worker import faults
from tests.actions.scene import holding, queued, worker, write, write_dlq
from tests.support.processes import PATIENCE
from tests.support.shapes import entry, queue_document, waiting

OURS: Final = Settings()


def look(paths: Paths) -> InStep:
    return keep_in_step(paths, OURS)


def texts(paths: Paths) -> set[str]:
    with Reader(paths.ledger) as reader:
        found = [*reader.listed("pending"), *reader.listed("dead")]
    return {json.loads(raw)["content"] for _, raw in found}


def write_all(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("queued")]))
    write_dlq(paths, [waiting("dead")])
    paths.emergency.write_text(json.dumps(entry("line", emergency=True)) + "\n")


def test_files_are_taken_in_and_stay_as_they_are(paths: Paths) -> None:
    write_all(paths)
    before = {path: path.read_bytes() for path in paths.claude_dir.iterdir() if path.is_file()}
    assert look(paths) == InStep()
    assert texts(paths) == {"queued", "dead", "line"}
    after = {path: path.read_bytes() for path in paths.claude_dir.iterdir() if path.is_file()}
    assert after == before


def test_nothing_is_done_where_nothing_has_changed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(paths)
    assert not paths.ledger.exists()
    write_all(paths)
    look(paths)
    monkeypatch.setattr(one_writer, "stand_in", None)
    assert look(paths) == InStep()


def test_what_a_worker_published_is_in_step(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(paths)
    paths.emergency.unlink()
    with worker(paths):
        monkeypatch.setattr(one_writer, "stand_in", None)
        assert look(paths) == InStep()


CHANGES: Final[list[Callable[[Paths], object]]] = [
    lambda paths: write(paths.queue, queue_document([entry("new", id="n")])),
    lambda paths: write_dlq(paths, [waiting("new", id="n")]),
    lambda paths: paths.emergency.write_text(json.dumps(entry("new", id="n")) + "\n"),
]


@pytest.mark.parametrize("change", CHANGES, ids=["queue", "DLQ", "emergency"])
def test_a_change_is_taken_in(paths: Paths, change: Callable[[Paths], object]) -> None:
    write_all(paths)
    look(paths)
    change(paths)
    look(paths)
    assert "new" in texts(paths)


def test_an_order_that_waits_is_applied(paths: Paths) -> None:
    write_all(paths)
    look(paths)
    with Reader(paths.ledger) as reader:
        listed = reader.listed("pending")
    names = [known.name for known, raw in listed if b"queued" in raw]
    orders.leave(paths, orders.about(orders.DELETE, names))
    look(paths)
    assert texts(paths) == {"dead", "line"}
    assert "queued" not in queued(paths)


def test_a_broken_file_is_unread_until_it_has_held_still(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "STABLE_AFTER", 3600.0)
    paths.queue.write_text(json.dumps(queue_document([entry("whole")]))[:-9])
    assert set(look(paths).unread) == {QUEUE}
    os.utime(paths.queue, (1e9, 1e9))
    assert look(paths) == InStep()
    assert texts(paths) == {"whole"}
    assert len(list(paths.quarantine.iterdir())) == 1


def test_a_worker_gets_a_moment_to_take_it_in(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_writer, "_TAKING_IN", 30.0)
    lock = InstanceLock(paths.instance_lock)
    lock.acquire()
    write_all(paths)

    def take_in() -> None:
        time.sleep(0.1)
        lock.release()
        one_writer.stand_in(paths, OURS, 1.0)
        lock.acquire()

    thread = threading.Thread(target=take_in)
    thread.start()
    seen = look(paths)
    thread.join()
    lock.release()
    assert seen == InStep()
    assert len(texts(paths)) == 3


def test_a_worker_that_does_not_take_it_in_is_named(paths: Paths) -> None:
    write_all(paths)
    with holding(paths):
        seen = look(paths)
    assert "mem0_queue.json, mem0_queue_dlq.json, mem0_emergency.json" in str(seen.behind)
    assert not seen.unread


def test_threads_of_one_process_share_one_taking_in(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_writer, "_TAKING_IN", 0.0)
    at_work, asked, others, runs = threading.Event(), threading.Semaphore(0), 3, []
    run, worker_runs = one_writer._run, one_writer.worker_runs

    def slow(*given: Any) -> Any:
        runs.append(given)
        at_work.set()
        assert all(asked.acquire(timeout=PATIENCE) for _ in range(others))
        return run(*given)

    def ask(its: Paths) -> bool:
        found = worker_runs(its)
        if at_work.is_set():
            asked.release()
        return found

    monkeypatch.setattr(one_writer, "_run", slow)
    monkeypatch.setattr(one_writer, "worker_runs", ask)
    write_all(paths)
    with ThreadPoolExecutor(1 + others) as pool:
        looks = [pool.submit(look, paths)]
        assert at_work.wait(PATIENCE)
        looks += [pool.submit(look, paths) for _ in range(others)]
        assert [each.result() for each in looks] == [InStep()] * len(looks)
    assert len(runs) == 1


def test_what_another_command_took_in_at_the_last_moment_is_no_complaint(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = one_writer.stand_in

    def too_late(*given: Any) -> None:
        stand_in(*given)
        raise LockTimeoutError("Another command is at work.", "Wait for it.")

    monkeypatch.setattr(one_writer, "stand_in", too_late)
    write_all(paths)
    assert look(paths) == InStep()


def test_another_command_is_waited_for_half_a_second(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    write_all(paths)
    with holding(paths, COMMAND):
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        monkeypatch.setattr(time, "sleep", lambda seconds: now.append(now.pop() + seconds))
        seen = look(paths)
    assert "mem0_queue.json" in str(seen.behind)
    assert now[0] < 1
