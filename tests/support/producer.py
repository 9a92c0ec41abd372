"""A foreign producer, as the contract describes them: nothing here knows mem0tray.

It rewrites the queue file in place or by replacing it, without fsync, and starts afresh when it
cannot read the file. Run as a program it prints one JSON line about what it did.
"""

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EMPTY = {"total_queued": 0, "total_synced": 0, "total_failed": 0, "last_sync": None}


class LockGivenUpError(Exception):
    """The lock was not to be had in time."""


if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int, give_up: float) -> None:
        """Lock an open file. Raises LockGivenUpError after `give_up` seconds."""
        end = time.monotonic() + give_up
        while True:
            os.lseek(descriptor, 0, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError:
                if time.monotonic() >= end:
                    raise LockGivenUpError from None
                time.sleep(0.01)
            else:
                return

else:
    import fcntl
    import signal

    def take(descriptor: int, give_up: float) -> None:
        """Lock an open file. Raises LockGivenUpError after `give_up` seconds."""

        def expired(*_: object) -> None:
            raise LockGivenUpError

        before = signal.signal(signal.SIGALRM, expired)
        signal.setitimer(signal.ITIMER_REAL, give_up)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@dataclass
class Producer:
    """One producer; `waits` are the seconds it waited for the lock, each time."""

    claude: Path
    replace: bool = False
    give_up: float = 30.0
    waits: list[float] = field(default_factory=list)
    emergencies: int = 0

    def queue(self, content: str, project: str) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "project_id": project,
            "content": content,
            "timestamp": int(time.time()),
            "retries": 0,
        }
        try:
            with self.locked():
                self._append(item)
        except LockGivenUpError:
            self.emergencies += 1
            with (self.claude / "mem0_emergency.json").open("a", encoding="utf-8") as file:
                file.write(json.dumps({**item, "emergency": True}) + "\n")
        return item

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.claude / "mem0_queue.lock").open("w") as lock:
            started = time.monotonic()
            take(lock.fileno(), self.give_up)
            self.waits.append(time.monotonic() - started)
            yield

    def _append(self, item: dict[str, Any]) -> None:
        path = self.claude / "mem0_queue.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            data = {"queue": [], "last_100": [], "failed": [], "stats": dict(EMPTY)}
        data["queue"].append(item)
        data["last_100"] = [*data["last_100"], item][-100:]
        data["stats"]["total_queued"] += 1
        self._write(path, data)

    def _write(self, path: Path, data: object) -> None:
        if not self.replace:
            with path.open("w", encoding="utf-8") as file:
                json.dump(data, file, indent=2)
            return
        scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with scratch.open("w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
        while not _replaced(scratch, path):
            time.sleep(0.01)


def _replaced(scratch: Path, path: Path) -> bool:
    """Put `scratch` in the place of `path`; False where Windows refuses: somebody reads that."""
    try:
        scratch.replace(path)
    except OSError as error:
        if getattr(error, "winerror", None) is None:
            raise
        return False
    return True


def produce(arguments: argparse.Namespace) -> dict[str, Any]:
    """Queue `count` memories with texts that start with `label`, or only take the lock.

    What was done; waits in seconds.
    """
    producer = Producer(arguments.claude, arguments.replace, arguments.give_up)
    contents = [f"{arguments.label} wrote {n}" for n in range(arguments.count)]
    for content in contents:
        if arguments.only_lock:
            with producer.locked():
                pass
        else:
            producer.queue(content, arguments.label)
        time.sleep(arguments.pause)
    longest = max(producer.waits, default=0.0)
    return {"contents": contents, "longest_wait": longest, "emergencies": producer.emergencies}


def hold(arguments: argparse.Namespace) -> None:
    """Hold the lock until standard input is closed; says when it has it."""
    with Producer(arguments.claude).locked():
        sys.stdout.write("locked\n")
        sys.stdout.flush()
        os.read(0, 1)


def main() -> None:
    """Run as `producer.py --claude DIR [--hold | --label L --count N ...]`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--claude", type=Path, required=True)
    parser.add_argument("--label", default="producer")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--give-up", type=float, default=30.0)
    parser.add_argument("--replace", action="store_true")
    parser.add_argument("--only-lock", action="store_true")
    parser.add_argument("--hold", action="store_true")
    arguments = parser.parse_args()
    if arguments.hold:
        hold(arguments)
    else:
        sys.stdout.write(json.dumps(produce(arguments)) + "\n")


if __name__ == "__main__":
    main()
