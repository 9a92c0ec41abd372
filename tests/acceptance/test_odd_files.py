"""Something else than a file in the place of each file, and files that never hold still."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import odd
from tests.support.home import Home, one_line
from tests.support.shapes import waiting
from tests.support.standin import Standin
from tests.support.variants import variants

PIPE = "named pipe"
Place = Callable[[Home], Path]
SHARED: dict[str, Place] = {
    "queue": lambda home: home.queue,
    "lock": lambda home: home.lock,
    "emergency file": lambda home: home.emergency,
    "DLQ": lambda home: home.dlq,
    "DLQ backup": lambda home: home.dlq_backup,
    "queue backup": lambda home: home.claude / "mem0_queue_backup.json",
    "metrics": lambda home: home.metrics,
    "log": lambda home: home.log,
    "log folder": lambda home: home.log.parent,
}
OURS: dict[str, Place] = {
    "pause": lambda home: home.ledgers()[0].parent / "requests" / "pause.json",
    "request": lambda home: home.ledgers()[0].parent / "requests" / "1-1.json",
    "settings": lambda home: home.config,
}
COMMANDS = (
    ("add", "--project", "alpha", "added"),
    ("status",),
    ("status", "--json"),
    ("doctor",),
    ("list",),
    ("list", "--queue"),
    ("stats",),
    ("diagnose",),
    ("retry", "--all"),
    ("delete", "later", "--yes"),
    ("restore", "--list"),
    ("report",),
)


@pytest.fixture
def used_home(home: Home, server: Standin) -> Home:
    home.write_dlq([{**waiting("letter"), "id": "later"}])
    home.drain()
    assert server.stored == []
    return home


@pytest.mark.row(49)
@pytest.mark.parametrize("name", variants([*SHARED, *OURS]))
def test_no_command_waits_at_a_pipe(used_home: Home, name: str) -> None:
    with odd.put(PIPE, {**SHARED, **OURS}[name](used_home)):
        for command in COMMANDS:
            done = used_home.run(*command)
            assert done.returncode in (0, 1, 2), command
            assert "Traceback" not in done.stderr, done.stderr
            assert not done.returncode or len(done.stderr.splitlines()) <= 1, done.stderr


_WATCHED = ("queue", "DLQ", "emergency file", "lock", "log", "metrics")
_TELLING = {("queue", "named pipe"), ("log", "named pipe"), ("queue", "folder")}


@pytest.mark.row(49)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=() if (name, kind) in _TELLING else pytest.mark.slow)
        for name in _WATCHED
        for kind in odd.KINDS
    ],
)
def test_a_worker_says_so_recovers_and_stops(
    used_home: Home, server: Standin, name: str, kind: str
) -> None:
    path = SHARED[name](used_home)
    worker = used_home.worker()
    with odd.put(kind, path):
        used_home.wait(lambda: f"{path} is a {kind}, not a file" in _said(used_home), what="said")
        assert worker.alive
    if name != "lock":
        used_home.wait(lambda: used_home.state()[0] == "healthy", what="well again")
    used_home.ok("add", "--project", "alpha", "taken in again")
    server.wait_for(lambda: server.count("taken in again") == 1)
    with odd.put(kind, path):
        used_home.wait(lambda: _said(used_home).count(f"is a {kind}") >= 2, what="said again")
        assert worker.stop() == 0


def _said(home: Home) -> str:
    state = home.state() if home.metrics.is_file() else ""
    return f"{home.printed()} {state}"


@pytest.mark.row(49)
def test_nothing_can_be_taken_in_needs_action(used_home: Home) -> None:
    with odd.put(PIPE, used_home.queue):
        worker = used_home.worker()
        used_home.wait(lambda: used_home.state()[0] == "action needed", what="said")
        assert f"`mv {used_home.queue} {used_home.queue}.away`" in used_home.state()[1]
        used_home.wait(lambda: len(used_home.log_lines("is a named pipe")) == 1, what="logged")
        assert worker.alive


@pytest.mark.row(49)
@pytest.mark.parametrize("kind", variants(odd.KINDS))
def test_add_goes_to_the_emergency_file(used_home: Home, server: Standin, kind: str) -> None:
    with odd.put(kind, used_home.queue):
        said = json.loads(used_home.ok("add", "--project", "alpha", "kept", "--json"))
        assert said["queued"] == "emergency"
    used_home.drain()
    assert server.count("kept") == 1


@pytest.mark.row(49)
@pytest.mark.parametrize("kind", variants(odd.KINDS))
def test_add_claims_nothing_where_it_can_keep_nothing(used_home: Home, kind: str) -> None:
    with odd.put(kind, used_home.queue), odd.put(kind, used_home.emergency):
        done = used_home.run("add", "--project", "alpha", "lost?")
        assert (done.returncode, done.stdout) == (1, "")
        assert "Nothing was queued: " in one_line(done.stderr)
        assert f"{used_home.emergency} is a {kind}, not a file" in done.stderr


@pytest.mark.row(49)
@pytest.mark.parametrize("name", ["instance.lock", "ledger.sqlite3"])
def test_what_is_ours_alone_is_named_at_the_start(used_home: Home, name: str) -> None:
    path = used_home.ledgers()[0].parent / name
    with odd.put(PIPE, path):
        done = used_home.run("run", "--until-idle")
        assert done.returncode == 1
        assert f"{path} is a named pipe, not a file" in done.stderr
        assert used_home.json("status")["worker"]["running"] is False


_WRITER = """
import itertools, sys, time
for n in itertools.count():
    time.sleep(0.005)
    with open(sys.argv[1], "w") as file:
        file.write('{"queue": [' + "." * (n % 7))
"""


@pytest.mark.row(52)
def test_a_run_does_not_wait_for_an_unstable_file_without_end(used_home: Home) -> None:
    used_home.background(_WRITER, str(used_home.queue))
    used_home.wait(used_home.queue.exists, what="begun")
    done = used_home.run("run", "--until-idle", timeout=60)
    assert done.returncode == 1
    assert "keeps changing" in done.stderr.splitlines()[-1]
