"""`doctor`: how it says what it found."""

import re
import threading

import pytest

from mem0tray.cli.doctor import Check, Examined
from mem0tray.cli.doctor import command as program
from mem0tray.desktop import older_workers
from tests.cli.doctoring import checks
from tests.cli.scratch import Scratch
from tests.support.standin import Standin


@pytest.fixture
def ill(home: Scratch, server: Standin) -> Scratch:
    server.api_key = "right"
    home.patch.setattr(older_workers, "find", lambda _: [])  # of other tests
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
def test_a_check_that_hangs_is_not_waited_for(
    home: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hang(_: Examined) -> list[Check]:
        over.wait()
        return []

    monkeypatch.setattr(program, "_PARTS", {"the disk": hang, **program._PARTS})
    monkeypatch.setattr(program, "_LIMIT", 0.1)
    monkeypatch.setattr(program, "_LEAST", 0.1)
    ((level, text),) = checks(home, "disk")[:1]
    over.set()
    assert level == "fail"
    assert "could not be checked within 0 s" in text
    assert checks(home, "server")


def test_wrong_settings_are_a_failed_check_among_others(home: Scratch) -> None:
    home.configure('[sync]\ntimeout = "soon"\n')
    done = home.run("doctor", "--json")
    first, *others = done.json()["checks"]
    assert (done.code, done.json()["ok"]) == (2, False)
    assert done.line.startswith("mem0tray: sync.timeout in ")
    assert (first["name"], first["level"]) == ("settings", "fail")
    assert first["message"].startswith("sync.timeout in ")
    assert "default" in first["remedy"]
    names = [each["name"] for each in others]
    assert "data folder" in names
    assert "settings" not in names
