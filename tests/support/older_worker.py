"""An older worker of another make, as the contract describes them: nothing here knows mem0tray.

It locks as the producers do, and rewrites files in place or by replacing them.
"""

import argparse
import fcntl
import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Item = dict[str, Any]
EMPTY = {"total_queued": 0, "total_synced": 0, "total_failed": 0, "last_sync": None}


class OlderWorker:
    """One worker. `says_pid`: its metrics bear its process id, as later makes' do."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.claude = Path(options.claude)
        self.url = urlsplit(options.url).netloc
        self.says_pid = options.pid
        self.keys = options.keys
        self.replaces = options.replace
        self.pause = options.pause
        self.healthy = False

    def cycle(self) -> None:
        self.metrics()
        self.healthy = self.up()
        self.metrics()
        if not self.healthy:
            return
        self.take_emergencies()
        for item in self.queue()["queue"]:
            self.deliver(item)
        self.retry_dlq()
        self.metrics()

    def up(self) -> bool:
        return self.ask("GET", "/health")[0] == 200

    def ask(
        self, method: str, path: str, body: str | None = None, key: str = ""
    ) -> tuple[int, bytes]:
        """Make one request; status and body of the answer, 0 without one."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        connection = http.client.HTTPConnection(str(self.url), timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def send(self, item: Item) -> bool:
        body = json.dumps({"user_id": item.get("project_id"), "content": item.get("content")})
        status, answer = self.ask("POST", "/memory", body, item["id"] if self.keys else "")
        return status == 200 and json.loads(answer).get("success") is True

    def deliver(self, item: Item) -> None:
        """Send an entry and take it out; after five failures it is a dead letter."""
        sent = self.send(item)
        time.sleep(self.pause)
        with self.locked():
            data = self.queue()
            mine = [each for each in data["queue"] if each.get("id") == item["id"]]
            data["queue"] = [each for each in data["queue"] if each.get("id") != item["id"]]
            if sent:
                data["stats"]["total_synced"] += 1
            elif mine and mine[0].get("retries", 0) + 1 >= 5:
                data["stats"]["total_failed"] += 1
                self.bury(mine[0])
            else:
                data["queue"] += [{**e, "retries": e.get("retries", 0) + 1} for e in mine]
            self.write(self.claude / "mem0_queue.json", data)

    def bury(self, item: Item) -> None:
        now = time.time()
        dead = {name: value for name, value in item.items() if name != "retries"}
        dlq = self.dlq()
        dlq["items"].append({**dead, "retry_count": 0, "last_attempt": now, "moved_to_dlq_at": now})
        self.write_dlq(dlq)

    def retry_dlq(self) -> None:
        """Send the dead letters that are due; those that arrive leave the file."""
        for item in self.dlq()["items"]:
            wait = min(30 * 2 ** item.get("retry_count", 0), 3600)
            if item.get("last_attempt", 0) + wait > time.time():
                continue
            sent = self.send(item)
            dlq = self.dlq()
            for each in list(dlq["items"]):
                if each.get("id") == item["id"]:
                    each["retry_count"] = each.get("retry_count", 0) + 1
                    each["last_attempt"] = time.time()
                    if sent:
                        dlq["items"].remove(each)
            self.write_dlq(dlq)

    def take_emergencies(self) -> None:
        path = self.claude / "mem0_emergency.json"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        with self.locked():
            data = self.queue()
            known = {item.get("id") for item in data["queue"]}
            items = [json.loads(line) for line in lines if line.strip()]
            data["queue"] += [item for item in items if item["id"] not in known]
            self.write(self.claude / "mem0_queue.json", data)
            path.unlink()

    # Files ------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.claude / "mem0_queue.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def queue(self) -> Item:
        empty = {"queue": [], "last_100": [], "failed": [], "stats": dict(EMPTY)}
        return self.read(self.claude / "mem0_queue.json", empty)

    def dlq(self) -> Item:
        return self.read(self.claude / "mem0_queue_dlq.json", {"items": []})

    def read(self, path: Path, otherwise: Item) -> Item:
        for _ in range(50):
            try:
                return dict(json.loads(path.read_text(encoding="utf-8")))
            except FileNotFoundError:
                break
            except ValueError:
                time.sleep(0.02)
        return otherwise

    def write_dlq(self, dlq: Item) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S")
        self.write(self.claude / "mem0_queue_dlq.json", {**dlq, "last_update": stamp})

    def write(self, path: Path, document: Item) -> None:
        target = path.with_suffix(".older") if self.replaces else path
        with target.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
        if self.replaces:
            target.replace(path)

    def metrics(self) -> None:
        queue, dlq = self.queue(), self.dlq()
        extra = {"pid": os.getpid()} if self.says_pid else {}
        self.write(
            self.claude / "mem0_metrics.json",
            {
                "last_update": time.strftime("%Y-%m-%dT%H:%M:%S"),
                "vps_status": "healthy" if self.healthy else "down",
                "queue_size": len(queue["queue"]),
                "dlq_size": len(dlq["items"]),
                "total_synced": queue["stats"]["total_synced"],
                "total_queued": queue["stats"]["total_queued"],
                **extra,
            },
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--claude", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between sent and out")
    parser.add_argument("--pid", action="store_true", help="the metrics bear its process id")
    parser.add_argument("--keys", action="store_true", help="it sends idempotency keys")
    parser.add_argument("--replace", action="store_true", help="it replaces the files it writes")
    options = parser.parse_args()
    worker = OlderWorker(options)
    while True:
        worker.cycle()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
