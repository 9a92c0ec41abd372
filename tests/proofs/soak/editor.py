"""A user who edits the DLQ by hand, runs scripts and commands, and breaks the file."""

import json
import random
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from mem0tray.core.item import digest
from mem0tray.files import atomic
from mem0tray.ledger.names import DLQ_MERGED
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from tests.support import user
from tests.support.home import Home
from tests.support.shapes import Item, Json, dead

PATIENCE: Final = 180.0  # seconds for a script or command: the machine may be busy


class Editor:
    """Does one thing after another, and remembers what it must not be blamed for.

    `accepted`: texts that it added; `discarded`: those that it removed; `offered`:
    those that may or may not exist (replaced by an edit, or not acknowledged).
    """

    def __init__(self, home: Home, rng: random.Random) -> None:
        self.accepted: list[str] = []
        self.discarded: set[str] = set()
        self.offered: set[str] = set()
        self.done: Counter[str] = Counter()
        self._home, self._rng = home, rng
        self._ledger = Paths(home.claude, home.data / "mem0tray").ledger
        self._texts: defaultdict[str, set[str]] = defaultdict(set)  # by id, every one it ever had
        self._fresh: dict[str, bytes] = {}  # ids and digests that nobody may have read yet
        self._old: Item = {"items": []}
        self._built_on_old = False  # an old copy was saved, and nothing was read since
        self._stamps: set[object] = set()  # that we gave the file ourselves
        self._ways: dict[str, tuple[Callable[[], object], int]] = {
            "retry all": (partial(self._script, user.RETRY_ALL), 6),
            "retry all, stamped": (self.retry_all_stamped, 3),
            "command retry": (partial(self._run, "retry", "--all"), 3),
            "remove": (self.remove, 4),
            "add": (self.add, 4),
            "mend": (self.mend, 4),
            "keep a copy": (self.keep_a_copy, 3),
            "save an old copy": (self.save_an_old_copy, 3),
            "back up": (self.back_up, 1),
            "tear": (self.tear, 2),
            "unlink": (self.unlink, 1),
            "command add": (self.command_add, 2),
            "command delete": (self.command_delete, 2),
            "command restore": (partial(self._run, "restore"), 2),
            "look": (self.look, 1),
        }

    def step(self) -> float:
        """Do one thing; seconds until the next."""
        weights = [weight for _, weight in self._ways.values()]
        (name,) = self._rng.choices(list(self._ways), weights)
        with suppress(UnreadableError):
            self._ways[name][0]()
            self.done[name] += 1
            self._note(name)
        return self._rng.uniform(0.3, 1.5)

    def _note(self, what: str) -> None:
        """Leave a line for whoever looks into a fault: when it was done, to which state."""
        with self._home.root.joinpath("edits.log").open("a", encoding="utf-8") as file:
            file.write(f"{time.time():.3f} {what} on_old={self._built_on_old}\n")

    # In the editor ------------------------------------------------------------------

    def _open(self) -> Item:
        """Read the DLQ as an editor does. UnreadableError while it is broken or gone."""
        try:
            document = json.loads(self._home.dlq.read_bytes())
        except (OSError, ValueError) as error:
            raise UnreadableError from error
        for item in document["items"]:
            self._texts[item["id"]].add(item["content"])
        return dict(document)

    def _pick(self, document: Item, most: int) -> list[Json]:
        items = document["items"]
        return self._rng.sample(items, min(len(items), self._rng.randint(1, most)))

    def _discard(self, items: Iterable[Json]) -> None:
        """Forget them, under every text that they had: the copy may be old."""
        for item in items:
            self.discarded |= self._texts[item["id"]] | {item["content"]}
            self._fresh.pop(item["id"], None)

    def remove(self) -> None:
        self._wait_for_intake()
        document = self._open()
        gone = self._pick(document, 3)
        self._discard(gone)
        document["items"] = [item for item in document["items"] if item not in gone]
        self._save(document)

    def add(self) -> None:
        document = self._open()
        letter = dead(f"added by hand, {len(self.accepted)}", "by hand")
        document["items"].append(letter)
        self._save(document)
        self._accept(letter)

    def mend(self) -> None:
        document = self._open()
        for item in self._pick(document, 1):
            self.offered.add(item["content"])
            item |= {"content": f"mended {len(self.accepted)}: {item['id']}", "last_attempt": 0}
            self._save(document)
            self._accept(item)

    def _save(self, document: Item) -> None:
        stamp = self._rng.random() < 0.3 and not self._is_an_old_copy()
        user.save(self._home, document, stamp=stamp)
        if stamp:
            self._stamps.add(document["last_update"])

    def _accept(self, item: Item) -> None:
        self.accepted.append(item["content"])
        self._texts[item["id"]].add(item["content"])
        self._fresh[item["id"]] = digest(item["project_id"], item["content"])

    def _is_an_old_copy(self) -> bool:
        """Say whether an old copy stands in the file still, edited or not, which nobody has read.

        Stamped anew it would delete what came after it: the stamp hides how old it is.
        """
        if self._built_on_old:
            found = atomic.signature(self._home.dlq)
            with Reader(self._ledger) as ledger:
                self._built_on_old = found is not None and not ledger.is_noted(DLQ_MERGED, found)
        return self._built_on_old

    def keep_a_copy(self) -> None:
        """Keep one with a stamp of the worker's: from our own nobody can tell how old it is."""
        document = self._open()
        if document.get("last_update") in self._stamps:
            raise UnreadableError
        self._old = document

    def save_an_old_copy(self) -> None:
        self._wait_for_intake()
        gone = self._pick(self._old, 1) if self._old["items"] else []
        self._discard(gone)
        self._old["items"] = [item for item in self._old["items"] if item not in gone]
        if "last_update" in self._old:
            user.save(self._home, self._old)
            self._built_on_old = True

    def tear(self) -> None:
        self._wait_for_intake()
        data = self._home.dlq.read_bytes()
        self._home.dlq.write_bytes(data[: self._rng.randrange(len(data))])

    def unlink(self) -> None:
        self._wait_for_intake()
        self._home.dlq.unlink(missing_ok=True)

    def _wait_for_intake(self) -> None:
        """What only the file holds, its owner may destroy: not in this proof, though."""
        with Reader(self._ledger) as ledger:
            self._fresh = {
                name: wanted
                for name, wanted in self._fresh.items()
                if ledger.known(name, wanted) is None
            }
        if self._fresh or not self._home.dlq.exists():
            raise UnreadableError

    # Scripts and commands -----------------------------------------------------------

    def retry_all_stamped(self) -> None:
        self._open()
        if self._is_an_old_copy():
            raise UnreadableError
        self._script(user.RETRY_ALL_STAMPED)
        self._stamps.add(self._open().get("last_update"))

    def _script(self, source: str) -> None:
        self._open()
        with suppress(subprocess.CalledProcessError):  # broken, or gone, just now
            self._home.script(source, PATIENCE)

    def back_up(self) -> None:
        self._open()
        user.back_up(self._home)

    def command_add(self) -> None:
        text = f"added by command, {len(self.accepted)}"
        done = self._run("add", "--project", "by command", text)
        if done.returncode:
            self.offered.add(text)
        else:
            self.accepted.append(text)

    def command_delete(self) -> None:
        for item in self._pick(self._open(), 1):
            self._discard([item])
            self._run("delete", item["id"], "--yes")

    def look(self) -> None:
        for command in ("status", "list", "stats", "diagnose"):
            self._run(command)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self._home.run(*command, timeout=PATIENCE)


class UnreadableError(Exception):
    """The DLQ cannot be read, or must not be touched so, just now."""
