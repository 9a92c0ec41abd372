"""The order handler: each order is applied once, in its order, and answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, orders
from mem0tray.files.orders import DELETE, DONE, FORGET, GONE, RETRY
from mem0tray.worker.orders.handler import OrderHandler, stand_in
from tests.ledger.samples import NOW, fresh, letter
from tests.worker.queue.scene import QueueScene, opened

WAITS, DEAD = fresh("a"), letter("b")
BOTH = [WAITS.name, DEAD.name]
UNKNOWN = ("x", b"0" * 32)


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    with opened(tmp_path, monkeypatch) as made:
        made.context.inbox.add_fresh(WAITS, NOW - 9, ask=False)
        made.context.inbox.add_dead(DEAD, DEAD.raw, NOW - 9, ask=False, gen=None)
        yield made


@pytest.fixture
def handler(ground: QueueScene) -> OrderHandler:
    return OrderHandler(ground.context)


def left(ground: QueueScene) -> list[Path]:
    return sorted(ground.context.paths.orders.iterdir())


def leave(ground: QueueScene, verb: str, *names: tuple[str, bytes]) -> Path:
    return orders.leave(ground.context.paths, orders.about(verb, names))


def test_without_orders_nothing_is_done(handler: OrderHandler) -> None:
    assert handler.apply(files_read=True) == 0
    handler.answer()


def test_orders_are_applied_in_their_order_and_answered(
    ground: QueueScene, handler: OrderHandler
) -> None:
    first, second = leave(ground, DELETE, UNKNOWN, WAITS.name), leave(ground, FORGET, WAITS.name)
    assert handler.apply(files_read=True) == 2
    handler.answer()
    assert orders.take_answer(first) == {UNKNOWN: GONE, WAITS.name: DONE}
    assert orders.take_answer(second) == {WAITS.name: GONE}
    assert ground.column("reason", WAITS) == "forgotten"
    assert handler.apply(files_read=True) == 0


def test_an_order_whose_answer_failed_is_not_applied_again(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, RETRY, DEAD.name)
    handler.apply(files_read=True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "x")))
        with pytest.raises(OSError, match="x"):
            handler.answer()
    handler.apply(files_read=True)
    handler.answer()
    assert not order.exists()
    assert ground.told == [events.UserAction(RETRY, 1)]


def test_an_order_about_an_unknown_memory_waits_for_the_files(
    ground: QueueScene, handler: OrderHandler
) -> None:
    """It may stand in one that is just being written; what is known is dealt with at once."""
    waits, known = leave(ground, DELETE, UNKNOWN), leave(ground, DELETE, DEAD.name)
    assert handler.apply(files_read=False) == 1
    handler.answer()
    assert (waits.exists(), known.exists()) == (True, False)
    assert handler.apply(files_read=True) == 1


def test_an_order_is_counted_while_it_is_in_the_folder(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[int] = []
    barrier = ground.context.barrier
    monkeypatch.setattr(barrier, "note_applied", lambda: there.append(len(left(ground))))
    leave(ground, DELETE, WAITS.name)
    handler.apply(files_read=True)
    handler.answer()
    assert there == [1]


def test_a_retry_wants_a_probe_and_no_other_verb_does(ground: QueueScene) -> None:
    kicked: list[bool] = []
    handler = OrderHandler(ground.context, lambda: kicked.append(True))
    for verb, names, count in ((RETRY, [UNKNOWN], 0), (RETRY, BOTH, 1), (DELETE, BOTH, 1)):
        leave(ground, verb, *names)
        handler.apply(files_read=True)
        handler.answer()
        assert len(kicked) == count


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"verb": "edit"}', '{"verb": "nonsense"}', '{"verb": "merge", "items": []}'],
)
def test_an_order_that_makes_no_sense_is_removed(
    ground: QueueScene, handler: OrderHandler, text: str
) -> None:
    leave(ground, DELETE, WAITS.name)
    (ground.context.paths.orders / "0.json").write_text(text, encoding="utf-8")
    assert handler.apply(files_read=True) == 2
    handler.answer()
    assert ground.column("state", WAITS) == "discarded"
    assert not list(ground.context.paths.orders.glob("*.json"))


def test_an_order_that_somebody_removes_meanwhile_is_no_trouble(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, DELETE, *BOTH)
    found = list(orders.waiting(ground.context.paths.orders))
    monkeypatch.setattr(orders, "waiting", lambda _: found)
    order.unlink()
    assert handler.apply(files_read=True) == 1
    handler.answer()
    assert ground.column("state", DEAD) == "discarded"


def test_on_a_full_disk_an_order_is_applied_without_an_answer(
    ground: QueueScene, handler: OrderHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = leave(ground, DELETE, *BOTH)

    def fail(path: Path, *_: object) -> None:
        raise FileUnavailableError(f"{path}: full")

    handler.apply(files_read=True)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "replace", fail)
        handler.answer()
    assert not order.exists()


# Standing in ------------------------------------------------------------------------


def test_a_command_that_cannot_read_a_file_reports_it_and_goes_on(ground: QueueScene) -> None:
    paths = ground.context.paths
    paths.queue.unlink(missing_ok=True)
    paths.queue.mkdir()
    order = leave(ground, DELETE, DEAD.name)
    stand_in(ground.context)
    failed = {each.part for each in ground.told if isinstance(each, events.PartFailed)}
    assert failed == {"queue file"}
    assert not order.exists()
    assert ground.column("state", DEAD) == "discarded"


def test_beside_another_worker_what_left_a_file_is_asked_about(ground: QueueScene) -> None:
    """It takes out what it has delivered; what the command is about is done all the same."""
    paths, taken = ground.context.paths, fresh("t")
    ground.write(
        *({"id": each.id, "project_id": "p", "content": each.content} for each in (WAITS, taken))
    )
    stand_in(ground.context)
    ground.write()
    paths.metrics.write_text('{"vps_status": "healthy", "pid": 1, "host": "elsewhere"}')
    leave(ground, DELETE, WAITS.name)
    stand_in(ground.context)
    assert ground.column("state", WAITS) == "discarded"
    assert ground.column("taken", taken) is not None
