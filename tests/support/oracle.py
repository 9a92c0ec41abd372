"""The oracle of every proof: where each memory that was ever accepted is now.

It reads what a user could read (the files, the server, what `restore` offers), not the ledger's
word: ask it when a worker has come to rest.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mem0tray.actions import backups
from mem0tray.core.item import load_object
from mem0tray.system.paths import Paths
from tests.support.home import Home
from tests.support.shapes import Json
from tests.support.standin import Standin

SHOWN = 120  # characters of a text in a fault


def faults(
    home: Home,
    server: Standin,
    accepted: Iterable[str],
    *,
    discarded: Iterable[str] = (),
    offered: Iterable[str] = (),
) -> list[str]:
    """Name what is wrong, a sentence each; empty when nothing is.

    `accepted` holds the text of each memory, once for every memory that has it. Those
    also in `discarded` (by the user, or because no program can load them) need only
    be restorable; the others must be delivered or waiting. `offered` are further
    texts that may be anywhere (queued, but never acknowledged; replaced by an edit);
    any other text on the server is a fault.
    """
    memories, excused = Counter(accepted), set(discarded)
    stored = Counter(text for _, text in server.stored)
    found, told = _waiting(home)
    lost = [text for text in memories if not stored[text] and text not in found]
    restorable = set(_restorable(home)) if lost else set()
    for text in lost:
        if text not in restorable:
            told.append(f"lost: {_short(text)}")
        elif text not in excused:
            told.append(f"gone from the files, though nobody discarded it: {_short(text)}")
    unknown = stored.keys() - memories.keys() - set(offered)
    told += [f"on the server, though nobody queued it: {_short(text)}" for text in sorted(unknown)]
    if server.honours_keys or server.can_be_asked:
        told += [
            f"stored {stored[text]} times, not {number}: {_short(text)}"
            for text, number in memories.items()
            if stored[text] > number
        ]
    return told


def _waiting(home: Home) -> tuple[set[str], list[str]]:
    """Find the texts that wait in queue, DLQ and emergency file; name files nobody can read."""
    found: set[str] = set()
    told = []
    for path in (home.queue, home.dlq):
        try:
            document = json.loads(path.read_bytes())
            keys = ("queue", "held", "failed", "items")
            items = [item for key in keys for item in document.get(key, [])]
        except FileNotFoundError:
            continue
        except (ValueError, AttributeError, TypeError):
            told.append(f"{path.name} cannot be read")
            continue
        found.update(_texts(items))
    # A file that was renamed is read to its end for a day: what stands in it was taken in.
    found.update(_lines(home.emergency))
    return found, told


def _lines(path: Path) -> Iterator[str]:
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            try:
                yield from _texts([json.loads(line)])
            except ValueError:
                continue  # torn: its writer has not got to the end


def _texts(items: Iterable[Json]) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("content"), str):
            yield item["content"]


def _restorable(home: Home) -> Iterator[str]:
    """List the texts that `mem0tray restore` could put back."""
    for source in backups.sources(Paths(home.claude, home.data / "mem0tray")):
        yield from _texts(load_object(piece.raw) for piece in source.pieces)


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
