"""What taking in Claude Code's notes costs: looks, readings and statements, for thousands too."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mem0tray.worker.queue import note_files
from tests.worker.queue.desk import GARDEN, NoteDesk


def in_turns(desk: NoteDesk) -> list[int]:
    found = []
    while True:
        found.append(desk.run(everywhere=False))
        if not desk.intake.awaited:
            return found
        assert desk.intake.wait(desk.moment) == 0


def counting(did: Counter[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which counts under this name how often it is called."""

    def counted(*given: Any, **named: Any) -> Any:
        did[name] += 1
        return real(*given, **named)

    return counted


def test_a_change_is_found_a_quarter_of_a_minute_later(desk: NoteDesk) -> None:
    desk.run()
    desk.write("soil.md", "It is clay.")
    assert desk.run(after=14, everywhere=False) == 0
    assert desk.run(after=1, everywhere=False) == 1


def test_thousands_are_taken_in_by_and_by(desk: NoteDesk) -> None:
    for n in range(1_100):
        desk.write(f"{n}.md", f"text {n}", age=3600 + n)
    assert in_turns(desk) == [500, 500, 100]
    assert desk.queued() == [(GARDEN, f"text {n}") for n in reversed(range(1_100))]


def test_large_notes_are_not_read_all_at_once(desk: NoteDesk) -> None:
    for n in range(9):
        desk.write(f"{n}.md", f"{n}" * note_files.LARGEST)
    assert in_turns(desk) == [5, 4]


def test_notes_of_many_projects_are_not_looked_up_all_at_once(desk: NoteDesk) -> None:
    for n in range(45):
        desk.write("soil.md", "It is clay.", project=f"-{n}")
    assert in_turns(desk) == [20, 20, 5]


def test_what_a_note_costs_does_not_grow_with_their_number(
    desk: NoteDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is read once, each folder listed once, its project looked up once; so with statements.

    Whatever the order in which the notes of many projects were changed.
    """
    did: Counter[str] = Counter()
    for module, name in (
        (note_files, "read"), (note_files, "notes"), (note_files, "project_of"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, counting(did, name, getattr(module, name)))
    statements = []
    for some, count in enumerate((250, 2_500)):
        for n in range(count):
            desk.write(f"{some} {n}.md", f"{some} {n}", project=f"-{some}-{n % 25}", age=3600 + n)
        did.clear()
        desk.start()
        with desk.scene.context.ledger.locked() as db:
            db.set_trace_callback(lambda _: did.update(["statement"]))
        assert sum(in_turns(desk)) == count
        with desk.scene.context.ledger.locked() as db:
            db.set_trace_callback(None)
        assert (did["read"], did["project_of"]) == (count, 25)
        assert did["notes"] == 25 * (some + 1)  # those of before are looked at too
        statements.append(did["statement"] / count)
    few, many = statements
    assert many <= few


def test_looks_that_take_long_are_rare(desk: NoteDesk) -> None:
    desk.run()
    desk.intake._rate.note_cost(desk.moment, 10.0)
    desk.write("soil.md", "It is clay.")
    assert desk.run(after=100) == 0
    assert desk.run(after=100) == 1
