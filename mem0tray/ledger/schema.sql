-- One row per memory ever accepted (id, content). Times are Unix seconds.
-- Texts that others chose are BLOBs: UTF-8 with lone surrogates let through.
CREATE TABLE items (
  key          INTEGER PRIMARY KEY,
  id           BLOB NOT NULL,
  digest       BLOB NOT NULL,             -- SHA-256 of project NUL content
  first_digest BLOB,                      -- of the first content seen under this id, where that is another
  project      BLOB NOT NULL,
  ts           REAL NOT NULL,             -- the producer's timestamp
  state        TEXT NOT NULL CHECK (state IN ('pending', 'dead', 'delivered', 'discarded')),
  retries      INTEGER NOT NULL DEFAULT 0,  -- consecutive failures of a fresh entry
  retry_count  INTEGER NOT NULL DEFAULT 0,
  last_attempt REAL NOT NULL DEFAULT 0,
  due          REAL NOT NULL DEFAULT 0,
  timeouts     INTEGER NOT NULL DEFAULT 0,
  last_error   TEXT,
  claimed      REAL,                      -- a request is under way since then
  unknown      REAL,                      -- since when any server may have it: another worker had it, or a lost ledger
  accepted     REAL NOT NULL,
  closed       REAL,                      -- when it was delivered or discarded
  reason       TEXT,                      -- why it was discarded
  revived      REAL,                      -- when it was last put back after that
  moved        REAL,                      -- when it last became a dead letter
  dead_seq     INTEGER,                   -- place in the DLQ file
  body         BLOB,                      -- of a dead letter: hash of what is the user's in it; NULL: to be made when it is published
  shown        INTEGER NOT NULL DEFAULT 1,  -- 0: from the emergency file, and the queue file has not shown it yet
  vanished     REAL,                      -- when it last left the queue file by another hand
  taken        REAL,                      -- when it did so beside another worker, which may have delivered it
  held         REAL,                      -- since when it is held: the server cannot tell whether it has it
  claimed_for  INTEGER                    -- the server that it was last claimed for
);
CREATE UNIQUE INDEX items_by_id ON items (id, digest);
-- One for all that is asked of fresh entries: each more is a page more to write for every delivery.
CREATE INDEX items_fresh ON items (held, ts, key, due, claimed, accepted) WHERE state = 'pending';
CREATE INDEX items_dead ON items (due, ts, key) WHERE state = 'dead' AND claimed IS NULL;
CREATE INDEX items_dead_order ON items (dead_seq) WHERE state = 'dead';
CREATE INDEX items_vanished ON items (key) WHERE state = 'pending' AND vanished IS NOT NULL;
CREATE INDEX items_closed ON items (closed) WHERE state = 'discarded';

-- The JSON object of an item as it stands in a file, until it is delivered, erased or expired.
-- Beside the rows: SQLite reads and writes all of a row for a change of any of its fields, and
-- the pages of texts that go are free for those that come.
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

-- Which server has which item, as far as an attempt or that server told; for good, whatever
-- becomes of the item, and whatever another server says of it. Server 0 is that of another worker,
-- wherever that is.
CREATE TABLE servers (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE outcomes (
  item   INTEGER NOT NULL,
  server INTEGER NOT NULL,
  at     REAL NOT NULL,                   -- when; of 0: the time of the last doubt that it answers
  has    INTEGER,                         -- 1: delivered. NULL: unknown. 0: it said that it has not, and refused it
  PRIMARY KEY (item, server)
) WITHOUT ROWID;

-- What a server calls its work on an item that it took in, until it has told what became of it.
CREATE TABLE tickets (
  item   INTEGER NOT NULL,
  server INTEGER NOT NULL,
  name   TEXT NOT NULL,
  at     REAL NOT NULL,                   -- when it gave that name
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

-- What the DLQ file showed of an item: one row for each run of generations that showed it alike.
CREATE TABLE showings (
  item         INTEGER NOT NULL,
  first_gen    INTEGER NOT NULL,
  last_gen     INTEGER,                   -- NULL: the newest generation shows it so
  retry_count  INTEGER NOT NULL,
  last_attempt REAL NOT NULL,
  body         BLOB,                      -- as in `items`; NULL where that is not known any more
  saved        INTEGER NOT NULL DEFAULT 0  -- 1: a user's save under the name of that generation, which did not show it so
);
CREATE INDEX showings_by_item ON showings (item, first_gen);
CREATE UNIQUE INDEX showings_open ON showings (item) WHERE last_gen IS NULL;

-- What the queue file may still show, though it was discarded or edited away: it means nothing by it.
CREATE TABLE tombstones (
  id     BLOB NOT NULL,
  digest BLOB NOT NULL,
  item   INTEGER NOT NULL,
  PRIMARY KEY (id, digest)
) WITHOUT ROWID;

-- When the server was out of reach: from the first probe that said so to the one that found it
-- back, or (not over) to the last that anybody made.
CREATE TABLE outages (began REAL PRIMARY KEY, ended REAL NOT NULL, over INTEGER NOT NULL);

-- What stands in the DLQ file beside its items: unknown keys, things that make no sense to us.
CREATE TABLE strays (seq INTEGER PRIMARY KEY, name TEXT, raw BLOB NOT NULL);

-- Claude Code's notes: the mark of each when it was last looked at, and the texts that were queued,
-- by the digest of project and text, whichever note has or had them.
CREATE TABLE notes (path BLOB PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note_texts (digest BLOB PRIMARY KEY) WITHOUT ROWID;

-- Counters and marks.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
