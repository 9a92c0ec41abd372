-- One row per memory ever accepted (id, content). Times are Unix seconds.
-- Texts that others chose are BLOBs: UTF-8 with lone surrogates let through.
CREATE TABLE items (
  key          INTEGER PRIMARY KEY,
  id           BLOB NOT NULL,
  digest       BLOB NOT NULL,             -- SHA-256 of project NUL content
  first_digest BLOB,                      -- of the first content seen under this id, where it differs
  project      BLOB NOT NULL,
  ts           REAL NOT NULL,             -- the producer's timestamp
  state        TEXT NOT NULL CHECK (state IN ('pending', 'dead', 'delivered', 'discarded')),
  retries      INTEGER NOT NULL DEFAULT 0,  -- consecutive failures of a fresh entry
  retry_count  INTEGER NOT NULL DEFAULT 0,
  last_attempt REAL NOT NULL DEFAULT 0,
  due          REAL NOT NULL DEFAULT 0,
  timeouts     INTEGER NOT NULL DEFAULT 0,
  last_error   TEXT,
  claimed      REAL,                      -- since when a request is under way
  unknown      REAL,                      -- since when any server may have it: another worker had it, or the ledger was lost
  accepted     REAL NOT NULL,
  closed       REAL,                      -- when it was delivered or discarded
  reason       TEXT,                      -- why it was discarded
  revived      REAL,                      -- when it was last restored after a deletion
  moved        REAL,                      -- since when it is or was a dead letter, by the file
  dead_seq     INTEGER,                   -- place in the DLQ file
  body         BLOB,                      -- of a dead letter: hash of the user's part of it; NULL: made when it is published
  shown        INTEGER NOT NULL DEFAULT 1,  -- 0: from the emergency file, and the queue file has not shown it yet
  vanished     REAL,                      -- when another program last took it out of the queue file
  taken        REAL,                      -- when that was beside another worker, which may have delivered it
  held         REAL,                      -- since when it is held: the server cannot tell whether it has it
  claimed_for  INTEGER                    -- the server that it was last claimed for
);
CREATE UNIQUE INDEX items_by_id ON items (id, digest);
-- One index for all questions about fresh entries: each further one costs a page for every delivery.
CREATE INDEX items_fresh ON items (held, ts, key, due, claimed, accepted) WHERE state = 'pending';
CREATE INDEX items_dead ON items (due, ts, key) WHERE state = 'dead' AND claimed IS NULL;
CREATE INDEX items_dead_order ON items (dead_seq) WHERE state = 'dead';
CREATE INDEX items_vanished ON items (key) WHERE state = 'pending' AND vanished IS NOT NULL;
CREATE INDEX items_closed ON items (closed) WHERE state = 'discarded';

-- The JSON object of an item as it stands in a file, until it is delivered, erased or expired.
-- In a table of its own, as SQLite rewrites a whole row whenever one of its fields changes, and
-- so that the pages of texts that go are free for new texts.
CREATE TABLE texts (key INTEGER PRIMARY KEY, raw BLOB NOT NULL);

-- Attempts that failed.
CREATE TABLE attempts (
  item     INTEGER NOT NULL,
  at       REAL NOT NULL,
  class    TEXT NOT NULL,
  status   INTEGER,
  message  TEXT NOT NULL,
  duration REAL NOT NULL,
  request  TEXT NOT NULL DEFAULT ''       -- what the server calls it in its own log
);
CREATE INDEX attempts_by_item ON attempts (item, at);

-- Which server has which item, as far as an attempt or that server told. A row stays for good,
-- whatever becomes of the item and whatever another server says of it. Server 0 is the one that
-- another worker sends to, wherever that is.
CREATE TABLE servers (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE outcomes (
  item   INTEGER NOT NULL,
  server INTEGER NOT NULL,
  at     REAL NOT NULL,                   -- when; where `has` is 0: the time of the last doubt that this answers
  has    INTEGER,                         -- 1: delivered. NULL: unknown, also of what was removed. 0: the server said that it does not have it, and then failed it
  PRIMARY KEY (item, server)
) WITHOUT ROWID;

-- The name by which a server can be asked about an item that it took in and is still at work on.
CREATE TABLE tickets (
  item   INTEGER NOT NULL,
  server INTEGER NOT NULL,
  name   TEXT NOT NULL,
  at     REAL NOT NULL,                   -- when the server gave that name
  PRIMARY KEY (item, server)
) WITHOUT ROWID;

-- Every DLQ file that reached the disk, ours and those that users stamped, by its last_update.
CREATE TABLE generations (
  gen       INTEGER PRIMARY KEY,
  name      TEXT NOT NULL,
  sha       BLOB,                         -- of the whole file, when it was ours
  published INTEGER NOT NULL              -- 0: prepared, perhaps never written
);
CREATE INDEX generations_by_name ON generations (name);

-- What the DLQ file showed of an item: one row for each run of generations that showed the same.
CREATE TABLE showings (
  item         INTEGER NOT NULL,
  first_gen    INTEGER NOT NULL,
  last_gen     INTEGER,                   -- NULL: the newest generation shows the same
  retry_count  INTEGER NOT NULL,
  last_attempt REAL NOT NULL,
  body         BLOB,                      -- as in `items`; NULL where it is no longer known
  saved        INTEGER NOT NULL DEFAULT 0  -- 1: from a user's save under that generation's name, which itself showed something else
);
CREATE INDEX showings_by_item ON showings (item, first_gen);
CREATE UNIQUE INDEX showings_open ON showings (item) WHERE last_gen IS NULL;

-- What was discarded or edited away while the queue file may still show it: no new entry.
CREATE TABLE tombstones (
  id     BLOB NOT NULL,
  digest BLOB NOT NULL,
  item   INTEGER NOT NULL,
  PRIMARY KEY (id, digest)
) WITHOUT ROWID;

-- What stands in the DLQ file beside its items: unknown keys, things that make no sense to us.
CREATE TABLE strays (seq INTEGER PRIMARY KEY, name TEXT, raw BLOB NOT NULL);

-- Claude Code's notes: the mark of each as last looked at, of a project's folder the project of its
-- notes (a JSON text); and the texts that were queued, by the
-- digest of project and text, whichever note has or had them.
CREATE TABLE notes (path BLOB PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note_texts (digest BLOB PRIMARY KEY) WITHOUT ROWID;

-- Counters and marks.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Added to ledgers that lack it. The first release knows the first of these tables too, and writes it.

-- When the server could not be reached: until it could, or (not over) until it was last noted.
CREATE TABLE IF NOT EXISTS outages (
  began REAL PRIMARY KEY, ended REAL NOT NULL, over INTEGER NOT NULL
);
-- Why, as data (JSON).
CREATE TABLE IF NOT EXISTS outage_reasons (began REAL PRIMARY KEY, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_removed ON items (digest) WHERE reason = 'removed from the server';
-- Since when each dead letter waits (`waits_since` in queries.sql).
CREATE INDEX IF NOT EXISTS items_dead_since ON items (
  min(accepted, iif(ts >= 1000000000, ts, accepted))
) WHERE state = 'dead';

-- What a version may have sent that kept projects as agents at the hosted service: it goes there in
-- the same way again. Filled where a ledger lacks the table, and never after.
CREATE TABLE IF NOT EXISTS sent_as_agent AS SELECT key AS item FROM items
  WHERE claimed IS NOT NULL OR unknown IS NOT NULL
    OR EXISTS (SELECT 1 FROM outcomes WHERE item = items.key AND has IS NULL);
CREATE INDEX IF NOT EXISTS sent_as_agent_by_item ON sent_as_agent (item);
