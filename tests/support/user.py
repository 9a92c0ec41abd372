"""What the user does by hand: the scripts of the contract, word for word, and an editor."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from tests.support.home import Home
from tests.support.shapes import Item

OPEN = """
import json, os
p = os.path.expanduser('~/.claude/mem0_queue_dlq.json')
data = json.load(open(p))
"""
RETRY_ALL = f"""{OPEN}
for item in data['items']:
    item['last_attempt'] = 0
json.dump(data, open(p, 'w'), indent=2)
"""
RETRY_ALL_STAMPED = f"""{OPEN}
from datetime import datetime
for item in data['items']:
    item['last_attempt'] = 0
data['last_update'] = datetime.now().isoformat()
json.dump(data, open(p, 'w'), indent=2)
"""
COUNT_BY_PROJECT = f"""{OPEN}
from collections import Counter
print(dict(Counter(item['project_id'] for item in data['items'])))
"""
COUNT_RETRIES = f"""{OPEN}
print(sum(item['retry_count'] for item in data['items']))
"""
READ_METRICS = """
import json, os
m = json.load(open(os.path.expanduser('~/.claude/mem0_metrics.json')))
print(m['vps_status'], m['queue_size'], m['dlq_size'], m['total_synced'], m['total_queued'])
"""


def shell(home: Home, line: str) -> str:
    """Run a line of the user's shell in this home; returns what it printed."""
    return home.foreign("/bin/sh", "-c", line).stdout


def back_up(home: Home) -> None:
    if sys.platform == "win32":
        home.foreign("cmd", "/c", "copy", "/y", str(home.dlq), str(home.dlq_backup))
    else:
        shell(home, "cp ~/.claude/mem0_queue_dlq.json ~/.claude/mem0_queue_dlq.backup.json")


def tail_dlq(home: Home) -> list[str]:
    return shell(home, "tail -100 ~/.claude/logs/mem0_worker.log | grep DLQ || true").splitlines()


def edit(home: Home, change: Callable[[Item], None], *, stamp: bool = False) -> None:
    document = home.read(home.dlq)
    change(document)
    save(home, document, stamp=stamp)


def save(home: Home, document: Item, *, stamp: bool = False) -> None:
    if stamp:
        document["last_update"] = datetime.now(tz=UTC).isoformat()
    home.dump(home.dlq, document)


def without(document: Item, *contents: str) -> Item:
    kept = [item for item in document["items"] if item["content"] not in contents]
    return {**json.loads(json.dumps(document)), "items": kept}


def remove(home: Home, *contents: str, stamp: bool = False) -> None:
    save(home, without(home.read(home.dlq), *contents), stamp=stamp)
