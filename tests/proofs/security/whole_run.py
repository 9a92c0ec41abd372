"""One run of the whole program with marked values: every command, and all that it leaves."""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin

KEY: Final = "kEy-7f3a9c51d2e84b60"
PASSWORD: Final = "pAsS-91c4e2a7b35d"  # noqa: S105  (a mark to look for)
# What a memory says, and what the server repeats of it in its own words.
CONTENT: Final = "tExT-5b8d0e6f2a the tide came in at noon"
MARKS: Final = (KEY, PASSWORD, CONTENT[:16])
LOOSE_UMASK: Final = ("sh", "-c", 'umask 000; exec "$@"', "sh")
DAY: Final = 86_400.0


@dataclass
class WholeRun:
    """What was said, by command; what `ps` could show, by process; the home as it was left."""

    home: Home
    said: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    def command(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> str:
        """Run a command and keep what it said, whatever it exits with."""
        done = self.home.run(*words, stdin=stdin, env=env)
        self.said[" ".join(words)] = done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done
        return done.stdout

    def look_at(self, worker: Process) -> None:
        """Keep command line and environment of a worker and of all that it started."""
        for pid in (worker.pid, *_below(worker.pid)):
            for name in ("cmdline", "environ"):
                text = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
                self.shown[f"{pid} {name}"] = text

    def modes(self) -> dict[str, int]:
        """Map all that is below the home to its mode."""
        return {
            str(path.relative_to(self.home.root)): stat.S_IMODE(path.lstat().st_mode)
            for path in sorted(self.home.root.rglob("*"))
        }


def _below(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _below(int(child))


def run(home: Home, server: Standin) -> WholeRun:
    """Deliver, fail, delete, restore, report and forget, with a key; then locally."""
    whole = WholeRun(home)
    (home.root / "runtime").rmdir()
    home.claude.rmdir()
    _with_a_key(whole, server)
    _locally(whole)
    return whole


def _with_a_key(whole: WholeRun, server: Standin) -> None:
    home, command = whole.home, whole.command
    server.api_key = KEY
    refusal = {"detail": f"{KEY} may not save {CONTENT}"}
    server.script(Answer(422, refusal), content=f"{CONTENT} refused", forever=True)
    command("config", "set", "server.url", server.url)
    command("config", "set", "server.api_key", stdin=f"{KEY}\n")
    command("config", "set", "alerts.command", f"sh -c 'cat >> {home.root}/alert.txt'")
    home.claude.mkdir(mode=0o755)
    old = dead(f"{CONTENT} old", ago=3 * DAY)
    home.write_queue([entry(f"{CONTENT} {what}") for what in ("good", "refused")])
    home.write_dlq([old, waiting(f"{CONTENT} waits"), waiting(f"{CONTENT} goes")])
    command("add", "--project", "alpha", stdin=f"{CONTENT} added")
    worker = home.worker()
    home.wait(lambda: (home.root / "alert.txt").exists() or len(home.dlq_items()) >= 3, 20)
    home.wait(lambda: f"{CONTENT} refused" in home.dlq_texts(), 20, "a dead letter")
    whole.look_at(worker)
    goes = home.dead_letter(f"{CONTENT} goes")["id"]
    refused = home.dead_letter(f"{CONTENT} refused")["id"]
    for words in (
        ["status"], ["status", "--json"], ["list"], ["stats"], ["diagnose"], ["diagnose", refused],
        ["doctor"], ["config", "show"], ["config", "get", "server.api_key"], ["retry", "--all"],
        ["delete", goes, "--yes"], ["restore", "--list"], ["restore"], ["pause", "5"],
        ["report", "--out", str(home.root / "page.html")], ["resume"],
        ["delete", refused, "--yes", "--forget"], ["autostart", "status"], ["nonsense"],
    ):  # fmt: skip
        command(*words)
    home.claude.joinpath("mem0_queue_dlq.json").write_text('{"items": [{"content": "' + CONTENT)
    home.wait(lambda: home.log_lines("broken"), 20, "the broken file told")
    worker.stop()
    whole.said["worker"] = worker.out + worker.err
    password = {"MEM0TRAY_SERVER_URL": server.url.replace("//", f"//user:{PASSWORD}@")}
    for words in (["status"], ["doctor"], ["diagnose"], ["run", "--once"], ["config", "show"]):
        done = home.run(*words, env=password)
        whole.said[f"{words} with a password"] = done.stdout + done.stderr
    done = home.run("config", "set", "server.url", password["MEM0TRAY_SERVER_URL"])
    whole.said["config set with a password"] = done.stdout + done.stderr


def _locally(whole: WholeRun) -> None:
    home = whole.home
    whole.command("config", "set", "server.url", "local")
    worker = home.worker()
    home.wait(lambda: home.state()[0] == "healthy", 20, "the embedded server")
    found = json.loads((home.data / "mem0tray/local-server/server.json").read_text())
    whole.tokens.append(found["token"])
    whole.look_at(worker)
    for words in (["status"], ["doctor"], ["add", "--project", "beta", "short"]):
        whole.command(*words)
    worker.stop()
    whole.said["local worker"] = worker.out + worker.err
