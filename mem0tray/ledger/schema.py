"""The tables of the ledger, and how those of former versions become the present ones."""

import sqlite3
from pathlib import Path
from typing import Final

from mem0tray.core import item as items
from mem0tray.core.errors import LedgerError
from mem0tray.core.reasons import Reason

VERSION: Final = 7
_TABLES: Final = Path(__file__).with_name("schema.sql")
_SECOND: Final = """
ALTER TABLE items ADD COLUMN shown INTEGER NOT NULL DEFAULT 1;
ALTER TABLE items ADD COLUMN vanished REAL;
ALTER TABLE items ADD COLUMN taken REAL;
ALTER TABLE items ADD COLUMN held REAL;
"""
# The column that a ledger of the second version may lack.
_MOVED: Final = "ALTER TABLE items ADD COLUMN moved REAL;"
_LARGE: Final = "CREATE TABLE large (key INTEGER PRIMARY KEY, raw BLOB NOT NULL);"
_OUTAGES: Final = (
    "CREATE TABLE outages (began REAL PRIMARY KEY, ended REAL NOT NULL, over INTEGER NOT NULL);"
)
_SHOWINGS_CAME: Final = 3
_FORMER: Final = ("items", "large", "generations", "attempts", "outages", "strays", "meta")
_KEPT: Final = (
    "key, id, digest, project, ts, state, retries, retry_count, last_attempt, due, timeouts,"
    " last_error, unknown, accepted, closed, reason, revived, moved, dead_seq,"
    " shown, vanished, taken, held"
)
_CURRENT: Final = "(SELECT coalesce(max(gen), 0) FROM generations WHERE published)"
# In which generations each row stood: from `a`, with its present values from `v`, up to `z`.
_SPANS: Final = f"""
CREATE TEMP TABLE spans AS SELECT key, state = 'dead' AS is_dead, first_gen AS a, retry_count,
  last_attempt,
  CASE WHEN value_gen > 0 OR -value_gen IN (SELECT gen FROM generations)
    THEN abs(value_gen) END AS v,
  CASE state WHEN 'dead' THEN {_CURRENT} WHEN 'delivered' THEN gone_gen
    ELSE coalesce(gone_gen - 1, first_gen) END AS z
FROM former_items;
"""
_TAKE_OVER: Final = f"""
INSERT INTO generations SELECT gen, name, sha, settled FROM former_generations;
INSERT INTO attempts SELECT *, '' FROM former_attempts;
INSERT INTO outages SELECT * FROM former_outages;
INSERT INTO strays SELECT * FROM former_strays;
INSERT INTO meta SELECT * FROM former_meta WHERE name NOT LIKE 'lingers %';
INSERT INTO items ({_KEPT}, claimed, first_digest)
  SELECT {_KEPT}, intent, nullif(first_digest, digest) FROM former_items;
INSERT INTO texts SELECT f.key, coalesce(l.raw, f.raw)
  FROM former_items f LEFT JOIN former_large l ON l.key = f.key AND f.raw = x''
  WHERE f.raw IS NOT NULL;
UPDATE items SET body = (SELECT body(raw) FROM texts t WHERE t.key = items.key)
  WHERE state = 'dead';
INSERT INTO servers (name) SELECT DISTINCT server FROM former_items
  WHERE state = 'delivered' AND server IS NOT NULL;
INSERT INTO outcomes SELECT f.key, s.key, coalesce(f.closed, f.accepted), 1
  FROM former_items f JOIN servers s ON s.name = f.server WHERE f.state = 'delivered';
INSERT INTO tombstones SELECT bytes_of(substr(name, 9, instr(substr(name, 9), ' ') - 1)),
  bytes_of(substr(name, 9 + instr(substr(name, 9), ' '))), value
  FROM former_meta WHERE name LIKE 'lingers %';
{_SPANS}
INSERT INTO showings (item, first_gen, last_gen, retry_count, last_attempt, body)
  SELECT item, first_gen, last_gen, retry_count, last_attempt, body FROM past_values ORDER BY rowid;
-- That it stood there before its present values, whatever these were: no count is negative.
INSERT INTO showings (item, first_gen, last_gen, retry_count, last_attempt)
  SELECT key, a, min(z, coalesce(v - 1, z)), -1, 0 FROM spans
  WHERE a <= min(z, coalesce(v - 1, z));
INSERT INTO showings (item, first_gen, last_gen, retry_count, last_attempt, body)
  SELECT s.key, v, iif(is_dead, NULL, z), s.retry_count, s.last_attempt, body
  FROM spans s JOIN items USING (key) WHERE v IS NOT NULL AND (is_dead OR v <= z);
DROP TABLE temp.spans;
"""
# An outcome belongs to an item and a server. Former versions did not note which server left it
# unknown: such an item is asked about wherever it goes.
_FOURTH: Final = """
ALTER TABLE items ADD COLUMN claimed_for INTEGER;
CREATE TABLE outcomes (
  item   INTEGER NOT NULL,
  server INTEGER NOT NULL,
  at     REAL NOT NULL,
  has    INTEGER,
  PRIMARY KEY (item, server)
) WITHOUT ROWID;
INSERT INTO outcomes SELECT item, server, at, 1 FROM deliveries;
DROP TABLE deliveries;
DROP INDEX items_fresh;
DROP INDEX items_fresh_due;
DROP INDEX items_pending;
CREATE INDEX items_fresh ON items (held, ts, key, due, claimed, accepted) WHERE state = 'pending';
"""
_FOURTH_CAME: Final = 4
_FIFTH: Final = "ALTER TABLE attempts ADD COLUMN request TEXT NOT NULL DEFAULT '';"
_FIFTH_CAME: Final = 5
_SIXTH: Final = """
CREATE TABLE tickets (
  item   INTEGER NOT NULL,
  server INTEGER NOT NULL,
  name   TEXT NOT NULL,
  at     REAL NOT NULL,
  PRIMARY KEY (item, server)
) WITHOUT ROWID;
"""
_SIXTH_CAME: Final = 6
_SEVENTH: Final = """
CREATE TABLE notes (path BLOB PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note_texts (digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of a new ledger."""
    db.executescript(f"BEGIN; {_TABLES.read_text()} PRAGMA user_version = {VERSION}; COMMIT;")


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """The version that wrote a ledger, 0 for one without tables; LedgerError for a later one."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise LedgerError(
            Reason("The ledger {path} was written by a newer mem0tray.", path=path),
            Reason("Update mem0tray."),
        )
    return version


def bring_up_to_date(db: sqlite3.Connection, version: int) -> bool:
    """Bring the tables of a former version up to date, all or none; return whether any were."""
    if version == VERSION:
        return False
    db.create_function("body", 1, items.body)
    db.create_function("bytes_of", 1, bytes.fromhex)
    db.execute("BEGIN IMMEDIATE")
    try:
        if version == 1:
            _run(db, _SECOND)
        if version < _SHOWINGS_CAME:
            _add_what_is_missing(db)
            _rebuild(db)
        else:
            if version < _FOURTH_CAME:
                _run(db, _FOURTH)
            if version < _FIFTH_CAME:
                _run(db, _FIFTH)
            if version < _SIXTH_CAME:
                _run(db, _SIXTH)
            _run(db, _SEVENTH)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return True


def _add_what_is_missing(db: sqlite3.Connection) -> None:
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    columns = {row[1] for row in db.execute("PRAGMA table_info(items)")}
    if "moved" not in columns:
        _run(db, _MOVED)
    if "large" not in tables:
        _run(db, _LARGE)
    if "outages" not in tables:
        _run(db, _OUTAGES)


def _rebuild(db: sqlite3.Connection) -> None:
    """Move texts, deliveries and tombstones into their own tables; make showings of five things."""
    kinds = "SELECT type, name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql != ''"
    for kind, name in db.execute(kinds).fetchall():
        db.execute(f"DROP {kind} {name}")
    for table in _FORMER:
        db.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    _run(db, _TABLES.read_text())
    _run(db, _TAKE_OVER)
    _split_at_absences(db)
    for table in (*(f"former_{each}" for each in _FORMER), "past_values", "absences"):
        db.execute(f"DROP TABLE {table}")


def _split_at_absences(db: sqlite3.Connection) -> None:
    """End showings where a user's own generation did not show the item."""
    columns = "item, first_gen, last_gen, retry_count, last_attempt, body"
    for gen, item in db.execute("SELECT gen, item FROM absences ORDER BY gen").fetchall():
        within = "item = ? AND first_gen <= ? AND (last_gen IS NULL OR last_gen >= ?)"
        found = db.execute(f"SELECT {columns} FROM showings WHERE {within}", (item, gen, gen))
        for key, first, last, *values in found.fetchall():
            db.execute(
                f"DELETE FROM showings WHERE {within} AND first_gen = ?", (item, gen, gen, first)
            )
            parts = ((first, gen - 1), (gen + 1, last))
            db.executemany(
                f"INSERT INTO showings ({columns}) VALUES (?, ?, ?, ?, ?, ?)",
                [(key, a, z, *values) for a, z in parts if z is None or a <= z],
            )


def _run(db: sqlite3.Connection, script: str) -> None:
    """Run statements in the transaction under way, which `executescript` would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
