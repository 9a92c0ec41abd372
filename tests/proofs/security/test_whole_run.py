"""One run of everything under a loose umask: who may read what, and what shows where."""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import dead, entry, waiting
from tests.support.standin import Standin

KEY: Final = "kEy-7f3a9c51d2e84b60"
PASSWORD: Final = "pAsS-91c4e2a7b35d"  # noqa: S105  (a mark to look for)
# What a memory says, and what the server repeats of it in its own words.
CONTENT: Final = "tExT-5b8d0e6f2a the tide came in at noon"
LOOSE_UMASK: Final = ("sh", "-c", 'umask 000; exec "$@"', "sh")


@dataclass
class WholeRun:
    """What each command said; what `ps` could show, by process; the home as it was left."""

    home: Home
    said: list[tuple[str, str]] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def command(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> None:
        done = self.home.run(*words, stdin=stdin, env=env)
        self.said.append((" ".join(words), done.stdout + done.stderr))
        assert "Traceback" not in done.stderr, done

    def look_at(self, worker: Process) -> None:
        for pid in (worker.pid, *_below(worker.pid)):
            for name in ("cmdline", "environ"):
                text = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
                self.shown[f"{pid} {name}"] = text

    def stop(self, worker: Process) -> None:
        worker.stop()
        self.said.append(("worker", worker.out + worker.err))


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
    home.write_queue([entry(f"{CONTENT} {what}") for what in ("good", "refused")])
    old = dead(f"{CONTENT} old", ago=3 * 86_400.0)
    home.write_dlq([old, waiting(f"{CONTENT} waits"), waiting(f"{CONTENT} goes")])
    command("add", "--project", "alpha", stdin=f"{CONTENT} added")
    worker = home.worker()
    home.wait(lambda: (home.root / "alert.txt").exists() or len(home.dlq_items()) >= 3)
    home.wait(lambda: f"{CONTENT} refused" in home.dlq_texts(), what="a dead letter")
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
    home.wait(lambda: home.log_lines("broken"), what="the broken file told")
    whole.stop(worker)
    password = {"MEM0TRAY_SERVER_URL": server.url.replace("//", f"//user:{PASSWORD}@")}
    for words in (["status"], ["doctor"], ["diagnose"], ["run", "--once"], ["config", "show"]):
        command(*words, env=password)
    command("config", "set", "server.url", password["MEM0TRAY_SERVER_URL"])


def _locally(whole: WholeRun) -> None:
    home = whole.home
    whole.command("config", "set", "server.url", "local")
    worker = home.worker()
    home.wait(lambda: home.state()[0] == "healthy", what="the embedded server")
    found = json.loads((home.data / "mem0tray/local-server/server.json").read_text())
    whole.token = found["token"]
    whole.look_at(worker)
    for words in (["status"], ["doctor"], ["add", "--project", "beta", "short"]):
        whole.command(*words)
    whole.stop(worker)


# Made by the tests, as other programs make them; the backup is such a file's earlier self.
NOT_OURS = (
    ".claude",
    ".claude/mem0_queue.json",
    ".claude/mem0_queue_backup.json",
    ".claude/mem0_queue_dlq.json",
    "alert.txt",
)
# These show what they are asked for by name.
ASKED_FOR = ("config get server.api_key", "diagnose ", "list")
# Where texts belong: the shared files, and what can be restored from.
KEPT_IN = ("mem0_queue", "ledger.sqlite3", "memories.sqlite3", ".mem0_")


pytestmark = pytest.mark.slow  # every command is run once, beside a worker


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeRun]:
    root = tmp_path_factory.mktemp("whole") / "home"
    with Standin() as server, Home(root, wrapper=LOOSE_UMASK) as home:
        yield run(home, server)


@pytest.mark.row(43, 44)
def test_all_that_is_made_is_for_its_owner_alone(whole: WholeRun) -> None:
    root = whole.home.root
    modes = {
        path.relative_to(root).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in root.rglob("*")
    }
    assert len(modes) > 20
    loose = {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert {name: mode for name, mode in loose.items() if name not in NOT_OURS} == {}


@pytest.mark.row(44)
def test_no_command_says_a_secret(whole: WholeRun) -> None:
    assert len(whole.said) > 25
    secrets = (KEY, PASSWORD, whole.token)
    found = {name for name, said in whole.said if any(s in said for s in secrets)}
    assert found == {ASKED_FOR[0]}


def test_no_command_says_what_a_memory_says(whole: WholeRun) -> None:
    found = [name for name, said in whole.said if CONTENT[:16] in said]
    assert [name for name in found if not name.startswith(ASKED_FOR)] == []


@pytest.mark.row(44)
def test_ps_shows_neither_secret_nor_content(whole: WholeRun) -> None:
    assert len(whole.shown) >= 6
    wanted = (KEY, PASSWORD, CONTENT[:16], whole.token)
    assert [(n, m) for n, shown in whole.shown.items() for m in wanted if m in shown] == []


@pytest.mark.row(44)
def test_files_hold_only_what_they_are_for(whole: WholeRun) -> None:
    home = whole.home
    assert home.files_with(KEY) == [home.config]
    assert home.files_with(PASSWORD) == []
    kept = {p.name for p in home.files_with(CONTENT[:16]) if p.parent.name != "quarantine"}
    assert [name for name in kept if not name.startswith(KEPT_IN)] == []
    assert kept, "the marks were looked for in vain"
    assert home.files_with(whole.token) == []
