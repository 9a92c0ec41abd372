"""The changed notes that are not taken in yet, thousands of them after a first start.

Those that are quiet are found without going through all the others.
"""

import heapq
import math

from mem0tray.worker.queue.notes.quiet import ChangedNote


class AwaitedNotes:
    """Changed notes by their paths, and the order in which they become quiet."""

    def __init__(self) -> None:
        self._notes: dict[str, ChangedNote] = {}
        # A heap of times, monotonic and the note's own, with the path. What was changed again
        # or dropped since stays in it until its turn comes.
        self._order: list[tuple[float, float, str]] = []

    def __len__(self) -> int:
        return len(self._notes)

    def get(self, path: str) -> ChangedNote | None:
        """The note of this path, if it is awaited."""
        return self._notes.get(path)

    def put(self, path: str, note: ChangedNote) -> None:
        """Await a note, in the place of an earlier form of it."""
        self._notes[path] = note
        heapq.heappush(self._order, (note.quiet_at, note.changed, path))

    def drop(self, path: str) -> None:
        """Await a note no more, if it was."""
        self._notes.pop(path, None)

    def clear(self) -> None:
        """Await none."""
        self._notes.clear()
        self._order.clear()

    def quiet(self, moment: float, most: int) -> list[tuple[str, ChangedNote]]:
        """The notes that are quiet at this moment, `most` of them, the oldest first.

        They stay awaited.
        """
        found: list[tuple[float, float, str]] = []
        while len(found) < most and self.next_quiet() <= moment:
            found.append(heapq.heappop(self._order))
        for each in found:
            heapq.heappush(self._order, each)
        return [(path, self._notes[path]) for *_, path in dict.fromkeys(found)]

    def next_quiet(self) -> float:
        """When the next note is quiet, monotonic; infinite where none is awaited."""
        while self._order:
            quiet_at, changed, path = self._order[0]
            note = self._notes.get(path)
            if note is not None and (note.quiet_at, note.changed) == (quiet_at, changed):
                return quiet_at
            heapq.heappop(self._order)
        return math.inf
