"""Opening, transactions, and when a ledger is not to be trusted."""

import re
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import NONE
from mem0tray.files import atomic
from mem0tray.ledger import names, opening
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import DLQ_FILE, EMERGENCY_FILE, NOTES, QUEUE_FILE, SOURCES
from mem0tray.ledger.opening import trouble
from mem0tray.ledger.reader import Reader
from tests.support import needs, shapes
from tests.support.needs import has_mode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.sqlite3"


def opened(path: Path) -> str:
    """Open and close a ledger in good order; why it was rebuilt."""
    with closing(Ledger(path)) as ledger:
        return ledger.rebuilt


def asked(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the file, or change it, by a connection that is not the ledger's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(sql, values).fetchall()


def test_on_a_small_disk_the_log_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it fills the disk, and cannot be checkpointed any more: that needs room in the ledger."""
    usage = SimpleNamespace(free=4 * 100 * opening._PAGE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        assert ledger.value("PRAGMA wal_autocheckpoint") == 100


def test_a_ledger_says_that_there_was_none_or_that_it_was_left_in_order(path: Path) -> None:
    for why in ("there was none", ""):
        with closing(Ledger(path)) as ledger:
            assert ledger.rebuilt == why
            assert (ledger.meta("clean"), ledger.meta("boot")) == ("", "")
        assert asked(path, "SELECT value FROM meta WHERE name = 'clean'") == [(opening.boot_id(),)]
    assert has_mode(path, 0o600)
    assert has_mode(path.parent, 0o700)
    path.write_bytes(b"")
    assert opened(path) == "it was empty"


def test_what_is_no_database_is_kept_and_begun_anew(path: Path) -> None:
    data = b"no database at all, and long enough to be seen as none" * 20
    path.parent.mkdir()
    path.write_bytes(data)
    why = opened(path)
    (kept,) = path.parent.glob("ledger.sqlite3.kept-*")
    assert why == f"it could not be used (file is not a database); kept as {kept.name}"
    assert re.fullmatch(r"ledger\.sqlite3\.kept-\d{8}-\d{6}-\d{6}", kept.name)
    assert kept.read_bytes() == data
    assert opened(path) == ""


def test_a_ledger_that_was_found_corrupt_in_use_is_kept(path: Path) -> None:
    opened(path)
    with closing(Ledger(path)) as ledger:
        error = sqlite3.DatabaseError("malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        with pytest.raises(LedgerError, match="malformed"), ledger.locked():
            raise error
        assert has_mode(path.parent / "ledger.broken", 0o600)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(suffix.encode())
    assert "found in use" in opened(path)
    (kept,) = (each for each in path.parent.glob("*.kept-*") if each.name[-1].isdecimal())
    for suffix in ("-wal", "-shm"):
        assert Path(f"{kept}{suffix}").read_bytes() == suffix.encode()
    assert not (path.parent / "ledger.broken").exists()
    assert opened(path) == ""


def test_an_old_copy_is_noticed_by_the_mark_beside_it(path: Path) -> None:
    opened(path)
    copy = path.read_bytes()
    opened(path)
    path.write_bytes(copy)
    assert opened(path) == "it is an old copy"
    assert opened(path) == ""
    with closing(Ledger(path)) as ledger:
        openings = ledger.meta("openings") + 1  # with the closing that comes
    (path.parent / "ledger.mark").write_text(f"another {openings}\n", encoding="ascii")
    assert opened(path) == "it is an old copy"


@pytest.mark.parametrize("text", ["", "x", "a b c", "identity x", "\xff"])
def test_a_mark_that_makes_no_sense_says_nothing(path: Path, text: str) -> None:
    opened(path)
    mark = path.parent / "ledger.mark"
    mark.write_text(text, encoding="latin-1")
    assert opened(path) == ""
    with closing(Ledger(path)) as ledger:
        assert mark.read_text(encoding="ascii") == (
            f"{ledger.meta('identity')} {ledger.meta('openings')}\n"
        )


@needs.LINKS
def test_a_mark_that_cannot_be_read_is_doubt(path: Path) -> None:
    opened(path)
    mark = path.parent / "ledger.mark"
    mark.unlink()
    mark.symlink_to(mark)
    assert opened(path) == f"{mark} cannot be read (Too many levels of symbolic links)"


def test_each_file_is_doubted_until_all_of_it_is_taken_in(path: Path) -> None:
    assert SOURCES == (QUEUE_FILE, DLQ_FILE, EMERGENCY_FILE, NOTES)
    Ledger(path)._db.close()  # as a kill does
    with closing(Ledger(path)) as ledger:
        assert all(ledger.may_have_been_sent(name) for name in SOURCES)
        with ledger.transaction():
            ledger.trust(DLQ_FILE)
            ledger.trust(DLQ_FILE)
        assert [ledger.may_have_been_sent(name) for name in SOURCES] == [True, False, True, True]
    with closing(Ledger(path)) as ledger:
        assert [ledger.may_have_been_sent(name) for name in SOURCES] == [True, False, True, True]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What of each ledger opened from now on is checked."""
    questions: list[str] = []
    real = sqlite3.connect

    def traced(sql: str) -> None:
        if "_check" in sql:
            questions.append(sql)

    def connected(*args: object, **more: object) -> sqlite3.Connection:
        db: sqlite3.Connection = real(*args, **more)  # type: ignore[call-overload]
        db.set_trace_callback(traced)
        return db

    monkeypatch.setattr(sqlite3, "connect", connected)
    return questions


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("left", ["killed", "in another boot"])
def test_a_ledger_is_checked_whole_once_after_a_crash(
    path: Path, checks: list[str], left: str, *, checked: bool
) -> None:
    opened(path)
    if left == "killed":
        Ledger(path)._db.close()
    else:
        asked(path, "UPDATE meta SET value = 'another' WHERE name = 'clean'")
    checks.clear()
    Ledger(path, checked=checked).close()
    assert checks == ["PRAGMA integrity_check(1)"]
    Ledger(path, checked=checked).close()
    assert checks[1:] == (["PRAGMA quick_check(1)"] if checked else [])


def test_only_the_outermost_transaction_commits(ledger: Ledger) -> None:
    def broken() -> None:
        with ledger.transaction():
            with ledger.transaction():
                ledger.set_meta("n", 1)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken()
    assert ledger.meta("n") is None
    question = "SELECT value FROM meta WHERE name = 'n'"
    with ledger.transaction():
        with ledger.transaction():
            ledger.set_meta("n", 1)
        assert asked(ledger.path, question) == []
    assert asked(ledger.path, question) == [(1,)]


def test_only_what_is_durable_waits_for_the_disk_and_for_what_was_committed_before(
    ledger: Ledger,
) -> None:
    log = ledger.path.with_name(f"{ledger.path.name}-wal")
    modes, found = [], []
    for durable in (False, True, False, True):
        with ledger.transaction(durable=durable), ledger.transaction(durable=durable):
            modes.append(ledger.value("PRAGMA synchronous"))
        found.append(log.read_bytes())
    assert modes == [1, 2, 1, 2]
    assert found[0] != found[1] == found[2] != found[3]


def test_what_cannot_be_made_durable_is_not_begun(ledger: Ledger) -> None:
    ledger.value("PRAGMA query_only = ON")
    with pytest.raises(LedgerError, match="readonly"), ledger.transaction(durable=True):
        pass
    with ledger.locked() as db:
        assert not db.in_transaction
        db.execute("PRAGMA query_only = OFF")
    with ledger.transaction(durable=True):
        ledger.set_meta("n", 1)
    assert ledger.meta("n") == 1


def test_a_fault_at_a_commit_leaves_the_ledger_usable_for_other_threads(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ledger.outdated, "commit", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError), ledger.transaction():
            ledger.set_meta("n", 1)
    other = threading.Thread(target=ledger.set_meta, args=("n", 2), daemon=True)
    other.start()
    other.join(10)
    assert ledger.meta("n") == 2


def test_after_a_rollback_that_failed_no_transaction_is_nested_in_the_old_one(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ledger._db

    def failing(sql: str, *values: Any) -> Any:
        if sql in ("COMMIT", "ROLLBACK"):
            raise sqlite3.OperationalError("disk I/O error")
        return real.execute(sql, *values)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_db", mock.Mock(wraps=real, execute=failing))
        with pytest.raises(LedgerError, match="disk I/O error"):
            ledger.set_meta("n", 1)
    with pytest.raises(LedgerError, match="within a transaction"):
        ledger.set_meta("n", 2)
    ledger.set_meta("n", 3)
    assert asked(ledger.path, "SELECT value FROM meta WHERE name = 'n'") == [(3,)]


def test_a_database_error_is_told_in_words(ledger: Ledger) -> None:
    for use in (ledger.locked, ledger.transaction):
        with pytest.raises(LedgerError, match="cannot be used: no such table: none"), use() as db:
            db.execute("SELECT * FROM none")
    assert not (ledger.path.parent / "ledger.broken").exists()


def test_an_erased_text_leaves_no_trace(ledger: Ledger) -> None:
    ledger.set_raw(1, b"sesame" * 1000)
    with ledger.transaction(durable=True) as db:
        db.execute("DELETE FROM texts")
    ledger.scrub()
    for file in ledger.path.parent.glob("ledger.sqlite3*"):
        assert b"sesame" not in file.read_bytes()


@pytest.mark.parametrize(
    ("code", "remedy", "failed"),
    [
        (sqlite3.SQLITE_READONLY, "Mend the permissions", True),
        (sqlite3.SQLITE_CANTOPEN, "Mend the permissions", False),
        (sqlite3.SQLITE_IOERR, "The disk may be broken", True),
        (sqlite3.SQLITE_IOERR | 4 << 8, "The disk may be broken", True),
        (sqlite3.SQLITE_FULL, "Free some disk space.", True),
        (sqlite3.SQLITE_CORRUPT, "Restart mem0tray", False), (None, "Restart mem0tray", False),
    ],
)  # fmt: skip
def test_each_error_has_its_remedy(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None, remedy: str, *, failed: bool
) -> None:
    error = sqlite3.OperationalError("x.")
    if code is not None:
        error.sqlite_errorcode = code
    found = trouble(path, error)
    why = "database or disk is full" if code == sqlite3.SQLITE_FULL else "x"
    assert found.message == f"The ledger {path} cannot be used: {why}."
    assert found.remedy.startswith(remedy)
    assert found.disk_failed is failed
    monkeypatch.setattr(atomic, "is_read_only", lambda asked: asked == path.parent)
    if remedy.startswith("Mend"):
        assert trouble(path, error).remedy.startswith("The disk is read-only")


TABLES = (
    "items", "texts", "outcomes", "attempts", "servers", "showings", "generations", "tickets",
    "tombstones", "notes", "note_texts", "outages",
)  # fmt: skip


ADDED = "SELECT sql FROM sqlite_schema WHERE name = 'outage_reasons'"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Write the ledger of a first release's worker, killed in mid-delivery, with every state."""
    found = tmp_path / "ledger.sqlite3"
    script = Path(shapes.__file__).with_name("samples") / "ledger-7.sql"
    with closing(sqlite3.connect(found)) as db:
        db.executescript(f"{script.read_text(encoding='utf-8')}; PRAGMA user_version = 7;")
    return found


def columns(path: Path) -> dict[str, set[str]]:
    return {t: {row[1] for row in asked(path, f"PRAGMA table_info({t})")} for t in TABLES}


def test_an_error_of_a_full_disk_is_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    monkeypatch.setattr(shutil, "disk_usage", lambda _: mock.Mock(free=20_000))
    assert "full" in trouble(tmp_path / "ledger.sqlite3", error).message


def test_the_ledger_of_the_first_release_is_kept_with_every_state(sample: Path) -> None:
    before = {table: asked(sample, f"SELECT * FROM {table}") for table in TABLES}
    assert all(before.values())
    states = asked(sample, "SELECT DISTINCT state FROM items")
    assert {state for (state,) in states} == {"pending", "dead", "delivered", "discarded"}
    made = columns(sample)
    with Reader(sample, needed=True) as reader:  # before it gets what was added since
        assert reader.outages(0, 0) == []
    with closing(Ledger(sample)) as ledger:
        assert {table: ledger.rows(f"SELECT * FROM {table}") for table in TABLES} == before
        assert "kept" not in ledger.rebuilt
        assert "old copy" not in ledger.rebuilt
    opened(new := sample.with_name("new"))
    assert columns(new) == made
    assert asked(new, ADDED) == asked(sample, ADDED) != []
    with Reader(sample) as reader:
        assert len(reader.by_prefix("")) == len(before["items"])
        spans = [(each.began, each.ended, each.reason) for each in reader.outages(0, 0)]
        assert spans == [(began, ended, NONE) for began, ended, _ in before["outages"]]


@pytest.mark.row(36)
def test_what_a_version_before_may_have_sent_is_noted_once(sample: Path) -> None:
    noted = "SELECT item FROM sent_as_agent ORDER BY item"
    doubtful = (
        "SELECT key FROM items WHERE claimed IS NOT NULL OR unknown IS NOT NULL"
        " OR key IN (SELECT item FROM outcomes WHERE has IS NULL) ORDER BY key"
    )
    before = asked(sample, doubtful)
    with closing(Ledger(sample)) as ledger:
        assert ledger.rows(noted) == before != []
        ledger.rows("UPDATE items SET claimed = 1 WHERE state = 'pending'")
        assert ledger.rows(doubtful) != before
    opened(sample)
    assert asked(sample, noted) == before


@pytest.mark.parametrize("version", [1, 6])
def test_a_ledger_from_before_the_first_release_is_kept_aside_and_rebuilt(
    sample: Path, version: int
) -> None:
    asked(sample, f"PRAGMA user_version = {version}")
    with Reader(sample, needed=True) as reader:
        assert not reader.usable
    assert "before the first release); kept as ledger.sqlite3.kept-" in opened(sample)
    assert asked(sample, "SELECT * FROM items") == []
    (kept,) = (each for each in sample.parent.glob("*.kept-*") if each.name[-1].isdecimal())
    assert asked(kept, "SELECT * FROM items") != []


def test_a_ledger_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    opened(path)
    asked(path, "PRAGMA journal_mode = DELETE")  # as one of its own may be
    asked(path, f"PRAGMA user_version = {opening.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="A newer mem0tray has written the ledger") as refused:
        Ledger(path)
    assert refused.value.remedy.startswith("Update mem0tray; what waits is kept")
    with pytest.raises(LedgerError, match="newer"), Reader(path, needed=True):
        pass
    with Reader(path) as reader:
        assert not reader.usable
        assert reader.refusal == refused.value.reason
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.glob("ledger.sqlite3*")] == [path.name]


@pytest.mark.row(6)
def test_a_full_disk_has_the_log_taken_in(path: Path, tmp_path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.set_meta("n", 1)
        ledger.value(f"PRAGMA max_page_count = {ledger.value('PRAGMA page_count')}")
        with pytest.raises(LedgerError, match="full"):
            ledger.set_meta("n", "x" * 100_000)
        alone = shutil.copy(path, tmp_path / "without its log")
        assert ledger.meta("n") == 1
    assert asked(Path(alone), "SELECT value FROM meta WHERE name = 'n'") == [(1,)]


FOLDER = Path(names.__file__).parent
PARTS = FOLDER.joinpath("queries.sql").read_text(encoding="utf-8").split("-- name: ")[1:]
NAMES = [part.partition("\n")[0] for part in PARTS]


def test_each_query_has_a_name_of_its_own_and_is_used() -> None:
    assert len(NAMES) == len(set(NAMES))
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    used = set(re.findall(r"""SQL\[f?["'](\w+)["']\]""", code))
    used |= set(re.findall(r"\{(\w+)\}", "".join(PARTS)))
    assert set(NAMES) - used == {"head_pending", "head_dead"}  # one for each lane
