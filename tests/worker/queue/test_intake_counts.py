"""What others have counted in the queue file, each memory once."""

import pytest

from mem0tray.worker.queue.intake import QueueIntake
from tests.worker.queue.scene import QueueScene, entry, fresh

A, B = fresh("a"), fresh("b")


def test_what_others_count_is_added(scene: QueueScene, intake: QueueIntake) -> None:
    names = ["total_queued", "total_synced", "total_failed"]
    scene.context.counters.add("total_queued", 10)
    for stats, counted in (
        ({}, [10, 0, 0]),
        ({"total_queued": 13, "total_synced": 2, "total_failed": "odd"}, [13, 2, 0]),
        ({"total_queued": 1}, [13, 2, 0]),
        ({"total_queued": 14}, [14, 2, 0]),
        ({"total_queued": 14}, [14, 2, 0]),
    ):
        scene.write(stats=stats)
        intake.read()
        assert [scene.context.counters.show()[name] for name in names] == counted


@pytest.mark.parametrize(
    ("queue", "counted", "total"),
    [([entry(B)], 1, 11), ([entry(A), entry(B)], 2, 11), ([entry(A)], 9, 10), ([entry(B)], 0, 10)],
    ids=["begun afresh", "an old copy and one more", "an old copy", "one that nobody counted"],
)
def test_what_came_in_a_file_begun_afresh_is_counted_once(
    scene: QueueScene, intake: QueueIntake, queue: list[object], counted: int, total: int
) -> None:
    scene.write(entry(A), stats={"total_queued": 10})
    intake.read()
    assert scene.context.counters.show()["total_queued"] == 10
    scene.write(*queue, stats={"total_queued": counted})
    for _ in range(2):
        intake.read()
    assert scene.context.counters.show()["total_queued"] == total


@pytest.mark.parametrize(
    ("first", "second"),
    [(3, 5), (3, 3), (5, 3), (1, 2)],
    ids=["more", "as many", "fewer", "one and two"],
)
@pytest.mark.parametrize("seen_gone", [False, True], ids=["at once", "after a moment"])
def test_two_files_begun_afresh_are_counted_whole(
    scene: QueueScene, intake: QueueIntake, first: int, second: int, *, seen_gone: bool
) -> None:
    for name, number in (("a", first), ("b", second)):
        found = [entry(fresh(f"{name}{each}")) for each in range(number)]
        scene.write(*found, stats={"total_queued": number})
        for _ in range(2):
            intake.read()
        if seen_gone:
            scene.context.paths.queue.unlink()
            intake.read()
    assert scene.context.counters.total("total_queued") == first + second


def test_a_file_begun_afresh_that_grows_past_the_old_count_is_counted_whole(
    scene: QueueScene, intake: QueueIntake
) -> None:
    old = [entry(fresh(f"a{each}")) for each in range(10)]
    new = [entry(fresh(f"b{each}")) for each in range(12)]
    scene.write(*old, stats={"total_queued": 10})
    intake.read()
    for number in (8, 12):
        scene.write(*new[:number], stats={"total_queued": number})
        intake.read()
    assert scene.context.counters.total("total_queued") == 22


@pytest.mark.parametrize("more", [0, 1], ids=["alone", "while a producer adds one"])
def test_an_entry_that_is_edited_is_counted_once(
    scene: QueueScene, intake: QueueIntake, more: int
) -> None:
    scene.write(entry(A), stats={"total_queued": 9})
    intake.read()
    edited = fresh("a", content="another text")
    scene.write(entry(edited), *[entry(B)] * more, stats={"total_queued": 9 + more})
    intake.read()
    assert scene.context.counters.total("total_queued") == 9 + more


def test_a_file_that_is_put_back_is_counted_once(scene: QueueScene, intake: QueueIntake) -> None:
    scene.write(entry(A), entry(B), stats={"total_queued": 2})
    intake.read()
    kept = scene.context.paths.queue.read_bytes()
    scene.context.paths.queue.unlink()
    intake.read()
    scene.context.paths.queue.write_bytes(kept)
    intake.read()
    assert scene.context.counters.total("total_queued") == 2
