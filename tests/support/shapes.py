"""The shapes of the contract, as foreign programs and a user's editor make them."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

Json = Any  # whatever json.loads gives
Item = dict[str, Json]


def entry(content: object, project: object = "alpha", **fields: object) -> Item:
    """Make a queue entry, as a producer writes it; `fields` replace or join its own."""
    return {
        "id": str(uuid.uuid4()),
        "project_id": project,
        "content": content,
        "timestamp": int(time.time()),
        "retries": 0,
        **fields,
    }


def entries(count: int, label: str = "memory", projects: int = 5) -> list[Item]:
    """Make `count` entries with distinct texts over some projects, oldest first."""
    start = int(time.time()) - count
    return [
        entry(f"{label} number {n}", f"project-{n % projects}", timestamp=start + n)
        for n in range(count)
    ]


def dead(content: object, project: object = "alpha", *, ago: float = 1e5, **fields: object) -> Item:
    """Make a dead letter, last tried `ago` seconds ago (long enough to be due)."""
    now = time.time()
    return {
        "id": str(uuid.uuid4()),
        "project_id": project,
        "content": content,
        "timestamp": int(now - ago) - 10,
        "retry_count": 0,
        "last_attempt": now - ago,
        "moved_to_dlq_at": int(now - ago) - 5,
        **fields,
    }


def waiting(content: object, project: object = "alpha", **fields: object) -> Item:
    return dead(content, project, ago=0.0, **{"retry_count": 9, **fields})


def queue_document(queue: Iterable[object], **fields: object) -> Item:
    """Make a queue file with consistent counters; `fields` replace or join the top level."""
    listed = list(queue)
    stats = {"total_queued": len(listed), "total_synced": 0, "total_failed": 0, "last_sync": None}
    return {"queue": listed, "last_100": listed[-100:], "failed": [], "stats": stats, **fields}


def emergency_lines(items: Iterable[Item]) -> str:
    return "".join(json.dumps({**item, "emergency": True}) + "\n" for item in items)


def texts(items: Iterable[Item]) -> list[Json]:
    return [item.get("content") for item in items]


def delay(retry_count: int) -> int:
    """Compute the seconds from the last attempt to the next, by the contract's table."""
    return min(30 << retry_count, 3600)


def further_key(item_id: str, project: str, content: str) -> str:
    digest = hashlib.sha256(f"{project}\0{content}".encode("utf-8", "surrogatepass"))
    return f"{item_id}-{digest.hexdigest()[:8]}"


def is_iso(text: object) -> bool:
    try:
        return isinstance(text, str) and "T" in text and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


# Log markers, contract section 2 ---------------------------------------------------


def _name(item: Item) -> str:
    return f"{item['project_id']} (ID: {item['id'][:8]}...)"


def moved_marker(item: Item) -> str:
    return f"📋 Moved to DLQ: {_name(item)} after 5 retries"


def recovered_marker(item: Item, retries: int) -> str:
    return f"✅ DLQ recovered: {_name(item)} after {retries} retries"


def retry_marker(item: Item, count: int) -> str:
    """Compose the line of a dead letter that failed again, `count` being the new count."""
    return f"⏳ DLQ retry {count}: {_name(item)} (next in {delay(count)}s)"


def backoff_marker(item: Item) -> str:
    """Compose the line of a dead letter that waits, up to the seconds."""
    return f"⏸️ Waiting backoff: {_name(item)} (retry in "
