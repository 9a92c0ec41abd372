"""`doctor`: each check, well and ill."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.actions import worker_report
from mem0tray.actions.server_test import Check
from mem0tray.cli.doctor import Examined
from mem0tray.cli.doctor import command as program
from mem0tray.config.server_choice import CHOOSE
from mem0tray.files.lock import COMMAND
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.system import other_process
from tests.actions.scene import holding
from tests.cli.scratch import Scratch, checks, found_at
from tests.support import needs
from tests.support.delivered import deliver
from tests.support.http1 import Answer
from tests.support.shapes import entry
from tests.support.standin import Standin


@contextmanager
def _worker(home: Scratch, **told: str) -> Iterator[None]:
    own = {"pid": os.getpid(), "host": socket.gethostname()}
    home.write("mem0_metrics.json", {**own, **told})
    with holding(home.paths):
        yield


@pytest.mark.usefixtures("server")
def test_all_is_well(home: Scratch) -> None:
    done = home.run("doctor")
    assert done.code == 0
    assert not any(line.startswith("fail") for line in done.out.splitlines())
    assert not home.claude.exists()
    assert not (home.root / "data").exists()


def test_the_server(home: Scratch, server: Standin) -> None:
    assert found_at(home, "ok", "server").startswith(
        f"{server.netloc} is healthy and speaks `vps`: "
    )
    server.health = Answer(503)
    assert "503" in found_at(home, "fail", "server")
    server.close()
    done = home.run("doctor")
    assert done.code == 1
    assert done.line == "mem0tray: What failed: server. Its line above says what to do."
    assert [checks(home, name)[0][0] for name in ("server", "server key")] == ["fail", "skip"]


def test_how_to_choose_a_server_is_said_once(home: Scratch) -> None:
    assert "this computer only" in checks(home, "server")[0][1]
    home.configure("")
    home.write("mem0_queue.json", {"queue": []})
    with _worker(home, state="action needed", reason=str(CHOOSE)):
        told = [checks(home, name)[0] for name in ("server", "deliveries")]
    assert [level for level, _ in told] == ["fail", "fail"]
    assert [text.count("server.url local") for _, text in told] == [1, 1]


def test_a_command_that_is_at_work_in_the_workers_place_is_named(home: Scratch) -> None:
    with holding(home.paths, COMMAND):
        text = found_at(home, "warn", "worker")
    assert f"a command, process {os.getpid()}, is at work in its place" in text
    assert "a command" not in checks(home, "worker")[0][1]


def test_a_wrong_key_fails_without_a_worker(home: Scratch, server: Standin) -> None:
    server.api_key = "right"
    home.configure('[server]\napi_key = "wrong-and-secret"\n')
    done = home.run("doctor")
    assert done.code == 1
    assert "wrong-and-secret" not in done.out + done.err
    text = found_at(home, "fail", "server key")
    assert f"{server.netloc} refuses the API key: 401" in text
    assert "`mem0tray config set server.api_key`" in text
    home.env(MEM0TRAY_SERVER_API_KEY="wrong")
    text = checks(home, "server key")[0][1]
    assert "MEM0TRAY_SERVER_API_KEY" in text
    assert "config set" not in text
    home.env(MEM0TRAY_SERVER_API_KEY="right")
    assert checks(home, "server key") == [("ok", f"{server.netloc} takes the API key. ")]
    assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("unheard_of", "words"),
    [(200, "answers those without a key as well"), (404, "does not say (404: ")],
    ids=["open to all", "cannot list"],
)
def test_a_key_that_nobody_looks_at_is_not_called_right(
    home: Scratch, server: Standin, unheard_of: int, words: str
) -> None:
    server.can_be_asked, server.not_asked_status = False, unheard_of
    home.env(MEM0TRAY_SERVER_API_KEY="any")
    text = found_at(home, "warn", "server key")
    assert text.startswith("The API key could not be checked: ")
    assert words in text


def test_plain_http_to_another_machine_is_named(home: Scratch) -> None:
    with Standin() as proxy:  # which carries what goes to another machine, and answers it itself
        home.env(http_proxy=proxy.url, MEM0TRAY_SERVER_URL="http://far.example")
        assert found_at(home, "warn", "server encryption").startswith(
            "Memories go to far.example over plain http"
        )
        home.env(MEM0TRAY_SERVER_API_KEY="sesame", MEM0TRAY_SERVER_ALLOW_PLAIN_KEY="true")
        assert checks(home, "server encryption")[0][1].startswith(
            "Memories and the API key go to far"
        )
        proxy.forget()
        home.env(MEM0TRAY_SERVER_ALLOW_PLAIN_KEY="false")
        assert "unencrypted" in found_at(home, "fail", "server")
        assert proxy.requests == []


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"pid": 4, "host": "far.example"}, "warn"),
        ({}, "warn"),
        ({"pid": os.getpid(), "host": socket.gethostname()}, "warn"),
        ({"pid": 2**22 + 1, "host": socket.gethostname()}, "ok"),
    ],
    ids=["other computer", "older make", "alive", "dead"],
)
def test_another_worker(home: Scratch, fields: dict[str, object], level: str) -> None:
    home.patch.setattr(other_process, "alike", lambda _: [])
    path = home.write("mem0_metrics.json", {"vps_status": "healthy", **fields})
    assert [found for found, _ in checks(home, "another worker")] == [level]
    os.utime(path, (1, 1))
    assert [found for found, _ in checks(home, "another worker")] == ["ok"]


@pytest.mark.usefixtures("server")
def test_our_own_last_run_is_no_other_worker(home: Scratch) -> None:
    home.patch.setattr(other_process, "alike", lambda _: [])
    with closing(Ledger(home.paths.ledger)) as ledger:
        ForeignClaims(ledger).begin("0d9f", None)
    named = {"pid": os.getpid(), "host": socket.gethostname(), "vps_status": "healthy"}
    for run, level in (("0d9f", "ok"), ("e1a0", "warn")):
        home.write("mem0_metrics.json", {**named, "run": run})
        assert [found for found, _ in checks(home, "another worker")] == [level]


@needs.PROCESSES
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("space", [None, "another"], ids=["another make", "another container"])
def test_a_process_that_is_no_worker_is_not_stopped(home: Scratch, space: str | None) -> None:
    home.patch.setattr(other_process, "alike", lambda _: [])
    innocent = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
    with subprocess.Popen(innocent, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        named = {"pid": process.pid, "host": socket.gethostname(), "space": space}
        home.write("mem0_metrics.json", {**named, "vps_status": "healthy"})
        done = home.run("doctor", "--no-notify", "--stop-other")
        assert done.code == 1
        assert "No process can be named for sure" in done.line
        assert f"kill {process.pid}" not in done.out
        assert process.poll() is None
        process.kill()


@needs.PROCESSES
@pytest.mark.usefixtures("server")
def test_a_process_that_looks_like_a_worker(home: Scratch, tmp_path: Path) -> None:
    process = tmp_path / "proc" / "4242"
    process.mkdir(parents=True)
    (process / "cmdline").write_bytes(b"/usr/bin/python3\0/opt/x/mem0_worker.py\0--fast\0")
    home.patch.setattr(other_process, "_PROC", tmp_path / "proc")
    text = found_at(home, "warn", "another worker")
    assert text.startswith("Process 4242 (mem0_worker.py) looks like another worker")
    assert "`kill 4242`" in text
    home.patch.setattr(worker_report, "running", lambda _: worker_report.Running(4242, 1.0))
    assert [level for level, _ in checks(home, "another worker")] == ["ok"]  # it is ours


@needs.DESKTOP
@pytest.mark.usefixtures("server")
def test_no_desktop_is_no_fault(home: Scratch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        home.patch.delenv(name, raising=False)
    for check, words in (("notifications", "no desktop"), ("tray", "`mem0tray run`")):
        ((level, text),) = checks(home, check)
        assert (level, words in text) == ("ok", True)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("state", "reason", "level"),
    [
        ("action needed", "the server refuses deliveries: 401", "fail"),
        ("down", "connection refused", "fail"),
        ("paused", "the server asked for a break", "warn"),
        ("healthy", "", "ok"),
    ],
)
def test_what_the_worker_says_of_deliveries(
    home: Scratch, state: str, reason: str, level: str
) -> None:
    with _worker(home, state=state, reason=reason):
        ((found, text),) = checks(home, "deliveries")
        assert home.run("doctor").code == (level == "fail")
    assert found == level
    assert state in text
    assert reason in text


BROKEN = "[server\n"


def test_a_server_that_cannot_be_read_is_not_judged(home: Scratch) -> None:
    deliver(home.paths.ledger, "https://mem0.example", [entry("x")])
    home.configure(BROKEN)
    assert checks(home, "former server") == []
    home.configure("")
    home.write("mem0_queue.json", {"queue": []})
    with _worker(home, state="action needed", reason="wrong", destination="mem0.example"):
        home.configure(BROKEN)
        text = found_at(home, "warn", "server")
    assert "The worker goes on with the former settings: mem0.example." in text
    assert "choose a server" not in text
    ((_, text),) = checks(home, "server")
    assert "which one is meant cannot be read" in text
    assert "worker" not in text


@pytest.fixture
def ill(home: Scratch, server: Standin) -> Scratch:
    server.api_key = "right"
    home.patch.setattr(other_process, "alike", lambda _: [])  # of other tests
    return home


def test_what_failed_stands_first_and_is_summed_up(ill: Scratch) -> None:
    lines = ill.run("doctor").out.splitlines()
    levels = [line.split()[0] for line in lines[:-1]]
    assert levels == sorted(levels, key=["fail", "warn", "ok", "skip"].index)
    assert lines[0].startswith("fail  server key ")
    assert " checks: 1 failed (server key), 1 to look at (worker)." in lines[-1]


def test_it_reads_well_on_a_narrow_terminal(ill: Scratch) -> None:
    ill.terminal(60)
    assert re.match(r"(\x1b\[(1|31|1;31)m)+fail", ill.run("doctor").out)
    ill.env(NO_COLOR="1")
    lines = ill.run("doctor").out.splitlines()
    long = [line.strip() for line in lines if len(line) > 60]  # paths and commands stay whole
    assert [line for line in long if not re.fullmatch(r"\S+|`[^`]+`\S*", line)] == []


@pytest.mark.usefixtures("server")
def test_a_check_that_hangs_or_fails_holds_up_no_other(home: Scratch) -> None:
    over = threading.Event()

    def hang(_: Examined) -> Iterator[Check]:
        over.wait()
        yield from ()

    home.patch.setattr(program, "_LIMIT", 0.1)
    fail = mock.Mock(side_effect=LookupError("on purpose"))
    home.patch.setattr(program, "_PARTS", program._PARTS | {"the disk": hang, "the tray": fail})
    level, text = checks(home, "disk")[-1]
    assert level == "fail"
    assert "could not be checked within 0 s" in text
    assert "whether the disk answers" in text
    assert checks(home, "tray") == [("warn", "LookupError('on purpose'). ")]
    home.patch.setattr(program, "_PARTS", program._PARTS | {"the tray": hang})
    assert "log out and in again" in found_at(home, "warn", "tray")
    assert checks(home, "server")
    over.set()


def test_wrong_settings_are_failed_checks_and_the_others_hold(
    home: Scratch, server: Standin
) -> None:
    home.configure('[sync]\ntimeout = "soon"\nmax_attempts = 0\n')
    done = home.run("doctor", "--json")
    first, second, *others = done.json()["checks"]
    assert (done.code, done.json()["ok"]) == (2, False)
    assert done.line.startswith("mem0tray: sync.timeout in ")
    assert (first["name"], first["level"]) == ("settings", "fail")
    assert first["message"].startswith("sync.timeout in ")
    assert "default" in second["remedy"]
    assert (second["name"], "sync.max_attempts" in second["message"]) == ("settings", True)
    holds = {each["name"]: each["message"] for each in others}
    assert holds["server"].startswith(f"{server.netloc} is healthy and speaks `vps`: ")
    assert "data folder" in holds
    assert "settings" not in holds


@pytest.mark.parametrize(("value", "expected"), [("false", []), ("true", ["ok"])])
@pytest.mark.usefixtures("server")
def test_the_folders_are_named_if_notes_are_wanted(
    home: Scratch, value: str, expected: list[str]
) -> None:
    home.env(MEM0TRAY_CLAUDE_AUTO_MEMORY=value)
    home.write("settings.json", {"autoMemoryDirectory": "~/mine"})
    for path in ("projects/-a/memory/a.md", "projects/-b/memory/b.md", "agent-memory/c/c.md"):
        (home.claude / path).parent.mkdir(parents=True)
        (home.claude / path).write_text(path)
    (home.root / "mine").mkdir()
    found = checks(home, "notes")
    assert [level for level, _ in found] == expected
    for _, said in found:
        projects, agents = home.claude / "projects", home.claude / "agent-memory"
        named = f"2 notes in {projects}, 1 note in {agents}, 0 notes in {home.root / 'mine'}."
        assert said.strip() == f"The worker takes in {named}"
