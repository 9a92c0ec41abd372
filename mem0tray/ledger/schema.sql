-- One row per memory ever accepted (id, content). Times are Unix seconds.
-- Texts that others chose are BLOBs: UTF-8 with lone surrogates let through.
CREATE TABLE items (
  key          INTEGER PRIMARY KEY,
  id           BLOB NOT NULL,
  digest       BLOB NOT NULL,             -- SHA-256 of project NUL content
  first_digest BLOB NOT NULL,             -- of the first content seen under this id
  project      BLOB NOT NULL,
  ts           REAL NOT NULL,             -- the producer's timestamp
  raw          BLOB,                      -- the JSON object as it stands in a file; NULL once delivered; empty: see `large`
  state        TEXT NOT NULL CHECK (state IN ('pending', 'dead', 'delivered', 'discarded')),
  retries      INTEGER NOT NULL DEFAULT 0,  -- consecutive failures of a fresh entry
  retry_count  INTEGER NOT NULL DEFAULT 0,
  last_attempt REAL NOT NULL DEFAULT 0,
  due          REAL NOT NULL DEFAULT 0,
  timeouts     INTEGER NOT NULL DEFAULT 0,
  last_error   TEXT,
  intent       REAL,                      -- a request is under way since then
  unknown      REAL,                      -- nobody knows what became of an attempt: ask first
  accepted     REAL NOT NULL,
  closed       REAL,                      -- when it was delivered or discarded
  server       TEXT,                      -- which server has it
  reason       TEXT,                      -- why it was discarded
  revived      REAL,                      -- when it was last put back after that
  moved        REAL,                      -- when it last became a dead letter
  dead_seq     INTEGER,                   -- place in the DLQ file
  first_gen    INTEGER,                   -- the generation that first published it as a dead letter
  value_gen    INTEGER,                   -- the one that published its present values first; -n: prepared in n
  gone_gen     INTEGER,                   -- the first generation without it, once discarded; the last with it, once delivered
  shown        INTEGER NOT NULL DEFAULT 1,  -- 0: from the emergency file, and the queue file has not shown it yet
  vanished     REAL,                      -- when it last left the queue file by another hand
  taken        REAL,                      -- when it did so beside another worker, which may have delivered it
  held         REAL                       -- since when it is held: the server cannot tell whether it has it
);
CREATE UNIQUE INDEX items_by_id ON items (id, digest);
CREATE INDEX items_fresh ON items (ts, key, due) WHERE state = 'pending' AND intent IS NULL AND held IS NULL;
CREATE INDEX items_fresh_due ON items (due) WHERE state = 'pending' AND intent IS NULL AND held IS NULL;
CREATE INDEX items_dead ON items (due, ts, key) WHERE state = 'dead' AND intent IS NULL;
CREATE INDEX items_pending ON items (accepted) WHERE state = 'pending';
CREATE INDEX items_dead_order ON items (dead_seq) WHERE state = 'dead';
CREATE INDEX items_vanished ON items (key) WHERE state = 'pending' AND vanished IS NOT NULL;
CREATE INDEX items_closed ON items (closed) WHERE state = 'discarded';

-- The JSON objects of a megabyte and more: SQLite reads and writes all of a row for a change of
-- any of its fields.
CREATE TABLE large (key INTEGER PRIMARY KEY, raw BLOB NOT NULL);
CREATE TRIGGER large_gone AFTER UPDATE OF raw ON items WHEN old.raw = x'' AND new.raw IS NOT x''
BEGIN DELETE FROM large WHERE key = old.key; END;

-- Attempts that failed; of a delivery the item's own row tells.
CREATE TABLE attempts (
  item     INTEGER NOT NULL,
  at       REAL NOT NULL,
  class    TEXT NOT NULL,
  status   INTEGER,
  message  TEXT NOT NULL,
  duration REAL NOT NULL
);
CREATE INDEX attempts_by_item ON attempts (item, at);

-- Every DLQ file that reached the disk, ours and the user's, by its last_update.
CREATE TABLE generations (
  gen     INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  sha     BLOB,                           -- of the whole file, when it was ours
  settled INTEGER NOT NULL                -- 0: prepared, perhaps never written
);
CREATE INDEX generations_by_name ON generations (name);

-- Items that a user's own generation did not show, though they were there before.
CREATE TABLE absences (gen INTEGER NOT NULL, item INTEGER NOT NULL, PRIMARY KEY (gen, item)) WITHOUT ROWID;

-- Values of dead letters that others have taken the place of, and in which generations they stood.
CREATE TABLE past_values (
  item         INTEGER NOT NULL,
  retry_count  INTEGER NOT NULL,
  last_attempt REAL NOT NULL,
  body         BLOB,                      -- hash of what is the user's in it, where that changed
  first_gen    INTEGER NOT NULL,
  last_gen     INTEGER NOT NULL
);
CREATE INDEX past_values_by_item ON past_values (item);

-- When the server was out of reach: from the first probe that said so to the one that found it
-- back, or (not over) to the last that anybody made.
CREATE TABLE outages (began REAL PRIMARY KEY, ended REAL NOT NULL, over INTEGER NOT NULL);

-- What stands in the DLQ file beside its items: unknown keys, things that make no sense to us.
CREATE TABLE strays (seq INTEGER PRIMARY KEY, name TEXT, raw BLOB NOT NULL);

-- Counters, marks, and ("lingers <id> <digest>") what the queue file may still show, though it was
-- discarded or edited away.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
