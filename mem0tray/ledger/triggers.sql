-- Which changes of the ledger outdate which file: our SQL function `outdates` takes note of it.

CREATE TEMP TRIGGER item_came AFTER INSERT ON items BEGIN
  SELECT outdates('metrics');
  SELECT outdates('queue') WHERE new.state = 'pending' AND NOT new.shown;
  SELECT outdates('DLQ') WHERE new.state = 'dead';
END;

CREATE TEMP TRIGGER item_moved AFTER UPDATE OF state ON items WHEN old.state != new.state BEGIN
  SELECT outdates('metrics');
  SELECT outdates('queue') WHERE 'pending' IN (old.state, new.state);
  SELECT outdates('DLQ') WHERE 'dead' IN (old.state, new.state);
END;

-- These fields decide whether an entry stands in the queue file, and what the file shows of it.
CREATE TEMP TRIGGER entry_changed AFTER UPDATE OF retries, vanished, taken, held ON items
WHEN new.state = 'pending' BEGIN
  SELECT outdates('metrics');
  SELECT outdates('queue');
END;

CREATE TEMP TRIGGER dead_letter_changed
AFTER UPDATE OF digest, dead_seq, retry_count, last_attempt ON items
WHEN new.state = 'dead' BEGIN
  SELECT outdates('DLQ');
END;

-- The forgotten text may still stand in either file.
CREATE TEMP TRIGGER item_forgotten AFTER UPDATE OF reason ON items
WHEN new.reason = 'forgotten' BEGIN
  SELECT outdates('queue');
  SELECT outdates('DLQ');
END;

CREATE TEMP TRIGGER tombstone_came AFTER INSERT ON tombstones BEGIN
  SELECT outdates('queue');
END;

-- Strays stand in the DLQ file, and count as dead letters.
CREATE TEMP TRIGGER stray_came AFTER INSERT ON strays BEGIN
  SELECT outdates('metrics');
  SELECT outdates('DLQ');
END;
CREATE TEMP TRIGGER stray_went AFTER DELETE ON strays BEGIN
  SELECT outdates('metrics');
  SELECT outdates('DLQ');
END;

-- A total outdates the queue file unless the file shows that value already: others add there too.
CREATE TEMP TRIGGER counted_first AFTER INSERT ON meta
WHEN new.name GLOB 'total_*' BEGIN
  SELECT outdates('metrics');
  SELECT outdates('queue')
  WHERE new.value IS NOT (SELECT value FROM meta WHERE name = 'shown_' || new.name);
END;
CREATE TEMP TRIGGER counted_again AFTER UPDATE ON meta
WHEN new.name GLOB 'total_*' BEGIN
  SELECT outdates('metrics');
  SELECT outdates('queue')
  WHERE new.value IS NOT (SELECT value FROM meta WHERE name = 'shown_' || new.name);
END;

-- Beside another worker the queue file leaves out what that worker may have taken.
CREATE TEMP TRIGGER worker_came_or_went AFTER INSERT ON meta WHEN new.name = 'other_worker' BEGIN
  SELECT outdates('queue');
END;
