"""The user's editors and scripts at the DLQ file, as old as their copies may be."""

import json
from dataclasses import dataclass
from typing import IO, Final

from tests.proofs.model.world import World
from tests.support.shapes import Item, dead

COPIES: Final = 4  # editors that are open at once


@dataclass(frozen=True)
class Change:
    """What is done to a copy before it is saved; numbers are places in its list."""

    remove: frozenset[int] = frozenset()
    retry: frozenset[int] = frozenset()
    content: int | None = None
    count: int | None = None
    add: bool = False
    stamp: bool = False


class User:
    """Has some copies open, and saves them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._copies: list[bytes] = []
        self._made = 0
        self._slow: tuple[IO[bytes], bytes] | None = None  # a save under way: file and rest

    def open(self) -> None:
        data = self._world.read_dlq()
        if data is not None:
            self._copies = [*self._copies, data][-COPIES:]

    def save(self, copy: int | None, change: Change, *, replace: bool = False) -> None:
        """Change a copy (None: a fresh one) and save it, in place or by a rename."""
        data = self._world.read_dlq() if copy is None else self._copy(copy)
        if data is not None:
            self._write(self._changed(data, change), replace=replace)

    def restore_copy(self, copy: int) -> None:
        if (data := self._copy(copy)) is not None:
            self._write(data)

    def empty(self) -> None:
        data = self._world.read_dlq()
        if data is not None:
            self._write(json.dumps({**json.loads(data), "items": []}, indent=2).encode())

    def remove_file(self) -> None:
        self._world.home.dlq.unlink(missing_ok=True)
        self._world.forget_save()

    def break_file(self, part: float) -> None:
        data = self._world.read_dlq()
        if data is not None:
            self._write(data[: int(len(data) * part)])

    def begin_saving(self, copy: int, change: Change, part: float) -> None:
        data = self._copy(copy)
        if data is None or self._slow is not None:
            return
        whole = self._changed(data, change)
        at = int(len(whole) * part)
        file = self._world.home.dlq.open("wb")
        file.write(whole[:at])
        file.flush()
        self._slow = (file, whole[at:])
        self._world.saved(whole[:at])

    def end_saving(self) -> None:
        if self._slow is None:
            return
        (file, rest), self._slow = self._slow, None
        before = self._world.dlq_bytes()
        with file:
            file.write(rest)
        after = self._world.dlq_bytes()
        if after is not None and after != before:
            self._world.beliefs.garbled(after.decode("utf-8", "replace"))
            self._world.saved(after)
        else:
            self._world.beliefs.late(rest.decode("utf-8", "replace"))

    @property
    def is_saving(self) -> bool:
        return self._slow is not None

    def close(self) -> None:
        if self._slow is not None:
            self._slow[0].close()

    def _copy(self, number: int) -> bytes | None:
        return self._copies[number % len(self._copies)] if self._copies else None

    def _write(self, data: bytes, *, replace: bool = False) -> None:
        path = self._world.home.dlq
        if replace:
            scratch = path.with_name("by-an-editor.tmp")
            scratch.write_bytes(data)
            scratch.replace(path)
        else:
            path.write_bytes(data)
        self._world.saved(data)

    def _changed(self, data: bytes, change: Change) -> bytes:
        document: Item = json.loads(data)
        items: list[Item] = document["items"]
        for at in change.retry:
            if items:
                items[at % len(items)]["last_attempt"] = 0
        if change.content is not None and items:
            items[change.content % len(items)]["content"] = self._text("mended")
        if change.count is not None and items:
            items[change.count % len(items)]["retry_count"] += 20
        gone = {at % len(items) for at in change.remove} if items else set()
        document["items"] = [item for at, item in enumerate(items) if at not in gone]
        if change.add:
            text = self._text("written")
            document["items"].append(dead(text, ago=0.0, id=f"by-hand-{self._made:04d}"))
        if change.stamp:
            document["last_update"] = self._world.clock.datetime().now().isoformat()
        return json.dumps(document, indent=2).encode()

    def _text(self, how: str) -> str:
        self._made += 1
        text = f"memory {how} by hand, number {self._made:04d}"
        self._world.beliefs.offered.add(text)
        return text
