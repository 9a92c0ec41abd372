-- The ledger's questions and changes that are longer than a line, by name. What stands in braces is
-- another of them, a constant of `names.py`, or a part that the caller adds.

-- name: waits_since
-- Since when a memory waits, as `items.waits_since` in Python.
min(accepted, iif(ts >= {earliest}, ts, accepted))

-- name: unknown
-- Since when a server may have an item. That any may have it ends once the one that it goes to has
-- denied it.
coalesce(nullif(unknown, (SELECT at FROM outcomes WHERE item = items.key
  AND server = claimed_for AND has = 0)),
  (SELECT max(at) FROM outcomes WHERE item = items.key AND has IS NULL))

-- name: backoff
-- `due.backoff`, for all rows at once.
min({backoff_base} * (1 << min(retry_count, {grows_until})), {backoff_max})

-- name: set_aside
-- Whether a dead letter was set aside since it last failed: a failure that counts has the time of
-- `last_attempt`, and one that does not comes later. No server asked for its wait then.
EXISTS (SELECT 1 FROM attempts WHERE item = items.key AND at > last_attempt)

-- name: row
-- The columns of a `Row`.
items.key, id, digest, state, retry_count, last_attempt, coalesce(closed, revived, accepted),
  (SELECT group_concat(name, char(10)) FROM outcomes JOIN servers ON servers.key = server
  WHERE item = items.key AND has), reason

-- name: known
-- The columns of a `Known`.
items.key, id, digest, state, CASE state WHEN 'delivered' THEN (SELECT name
  FROM outcomes JOIN servers ON servers.key = server WHERE item = items.key AND has
  ORDER BY at DESC LIMIT 1) END, reason, last_error, claimed, {unknown}, timeouts,
  accepted, closed, due, retries, retry_count, last_attempt, taken, held, project,
  EXISTS (SELECT 1 FROM tickets WHERE item = items.key)

-- name: first_digest
-- The digest of the first content under an id.
(SELECT coalesce(first_digest, digest) FROM items WHERE id = ? LIMIT 1)

-- name: next_place
-- The place behind the last dead letter of the file.
(SELECT coalesce(max(dead_seq), 0) + 1 FROM items WHERE state = 'dead')

-- name: edited_due
-- When a dead letter is due that has ?1 retries and ?2 as its last attempt in the file: at ?3.
-- Where neither has changed, its wait has not, which the server may have made longer.
iif(?2 > 0 AND (retry_count, last_attempt) = (?1, ?2) AND NOT {set_aside}, due, ?3)

-- name: add_tombstone
-- Note an item that the queue file may still show.
INSERT OR REPLACE INTO tombstones SELECT id, digest, key FROM items WHERE key = ?

-- name: discard
-- Discard what waits.
UPDATE items SET state = 'discarded', closed = ?, reason = ?
  WHERE key = ? AND state IN ('pending', 'dead')

-- name: discard_elsewhere
-- Discard what was delivered, but not to this server.
UPDATE items SET state = 'discarded', closed = ?, reason = ? WHERE key = ?
  AND state = 'delivered' AND NOT EXISTS (SELECT 1 FROM outcomes JOIN servers
  ON servers.key = server WHERE item = items.key AND name = ? AND has)

-- name: remove
-- Discard for good; what is forgotten, or was removed before, stays that.
UPDATE items SET state = 'discarded', closed = ?1, reason = ?2
  WHERE key = ?3 AND reason IS NOT ?2 AND reason IS NOT ?4

-- name: text_removed
-- Whether a server was to delete this text.
SELECT count(*) FROM items WHERE digest = ? AND reason = 'removed from the server'

-- name: was_removed
-- Whether a memory was removed, or is not known: a killed command may have been about to.
SELECT count(*) = 0 OR max(state = 'discarded' AND reason = ?3)
  FROM items WHERE id = ?1 AND digest = ?2

-- name: doubt_delivery
-- Make the outcome at a server unknown.
UPDATE outcomes SET has = NULL WHERE item = ? AND has
  AND server = (SELECT key FROM servers WHERE name = ?)

-- name: trust_delivery
-- Undo `doubt_delivery`.
UPDATE outcomes SET has = 1 WHERE item = ? AND has IS NULL
  AND server = (SELECT key FROM servers WHERE name = ?) RETURNING at

-- name: came_since
-- Items after a key whose id is new too.
SELECT key FROM items WHERE key > ?1 AND NOT EXISTS
  (SELECT 1 FROM items AS former WHERE former.id = items.id AND former.key <= ?1)

-- name: move_to_dlq
-- Make a fresh entry a dead letter.
UPDATE items SET state = 'dead', retry_count = 0, last_attempt = ?1, body = NULL, moved = ?1,
  due = ?2, dead_seq = {next_place}, claimed = NULL, taken = NULL, held = NULL,
  last_error = coalesce(?3, last_error) WHERE key = ?4

-- name: revive
-- Make an item wait again; the caller adds what depends on its lane.
UPDATE items SET state = ?, project = ?, retries = ?, retry_count = ?, last_attempt = ?,
  due = ?, body = NULL, closed = NULL, reason = NULL, revived = ?

-- name: show
-- Note that a generation of the user shows an item.
INSERT INTO showings SELECT key, ?, NULL, retry_count, last_attempt, ?, 0 FROM items
  WHERE key = ?

-- name: copy_showings
-- Copy what the file showed of one item to another.
INSERT INTO showings SELECT ?, first_gen, last_gen, retry_count, last_attempt, body, saved
  FROM showings WHERE item = ? ORDER BY rowid

-- name: copy_attempts
-- Copy the history of one item to another.
INSERT INTO attempts SELECT ?, at, class, status, message, duration, request FROM attempts
  WHERE item = ? ORDER BY rowid

-- name: place
-- What an edited dead letter keeps, and whether a server may have its old content.
SELECT dead_seq, accepted, {edited_due}, claimed IS NOT NULL OR unknown IS NOT NULL
  OR EXISTS (SELECT 1 FROM outcomes WHERE item = items.key) FROM items WHERE key = ?4

-- name: attempted
-- What a new ledger found in a file is asked about from its intake on: no attempt is known.
SELECT claimed IS NOT NULL, sent IS NOT NULL AND sent IS NOT accepted
  FROM (SELECT claimed, accepted, {unknown} AS sent FROM items WHERE key = ?)

-- name: fresh_entries
-- Every fresh entry, in the order of intake.
SELECT key, retries, taken, vanished FROM items WHERE state = 'pending' ORDER BY key

-- name: fresh_texts
-- Every fresh entry's bytes.
SELECT key, raw FROM items JOIN texts USING (key) WHERE state = 'pending'

-- name: expire
-- Erase the texts that were discarded before a time.
DELETE FROM texts WHERE key IN (SELECT key FROM items WHERE state = 'discarded'
  AND closed < ?) RETURNING key

-- name: has_note
-- Whether the text of a note is known by its id or its digest.
SELECT EXISTS (SELECT 1 FROM items WHERE id = ?)
  OR EXISTS (SELECT 1 FROM note_texts WHERE digest = ?)

-- name: head_pending
-- The oldest fresh entry that is due. The index is named: the planner would rather sort the lane.
SELECT key FROM items INDEXED BY items_fresh
  WHERE state = 'pending' AND claimed IS NULL AND held IS NULL AND due <= ?{more}
  ORDER BY ts, key LIMIT 1

-- name: head_dead
-- The dead letter that has been due longest, so that none starves behind others that fail again.
SELECT key FROM items INDEXED BY items_dead
  WHERE state = 'dead' AND claimed IS NULL AND due <= ?{more} ORDER BY due, ts, key LIMIT 1

-- name: in_turn
-- The due item whose turn it is as the canary: the next key, else the first.
SELECT key FROM items WHERE state IN ('pending', 'dead') AND claimed IS NULL
  AND held IS NULL AND due <= ? ORDER BY key <= ?, key LIMIT 1

-- name: claim
-- Claim an item for a server; give all that a delivery needs.
UPDATE items SET claimed = ?, claimed_for = (SELECT key FROM servers WHERE name = ?)
  WHERE key = ? RETURNING state, id, digest, coalesce(first_digest, digest), retries,
  retry_count, last_attempt, unknown, timeouts, taken, claimed_for, ts,
  EXISTS (SELECT 1 FROM outcomes WHERE item = items.key),
  EXISTS (SELECT 1 FROM sent_as_agent WHERE item = items.key),
  (SELECT raw FROM texts WHERE texts.key = items.key)

-- name: delivered
-- Mark an item as delivered; the caller may add a condition.
UPDATE items SET state = 'delivered', claimed = NULL, unknown = NULL, body = NULL,
  taken = NULL, held = NULL, last_error = NULL, closed = ? WHERE key = ?

-- name: remember_delivery
-- Remember that a server has an item.
INSERT OR REPLACE INTO outcomes SELECT ?, key, ?, 1 FROM servers WHERE name = ?

-- name: note_outcome
-- A delivery is never overwritten: the server has the item for good.
INSERT INTO outcomes VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET at = excluded.at, has = excluded.has WHERE has IS NOT 1

-- name: count_delivery
-- Add one to the deliveries, and note the time of the last.
INSERT INTO meta VALUES ('{synced}', 1), ('{last_delivery}', ?) ON CONFLICT (name) DO
  UPDATE SET value = iif(name = '{synced}', value + 1, excluded.value)

-- name: count_fresh_failure
-- A time of `taken` that came after the claim stays.
UPDATE items SET claimed = NULL, retries = retries + 1, due = ?,
  taken = CASE WHEN taken IS ? THEN NULL ELSE taken END, last_error = ? WHERE key = ?

-- name: count_dead_failure
-- Count a failed retry of a dead letter.
UPDATE items SET claimed = NULL, retry_count = ?, last_attempt = ?, due = ?, last_error = ?
  WHERE key = ?

-- name: thin_history
-- Keep the last attempts of an item.
DELETE FROM attempts WHERE item = ?1 AND at < (SELECT at FROM attempts WHERE item = ?1
  ORDER BY at DESC LIMIT 1 OFFSET {history})

-- name: longest_wait
-- How long a dead letter may wait: its backoff, or what the server asked for when it failed last.
max({backoff}, iif(due <= last_attempt + {longest_asked} AND NOT {set_aside},
  due - last_attempt, 0))

-- name: limit_fresh_waits
-- Bring forward fresh entries that wait longer than they may.
UPDATE items SET due = ? WHERE state = 'pending' AND due > ?

-- name: limit_dead_waits
-- Bring forward dead letters that wait longer than they may.
UPDATE items SET due = ?1 + {longest_wait} WHERE state = 'dead' AND due > ?1 + {longest_wait}

-- name: note_ticket
-- Keep a ticket; the same one keeps its time.
INSERT INTO tickets SELECT ?, key, ?, ? FROM servers WHERE name = ?
  ON CONFLICT DO UPDATE SET name = excluded.name, at = excluded.at
  WHERE name != excluded.name

-- name: drop_ticket
-- Forget the ticket of an item at a server.
DELETE FROM tickets WHERE item = ? AND server = (SELECT key FROM servers WHERE name = ?)

-- name: newest_ticket
-- When the last ticket was given for an item that still waits.
SELECT max(at) FROM tickets JOIN items ON items.key = item
  WHERE state IN ('pending', 'dead')

-- name: claims_to_outcomes
-- Make each claim that a kill left an unknown outcome.
INSERT INTO outcomes SELECT key, claimed_for, claimed, NULL FROM items
  WHERE claimed IS NOT NULL
  ON CONFLICT DO UPDATE SET at = excluded.at, has = NULL WHERE has IS NOT 1

-- name: missing
-- Entries that the queue file showed as last published.
SELECT key FROM items WHERE state = 'pending' AND shown AND taken IS NULL ORDER BY key

-- name: unshown
-- Entries that the queue file has not shown yet.
SELECT key FROM items WHERE state = 'pending' AND NOT shown ORDER BY key

-- name: vanish
-- Another hand took an entry out of the queue file, and nobody else is at work.
UPDATE items SET vanished = ? WHERE key = ? AND state = 'pending' AND taken IS NULL

-- name: take
-- Another worker took an entry: its outcome is unknown.
UPDATE items SET vanished = ?, taken = ?, unknown = ?
  WHERE key = ? AND state = 'pending' AND taken IS NULL

-- name: suspect
-- An entry left, and it is still to be seen whether another worker is at work.
UPDATE items SET vanished = ?, unknown = ?, due = max(due, ?)
  WHERE key = ? AND state = 'pending' AND taken IS NULL

-- name: take_lately
-- Another worker is seen: it took what left the file lately.
UPDATE items SET taken = vanished, unknown = ?
  WHERE state = 'pending' AND taken IS NULL AND vanished >= ?

-- name: come_back
-- Another hand put an entry back.
UPDATE items SET shown = 1, vanished = NULL, taken = NULL
  WHERE key = ? AND state = 'pending' AND held IS NULL AND (vanished IS NOT NULL OR NOT shown)

-- name: hold
-- Hold an entry for the user.
UPDATE items SET claimed = NULL, held = ?1, taken = coalesce(taken, ?1),
  vanished = coalesce(vanished, ?1) WHERE key = ?2 AND state = 'pending'

-- name: clear_claim
-- Forget that another worker may have sent an entry.
DELETE FROM outcomes WHERE server = {of_another_worker}
  AND item = (SELECT key FROM items WHERE key = ? AND held IS NULL)

-- name: send
-- Make a held entry wait to be sent.
UPDATE items SET held = NULL, taken = NULL, vanished = NULL, due = 0
  WHERE key = ? AND state = 'pending' AND taken IS NOT NULL

-- name: count_held
-- How many entries another worker has perhaps taken.
SELECT count(*) FROM items
  WHERE state = 'pending' AND vanished IS NOT NULL AND taken IS NOT NULL

-- name: vanished
-- Entries that another hand took out of the queue file.
SELECT id, digest FROM items WHERE state = 'pending' AND vanished IS NOT NULL

-- name: named
-- A name that only users gave does not tell when they last read the file: a script may always give
-- the same. It does tell while nothing has been published since.
SELECT max(gen) FROM generations WHERE name = ? AND published
  AND (sha IS NOT NULL OR gen = (SELECT coalesce(max(gen), 0) FROM generations WHERE published))

-- name: showings
-- What the DLQ file showed of items.
SELECT item, first_gen, last_gen, retry_count, last_attempt, body, saved FROM showings
  WHERE item IN (SELECT value FROM json_each(?)) ORDER BY rowid

-- name: close_showings
-- Ends the showings of items that the next generation shows otherwise or not at all.
UPDATE showings SET last_gen = ? WHERE last_gen IS NULL AND NOT EXISTS (SELECT 1 FROM items
  WHERE key = item AND state = 'dead' AND items.retry_count = showings.retry_count
  AND items.last_attempt = showings.last_attempt AND items.body IS showings.body)

-- name: open_showings
-- Begins a showing for each item that the newest generation showed otherwise or not at all.
INSERT INTO showings SELECT key, ?, NULL, retry_count, last_attempt, body, 0 FROM items
  WHERE state = 'dead' AND NOT EXISTS
  (SELECT 1 FROM showings WHERE item = key AND last_gen IS NULL)

-- name: close_gone
-- End the showings of items that are no dead letters any more.
UPDATE showings SET last_gen = ? WHERE last_gen IS NULL
  AND item NOT IN (SELECT key FROM items WHERE state = 'dead')

-- name: dead_rows
-- The dead letters as the file has them, each a `Row` and its bytes.
SELECT {row}, raw FROM items JOIN texts USING (key) WHERE state = 'dead'
  ORDER BY dead_seq, key

-- name: dead_raws
-- The bytes of the dead letters, in the order of the file.
SELECT raw FROM items JOIN texts USING (key) WHERE state = 'dead' ORDER BY dead_seq, key

-- name: failed_with
-- What a dead letter failed with last, by the ledger or else by the file.
coalesce(last_error, (SELECT CASE WHEN json_valid(CAST(raw AS TEXT)) THEN
  json_extract(CAST(raw AS TEXT), '$.last_error') END FROM texts WHERE texts.key = items.key), '')

-- name: content
-- The text of an item, as far as SQLite can read it.
(SELECT CASE WHEN json_valid(CAST(raw AS TEXT)) THEN json_extract(CAST(raw AS TEXT), '$.content')
  END FROM texts WHERE texts.key = items.key)

-- name: holds
-- Whether an item's text holds another; NULL is in any. Most are told without reading their JSON.
(:text IS NULL OR CASE WHEN EXISTS (SELECT 1 FROM texts WHERE texts.key = items.key
  AND (CAST(raw AS TEXT) LIKE :text ESCAPE '\' OR CAST(raw AS TEXT) LIKE :escaped ESCAPE '\'))
  THEN {content} LIKE :text ESCAPE '\' END)

-- name: matching
-- The dead letters among some of a project that wait since some time, failed with one of some errors,
-- and whose text holds another; NULL is any.
state = 'dead' AND (:project IS NULL OR project = :project)
  AND (:keys IS NULL OR key IN (SELECT value FROM json_each(:keys)))
  AND (:since IS NULL OR {waits_since} >= :since) AND (:before IS NULL OR {waits_since} < :before)
  AND (:errors IS NULL OR {failed_with} IN (SELECT value FROM json_each(:errors)))
  AND {holds}

-- name: outcomes
-- What became of items that were to be tried again, NULL for nothing yet. A question says nothing of
-- a memory, and what counts nothing only if it was the memory's fault after all.
SELECT key, CASE state WHEN 'delivered' THEN 'delivered' WHEN 'discarded' THEN 'deleted' ELSE
  (SELECT iif(at >= :since AND class != :question AND (message IS last_error
  OR class NOT IN (SELECT value FROM json_each(:uncounted))), 'failed', NULL)
  FROM attempts WHERE item = items.key ORDER BY at DESC LIMIT 1) END
  FROM items WHERE key IN (SELECT value FROM json_each(:keys))

-- name: newest
-- The items of a state that came last and hold a text.
SELECT key FROM items WHERE state = :state AND {holds} ORDER BY key DESC LIMIT :limit

-- name: failures
-- What dead letters failed with last: the error, how many, and one of them.
SELECT {failed_with}, count(*), min(key) FROM items WHERE state = 'dead'
  GROUP BY project = x'', 1 ORDER BY 2 DESC LIMIT ?

-- name: lately_delivered
-- The projects of the last deliveries.
SELECT project FROM (SELECT project, key FROM items WHERE state = 'delivered'
  ORDER BY key DESC LIMIT 500) GROUP BY project ORDER BY max(key) DESC LIMIT ?

-- name: showings_of_one
-- The showings of one item, but for what the user saved.
SELECT rowid, first_gen, last_gen FROM showings WHERE item = ? AND NOT saved
  ORDER BY first_gen, rowid

-- name: has
-- Whether a server has taken a memory.
SELECT 1 FROM items JOIN outcomes ON item = items.key JOIN servers ON servers.key = server
  WHERE id = ? AND digest = ? AND name = ? AND has

-- name: discarded_texts
-- What was deleted and has its text still; an edit of itself is no deletion.
items JOIN texts USING (key) WHERE state = 'discarded'
  AND closed IS NOT NULL AND coalesce(reason, '') != ?

-- name: last_attempts
-- The last failed attempt of each item that waits.
SELECT i.id, i.digest, a.at, a.class, a.status, a.message, a.duration FROM items i
  JOIN attempts a ON a.rowid = (SELECT rowid FROM attempts WHERE item = i.key
  ORDER BY at DESC LIMIT 1) WHERE i.state IN ('pending', 'dead')

-- name: stays
-- How long dead letters that are gone now were in the DLQ; one whose text was edited is one. The
-- time of intake stands for that of the move where an earlier version did not note it.
SELECT coalesce(moved, accepted), closed FROM items
  WHERE dead_seq IS NOT NULL AND state IN ('delivered', 'discarded') AND closed >= ?
  AND NOT EXISTS (SELECT 1 FROM items AS other WHERE other.id = items.id
  AND other.moved = items.moved AND (other.state = 'dead' OR other.closed > items.closed))

-- name: taken
-- Without memories that were deleted or edited while being sent, or queued again since: of such a
-- memory only the last item counts that this server took, or that is to go there.
SELECT project, items.key FROM outcomes JOIN items ON items.key = item
  WHERE server = (SELECT key FROM servers WHERE name = ?) AND has
  AND state = 'delivered' AND reason IS NULL AND NOT EXISTS
  (SELECT 1 FROM items AS later WHERE later.id = id_again(items.id)
  AND items.digest IN (later.digest, later.first_digest) AND (later.state != 'delivered'
  OR EXISTS (SELECT 1 FROM outcomes AS its WHERE its.item = later.key
  AND its.server = outcomes.server AND its.has))) ORDER BY items.key

-- name: taken_memories
-- Memories that a server has taken, by their keys.
SELECT id, project, digest, coalesce(first_digest, digest), at FROM items
  JOIN outcomes ON item = items.key WHERE has AND items.key IN (SELECT value FROM json_each(?))
  AND server = (SELECT key FROM servers WHERE name = ?) ORDER BY items.key

-- name: discarded_digests
-- The texts that the user has deleted; a restoration or a later save of a text ends that.
WITH deleted AS MATERIALIZED (SELECT digest, max(closed) AS at, max(key) AS last FROM items
  WHERE state = 'discarded' AND coalesce(reason, '') != ? GROUP BY digest)
  SELECT digest FROM deleted EXCEPT SELECT digest FROM items CROSS JOIN deleted USING (digest)
  WHERE state != 'discarded' AND (revived >= at OR key > last AND accepted >= at)

-- name: same_memory
-- Whether an item is one that was sent under this id, or again under a further one.
its.digest = elsewhere.digest AND (its.id = elsewhere.id
  OR its.id > CAST(elsewhere.id || '-again-' AS BLOB)
  AND its.id < CAST(elsewhere.id || '-again-:' AS BLOB))

-- name: only_elsewhere
-- CROSS JOIN: SQLite then looks only at the items that another server has, not at all items. Of an
-- item that was sent again under further ids the last one decides, unless one is here or waits.
WITH here AS (SELECT coalesce(max(key), -1) AS key FROM servers WHERE name = ?),
  elsewhere AS (SELECT o.server, items.key, digest, here.key AS here,
  iif(instr(id, CAST('-again-' AS BLOB)), first_id(id), id) AS id
  FROM here CROSS JOIN outcomes o CROSS JOIN items ON items.key = o.item
  WHERE has AND o.server != here.key AND digest != ?)
  SELECT name, count(*) FROM elsewhere CROSS JOIN servers ON servers.key = server
  WHERE (SELECT max(its.key) AND state = 'delivered' AND reason IS NOT 'forgotten' FROM items AS its
  WHERE {same_memory}) AND NOT EXISTS (SELECT 1 FROM items AS its WHERE {same_memory}
  AND (state IN ('pending', 'dead') OR EXISTS (SELECT 1 FROM outcomes WHERE item = its.key AND has
  AND (server = here OR its.key > elsewhere.key AND server = elsewhere.server))))
  GROUP BY name ORDER BY name

-- name: server_has
-- Whether the server of that name has an item.
EXISTS (SELECT 1 FROM outcomes JOIN servers ON servers.key = server
  WHERE item = items.key AND name = ? AND has)

-- name: traced
-- Every memory, and whether two servers have it.
SELECT id, digest, coalesce(first_digest, digest), project, ts, state,
  {server_has}, {server_has}, reason IS 'forgotten' FROM items ORDER BY items.key

-- name: deliveries
-- The servers that have an item, the first one first.
SELECT name, at FROM outcomes JOIN servers ON servers.key = server
  WHERE item = ? AND has ORDER BY at

-- name: retries
-- How many dead letters have each number of retries.
SELECT min(retry_count, {grows_until}), count(*) FROM items WHERE state = 'dead'
  GROUP BY 1 ORDER BY 1

-- name: counts
-- How much waits, and since when: of many dead letters the oldest one is the first in its index.
SELECT (SELECT count(*) FROM items WHERE state = 'pending'),
  (SELECT count(*) FROM items WHERE state = 'dead')
  + (SELECT count(*) FROM strays WHERE name IS NULL),
  (SELECT min({waits_since}) FROM items WHERE state = 'pending'),
  (SELECT {waits_since} FROM items WHERE state = 'dead' ORDER BY {waits_since} LIMIT 1),
  ({count_held})

-- name: erase
-- Forget the text of an item for good: what a server has stays delivered, and goes to no other.
UPDATE items SET last_error = NULL, state = iif(state = 'delivered', state, 'discarded'),
  reason = 'forgotten' WHERE key = ?

-- name: change_values
-- Replace the counters and times of a dead letter, as its user wrote them.
UPDATE items SET retry_count = ?1, last_attempt = ?2, due = {edited_due}, body = NULL
  WHERE key = ?4 AND state = 'dead'

-- name: change_content
-- Replace the content of an item, which keeps the digest of its first one.
UPDATE items SET first_digest = coalesce(first_digest, digest), digest = ?, project = ?, ts = ?,
  timeouts = 0 WHERE key = ?

-- name: attempts
-- The failed attempts of an item, oldest first.
SELECT at, class, status, message, duration, request FROM attempts WHERE item = ? ORDER BY at

-- name: deleted
-- What was deleted and can be restored, the last deletion first.
SELECT closed, coalesce(reason, ''), raw, max(accepted, coalesce(revived, 0))
  FROM {discarded_texts} ORDER BY closed DESC, key

-- name: delivered_in_spans
-- How many memories were delivered in each span of time.
SELECT CAST(closed / ? AS INTEGER), count(*) FROM items
  WHERE state = 'delivered' AND closed >= ? GROUP BY 1

-- name: lasting_outage
-- The outage that a former worker left, if it was noted in a span of time.
SELECT max(began) FROM outages WHERE NOT over AND ended BETWEEN ? AND ?

-- name: forget_outages
-- Forget outages that ended before a time, and all but the newest.
DELETE FROM outages WHERE ended < ?
  OR began <= (SELECT began FROM outages ORDER BY began DESC LIMIT 1 OFFSET ?)

-- name: outages
-- When the server could not be reached, since a time.
SELECT began, ended, over, reason FROM outages LEFT JOIN outage_reasons USING (began)
  WHERE ended >= ? ORDER BY began

-- name: claims_unknown
-- At a start: ask about what was under way, some time after the request at the soonest.
UPDATE items SET due = max(due, min(claimed, ?) + ?), claimed = NULL WHERE claimed IS NOT NULL

-- name: next_due
-- When the next items of a lane fall due.
SELECT key, due FROM items
  WHERE state = '{lane}' AND claimed IS NULL AND held IS NULL ORDER BY due LIMIT ?
