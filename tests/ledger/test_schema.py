"""Ledgers of former versions, and of newer ones."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.core import item as items
from mem0tray.core.errors import LedgerError
from mem0tray.ledger import schema, unknown_outcomes
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.known import Known
from mem0tray.ledger.notes import NoteRecords
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.showings import Showing
from mem0tray.ledger.taken_by_others import TakenByOthers, WorkerSeen
from tests.ledger.samples import NOW, write_sample

A, B = "http://a.test", "http://b.test"
STATES = {
    "pending": {
        "waits", "failed once", "unknown", "timed out", "under way", "from the emergency file",
        "vanished", "taken", "held", "restored to the queue", "large",
    },
    "dead": {
        "plain", "failed", "restored", "edited", "edited under way", "recounted", "newcomer",
        "large dead", "buried", "unpublished",
    },
    "delivered": {
        "delivered", "delivered dead", "delivered elsewhere", "delivered after deletion",
    },
    "discarded": {
        "removed", "edited under way", "forgotten", "expired", "hidden", "deleted",
    },
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write the ledger of the second version, which has every state in it."""
    path = tmp_path / "ledger.sqlite3"
    write_sample(path, 2)
    return path


def rows(db: sqlite3.Connection, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask for rows."""
    return db.execute(sql, values).fetchall()


def one(reader: Reader, name: str, state: str) -> Known:
    """Find the memory of this id in this state."""
    (found,) = [each for each in reader.by_id(name) if each.state == state]
    return found


def shape(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Tell which tables, columns and indexes there are."""
    tables = rows(db, "SELECT name FROM sqlite_schema WHERE type = 'table'")
    columns = {(t, str(c[1:])) for (t,) in tables for c in rows(db, f"PRAGMA table_info({t})")}
    named = rows(
        db, "SELECT type, name || sql FROM sqlite_schema WHERE type != 'table' AND sql != ''"
    )
    return columns | {(kind, text) for kind, text in named}


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_an_old_ledger_gets_the_tables_of_a_new_one(tmp_path: Path, version: int) -> None:
    """Whatever version it begins with, the tables, columns and indexes are those of a new one."""
    old, new = tmp_path / "old", tmp_path / "new"
    write_sample(old, version)
    for path in (old, new):
        Ledger(path).close()
    with closing(sqlite3.connect(old)) as upgraded, closing(sqlite3.connect(new)) as fresh:
        assert shape(upgraded) == shape(fresh)
        assert rows(upgraded, "PRAGMA user_version") == [(schema.VERSION,)]
        assert rows(upgraded, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("missing", ["moved", "outages", "large", "nothing"])
def test_an_early_ledger_of_the_second_version_is_taken_over(path: Path, missing: str) -> None:
    """One that lacks what came within that version loses nothing."""
    change = {
        "moved": "ALTER TABLE items DROP COLUMN moved",
        "outages": "DROP TABLE outages",
        "large": "UPDATE items SET raw = x'7b7d' WHERE raw = x''; DROP TRIGGER large_gone;"
        " DROP TABLE large",
        "nothing": "",
    }[missing]
    with closing(sqlite3.connect(path)) as db:
        db.executescript(change)
    with closing(Ledger(path)) as ledger, ledger.locked() as db:
        assert ledger.rebuilt == "" or "old copy" in ledger.rebuilt
        assert rows(db, "SELECT count(*) FROM items") == [(32,)]
        assert rows(db, "SELECT count(*) FROM outages") == [(0 if missing == "outages" else 2,)]


@pytest.mark.parametrize("by", ["worker", "command"])
def test_every_memory_keeps_its_state_and_text(path: Path, by: str) -> None:
    """Whether a worker has brought the ledger up to date, or a command reads it before."""
    if by == "worker":
        Ledger(path).close()
    with Reader(path) as reader:
        for state, names in STATES.items():
            assert {each.id for each in reader.by_prefix("") if each.state == state} == names
        with_text = {each.id for each in reader.by_prefix("") if reader.raw(each.key) is not None}
        assert with_text == {
            *STATES["pending"], *STATES["dead"], "removed", "hidden", "deleted",
        }  # fmt: skip
        assert {each.server for each in reader.by_prefix("") if each.state == "delivered"} == {A, B}
        assert reader.former.only_elsewhere(A) == {B: 1}
        assert one(reader, "under way", "pending").claimed is not None
        assert one(reader, "timed out", "pending").timeouts == 1
        assert reader.last_attempts()[_name(one(reader, "failed", "dead"))].message == "500 again"
        assert len(reader.waiting.listed("dead")) == len(STATES["dead"])
        assert sum(each.is_held for each, _ in reader.waiting.listed("pending")) == 3
        assert reader.other_worker() == WorkerSeen(7, "elsewhere", NOW + 12, NOW + 12)
        assert reader.counter("total_queued") == 20
        assert len(reader.outages(0.0)) == 2


def _name(known: Known) -> tuple[str, bytes]:
    return known.id, known.digest


def test_a_command_changes_nothing_in_an_old_ledger(path: Path) -> None:
    """What it brings up to date is a copy of its own."""
    before = path.read_bytes()
    with Reader(path) as reader:
        assert len(reader.waiting.listed("pending")) == 12
    assert path.read_bytes() == before


def test_what_generations_showed_is_taken_over(path: Path) -> None:
    """First and last generation, values and bodies, also of what has left the file since."""
    with closing(Ledger(path)) as ledger:
        generations, inbox = Generations(ledger), Inbox(ledger)
        keys = {row.item_id: row.key for row in generations.dead_rows()}
        gone = {name: inbox.by_ids([name])[name][0].key for name in ("delivered dead", "hidden")}
        shown = generations.shown([*keys.values(), *gone.values()])
        assert generations.current() == 10
        failed = shown[keys["failed"]]
        values = [(each.first, each.last, each.retry_count) for each in failed.showings]
        assert values[:3] == [(1, 2, 2), (3, 3, 3), (4, 10, 4)]
        assert (failed.first(), failed.last(10)) == (1, 10)
        assert shown[keys["newcomer"]].stood_in(9)
        assert not shown[keys["newcomer"]].stood_in(10)  # a user's own, which lacks it
        assert shown[keys["newcomer"]].stood_in(11)
        assert (shown[keys["restored"]].first(), shown[keys["restored"]].last(10)) == (7, 10)
        assert (shown[gone["delivered dead"]].first(), shown[gone["delivered dead"]].last(10)) == (
            1,
            4,
        )
        assert shown[gone["hidden"]].last(10) == 9
        edited = shown[keys["edited"]]
        assert edited.had_body(items.body(_published("edited")))
        assert edited.stood_in(1)
        assert edited.stood_in(10)
        assert shown[keys["edited under way"]].first() == 1
        assert shown[keys["unpublished"]].showings == []
        assert shown[keys["buried"]].showings[-1].last is None  # in one that was perhaps written
        assert not shown[keys["buried"]].stood_in(10)


def _published(name: str) -> bytes:
    letter = {"id": name, "project_id": "p", "content": f"text of {name}", "timestamp": 1}
    return json.dumps({**letter, "moved_to_dlq_at": NOW - 100}).encode()


def test_a_generation_that_was_written_after_all_is_believed(path: Path) -> None:
    """A file that bears the name of a prepared generation shows what was prepared for it."""
    with closing(Ledger(path)) as ledger:
        generations = Generations(ledger)
        keys = {row.item_id: row.key for row in generations.dead_rows()}
        generations.note_name("2026-01-01T00:00:01")
        assert generations.named("2026-01-01T00:00:01") == 11
        shown = generations.shown([keys["buried"], keys["plain"], keys["unpublished"]])
        assert shown[keys["buried"]].stood_in(11)
        assert shown[keys["plain"]].with_values(7, NOW - 10)[-1] == Showing(
            11, None, 7, NOW - 10, shown[keys["plain"]].showings[-1].body
        )
        assert not shown[keys["unpublished"]].stood_in(11)


def test_the_next_generation_goes_on_where_the_last_one_was(path: Path) -> None:
    """What did not change has one run of generations, from before the upgrade to after it."""
    with closing(Ledger(path)) as ledger:
        generations = Generations(ledger)
        keys = {row.item_id: row.key for row in generations.dead_rows()}
        gen = generations.prepare("the next").gen
        generations.note_published(gen)
        shown = generations.shown(keys.values())
        assert gen == 12
        assert all(shown[key].stood_in(gen) for key in keys.values())
        assert shown[keys["restored"]].showings[-1].first == 7
        assert shown[keys["failed"]].showings[-1].first == gen


def test_tombstones_and_waits_are_taken_over(path: Path) -> None:
    """What the queue file may still show means nothing; what is due is due as before."""
    with closing(Ledger(path)) as ledger:
        inbox, outbox = Inbox(ledger), Outbox(ledger)
        digests = dict(inbox.tombstones().keys())
        assert {"deleted", "edited", "restored to the queue", "hidden"} <= digests.keys()
        (deleted,) = inbox.by_ids(["deleted"])["deleted"]
        assert digests["deleted"] == deleted.digest
        assert TakenByOthers(ledger).count() == 3
        assert [row.servers for row in inbox.by_ids(["delivered"])["delivered"]] == [{A}]
        second = inbox.by_ids(["waits"])["waits"][1]
        key = outbox.claim(second.key, NOW).idempotency_key
        assert key == items.idempotency_key("waits", second.digest, b"")
        assert outbox.claim(inbox.by_ids(["waits"])["waits"][0].key, NOW).idempotency_key == "waits"
        assert outbox.claim(inbox.by_ids(["large"])["large"][0].key, NOW).text == "text of large"


def test_an_upgrade_that_fails_leaves_the_old_ledger(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is done, or nothing: the older program can go on."""

    def failing(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "_split_at_absences", failing)
        with pytest.raises(LedgerError, match="full"):
            Ledger(path)
    with closing(sqlite3.connect(path)) as db:
        assert rows(db, "PRAGMA user_version") == [(2,)]
        assert rows(db, "SELECT count(*) FROM past_values") != [(0,)]
    with closing(Ledger(path)) as ledger, ledger.locked() as db:
        assert rows(db, "SELECT count(*) FROM items") == [(32,)]


@pytest.mark.parametrize("by", ["worker", "command"])
def test_what_each_server_took_is_taken_over(tmp_path: Path, by: str) -> None:
    """From the third version, in which a memory may have gone to two; and all states and texts."""
    path = tmp_path / "ledger.sqlite3"
    write_sample(path, 3)
    if by == "worker":
        Ledger(path).close()
    with Reader(path) as reader:
        memories = reader.by_prefix("")
        states = {state: set(names) for state, names in STATES.items()}
        states["pending"] |= {"wanted elsewhere"}
        states["dead"] |= {"unknown dead", "dead under way"}
        states["delivered"] |= {"delivered to both"}
        for state, names in states.items():
            assert {each.id for each in memories if each.state == state} == names
        with_text = {each.id for each in memories if reader.raw(each.key) is not None}
        assert with_text == {
            *states["pending"], *states["dead"], "removed", "hidden", "deleted",
        }  # fmt: skip
        assert reader.former.only_elsewhere(A) == {B: 1}
        assert reader.former.only_elsewhere(B) == {A: 3}
        wanted = one(reader, "wanted elsewhere", "pending")  # of which no former server has more
        assert reader.has(wanted.id, wanted.digest, B)
        both = one(reader, "delivered to both", "delivered")
        assert reader.has(both.id, both.digest, A)
        assert reader.has(both.id, both.digest, B)
        assert one(reader, "unknown dead", "dead").unknown == NOW + 27


def test_an_outcome_that_an_older_version_left_unknown_is_of_any_server(tmp_path: Path) -> None:
    """It did not note which; what was under way at its end neither."""
    path = tmp_path / "ledger.sqlite3"
    write_sample(path, 3)
    with closing(Ledger(path)) as ledger:
        inbox, outbox = Inbox(ledger), Outbox(ledger)
        unknown_outcomes.make_claims_unknown(ledger, NOW + 30, 0.0)
        for name, since in (("unknown dead", NOW + 27), ("dead under way", NOW + 28)):
            (row,) = inbox.by_ids([name])[name]
            for server in (A, B):
                job = outbox.claim(row.key, NOW + 31, server)
                assert job.unknown == since
                outbox.mark_absent(job, server)
                outbox.release(row.key)
                assert outbox.claim(row.key, NOW + 31, server).unknown is None
                outbox.release(row.key)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_the_history_of_a_former_version_is_kept(tmp_path: Path, version: int) -> None:
    """What the server called those attempts in its log was not noted then."""
    path = tmp_path / "ledger.sqlite3"
    write_sample(path, version)
    with closing(sqlite3.connect(path)) as db:
        before = rows(db, "SELECT * FROM attempts ORDER BY item, at")
    assert before
    with closing(Ledger(path)) as ledger, ledger.locked() as db:
        after = rows(db, "SELECT * FROM attempts ORDER BY item, at")
    assert after == [(*each, "") for each in before]


@pytest.mark.parametrize("by", ["worker", "command"])
def test_the_fifth_version_is_taken_over_with_every_state(tmp_path: Path, by: str) -> None:
    """All states, texts, outcomes and attempts are as they were; no server is at work on any."""
    path = tmp_path / "ledger.sqlite3"
    write_sample(path, 5)
    tables = ("items", "texts", "outcomes", "attempts", "servers", "showings", "generations")
    with closing(sqlite3.connect(path)) as db:
        before = {table: rows(db, f"SELECT * FROM {table}") for table in tables}
        assert all(before.values())
        assert {has for *_, has in before["outcomes"]} == {None, 0, 1}
        assert {request for *_, request in before["attempts"]} == {"", "1a2b3c4d"}
        states = rows(db, "SELECT DISTINCT state FROM items")
        assert {state for (state,) in states} == {"pending", "dead", "delivered", "discarded"}
    if by == "worker":
        with closing(Ledger(path)) as ledger, ledger.locked() as db:
            assert {table: rows(db, f"SELECT * FROM {table}") for table in tables} == before
            assert rows(db, "SELECT * FROM tickets") == []
    with Reader(path) as reader:
        known = reader.by_prefix("")
        assert len(known) == len(before["items"])
        assert not any(each.at_work for each in known)
        assert reader.dialect_of(B) == "oss"


def test_what_servers_are_at_work_on_is_taken_over(tmp_path: Path) -> None:
    """From the sixth version; nothing is known of notes yet."""
    path = tmp_path / "ledger.sqlite3"
    write_sample(path, 6)
    with closing(sqlite3.connect(path)) as db:
        before = rows(db, "SELECT * FROM tickets")
        assert before
    with closing(Ledger(path)) as ledger, ledger.locked() as db:
        assert rows(db, "SELECT * FROM tickets") == before
        assert NoteRecords(ledger).marks() == {}


def test_a_ledger_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    """An older program does not touch it; who must read it is told, who need not knows nothing."""
    path = tmp_path / "ledger.sqlite3"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(LedgerError, match="was written by a newer mem0tray") as refused:
        Ledger(path)
    assert refused.value.remedy == "Update mem0tray."
    with pytest.raises(LedgerError, match="newer"), Reader(path, needed=True):
        pass
    with Reader(path) as reader:
        assert not reader.usable
