"""The tray application's start and end, and what survives when a part of the desktop is missing."""

import json
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from mem0tray.desktop.tray.icon import IconLook
from tests.desktop.programs import Programs
from tests.support.desktop import Desktop
from tests.support.home import one_line
from tests.support.http1 import Answer
from tests.support.processes import Process, wait_until
from tests.support.shapes import entry, waiting
from tests.support.sni import TrayItem
from tests.support.standin import NAMED
from tests.support.tray import HEALTHY, Tray, wait_look, wait_tooltip
from tests.support.variants import variants

NEEDS_ACTION: Final = IconLook("action-needed")


def said(process: Process) -> list[str]:
    return [line for line in process.err.splitlines() if line.startswith("mem0tray:")]


def delivers(tray: Tray, text: str) -> None:
    tray.home.ok("add", "--project", "alpha", text)
    tray.server.wait_for(lambda: tray.server.count(text), what=f"{text} delivered")


@pytest.mark.parametrize("mode", variants(["ok", "hang"]))
@pytest.mark.parametrize("name", variants(["SIGTERM", "SIGINT", "SIGHUP"]))
def test_a_signal_ends_it(tray: Tray, name: str, mode: str) -> None:
    tray.desktop.notifications("hang" if mode == "hang" else "ok")
    process, _ = tray.shown()
    process.signal(getattr(signal, name))
    assert process.wait() == 0
    assert process.err == ""
    assert not tray.home.json("status")["worker"]["running"]


def test_its_process_tells_a_session_what_to_know(tray: Tray) -> None:
    with tempfile.TemporaryDirectory() as folder:  # the name of a socket is short
        tray.home.env["XDG_DATA_HOME"] = folder
        process, _ = tray.shown()
        [path] = Path(folder).rglob("sessions.socket")
        with socket.socket(socket.AF_UNIX) as there:
            there.connect(str(path))
        process.stop()
        with socket.socket(socket.AF_UNIX) as there, pytest.raises(ConnectionRefusedError):
            there.connect(str(path))


def test_a_second_start_opens_the_window(tray: Tray, programs: Programs) -> None:
    first, _ = tray.shown()
    second = tray.start()
    assert second.wait() == 1
    assert "already" in one_line(second.err)
    tray.home.wait(lambda: programs.calls("xdg-open"), what="the window opened")
    assert first.alive
    assert len(tray.host.items) == 1


def test_a_second_start_beside_a_worker_in_the_terminal(tray: Tray, programs: Programs) -> None:
    first = tray.home.worker()
    second = tray.start()
    assert second.wait() == 1
    (line,) = said(second)
    assert f"already running for this folder (process {first.pid})." in line
    assert line.endswith(
        "It has no tray icon; your browser shows how it is. For an icon, stop it and start again."
    )
    tray.home.wait(lambda: programs.calls("xdg-open"), what="the window opened")
    assert first.alive


def test_a_session_bus_that_comes_back_has_the_icon_again(tray: Tray) -> None:
    process, _ = tray.shown()
    tray.desktop.end_bus()
    tray.desktop.begin_bus()
    wait_look(tray.renew_host().wait_item(30), HEALTHY)
    delivers(tray, "with a session again")
    assert process.stop() == 0
    assert process.err == ""


@pytest.mark.parametrize("part", ["bus", "display"])
def test_it_ends_with_its_session_and_the_next_delivers_what_waits(tray: Tray, part: str) -> None:
    process, _ = tray.shown()
    (tray.desktop.end_bus if part == "bus" else tray.desktop.end_display)()
    assert process.wait() == 0
    assert process.err == "mem0tray: The desktop session has ended, and mem0tray with it.\n"
    tray.home.ok("add", "--project", "alpha", "between two sessions")
    with Desktop(tray.home.root / "next") as desktop:
        later = Tray(desktop, tray.home, tray.server)
        later.start("--at-login")
        wait_look(later.host.wait_item(), HEALTHY)
        tray.server.wait_for(lambda: tray.server.count("between two sessions"), what="delivered")


@pytest.mark.parametrize("options", [["--at-login"], []])
def test_the_newest_session_has_the_icon(
    tray: Tray, programs: Programs, options: list[str]
) -> None:
    first, _ = tray.shown()
    with Desktop(tray.home.root / "other") as desktop:
        other = Tray(desktop, tray.home, tray.server)
        second = other.start(*options)
        wait_look(other.host.wait_item(), HEALTHY)
        assert first.wait() == 0
        delivers(tray, "in the newest session")
        assert second.stop() == 0
    assert second.err == ""
    assert not programs.calls("xdg-open")


def test_a_second_start_over_ssh_leaves_the_icon_where_it_is(
    tray: Tray, programs: Programs
) -> None:
    first, _ = tray.shown()
    second = tray.start(env={"SSH_CONNECTION": "there here", "DISPLAY": "localhost:10.0"})
    assert second.wait() == 1
    tray.home.wait(lambda: programs.calls("xdg-open"), what="the window opened")
    assert first.alive


def test_a_start_at_login_opens_no_window(tray: Tray, programs: Programs) -> None:
    first, _ = tray.shown()
    second = tray.start("--at-login")
    assert second.wait() == 1
    assert "already running for this folder" in one_line(second.err)
    delivers(tray, "all the same")  # by then an order would have been seen
    assert first.alive
    assert not programs.calls("xdg-open")


def test_the_session_bus_hangs(tray: Tray) -> None:
    process, _ = tray.shown()
    tray.desktop.freeze_bus()
    tray.home.write_dlq([waiting("letter")])
    delivers(tray, "with a bus that hangs")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert "Traceback" not in process.err


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("DISPLAY", "", "There is no desktop here (no DISPLAY)."),
        (
            "DBUS_SESSION_BUS_ADDRESS",
            "unix:path=/nothing/there",
            "The session's D-Bus cannot be reached: No such file or directory.",
        ),
    ],
)
def test_without_display_or_session_bus_the_worker_runs_in_the_terminal(
    tray: Tray, variable: str, value: str, why: str
) -> None:
    process = tray.start(env={variable: value})
    wait_until(lambda: "runs in this terminal" in process.err, what="a line")
    delivers(tray, "without it")
    assert process.stop() == 0
    (line,) = said(process)
    assert why in line


def test_a_panel_that_comes_later_goes_and_comes_back_has_the_icon(tray: Tray) -> None:
    process = tray.start(env={"DISPLAY": ":4711"})  # no display is needed
    tray.desktop.wait_on_bus(process)
    delivers(tray, "without a panel")
    wait_look(tray.host.wait_item(), HEALTHY)
    tray.host.close()
    delivers(tray, "without a panel again")
    wait_look(tray.renew_host().wait_item(), HEALTHY)


@pytest.mark.parametrize("wrong", ["[sync]\ntimeout = 'soon'\n", "nonsense"])
def test_with_wrong_settings_it_serves_the_folder_that_is_meant(tray: Tray, wrong: str) -> None:
    home, meant = tray.home, tray.home.root / "meant"
    meant.mkdir()
    folder = f"[paths]\nclaude_dir = {json.dumps(str(meant))}\n"
    home.configure(folder)
    if wrong == "nonsense":  # then it is the folder that was served last
        home.ok("run", "--once")
        (meant / "mem0_metrics.json").unlink()
    home.write_queue([entry("of others")])
    home.configure(folder + wrong)
    process, _ = tray.shown(NEEDS_ACTION)
    assert home.read(meant / "mem0_metrics.json")["state"] == "action needed"
    assert process.stop() == 0
    assert [path.name for path in home.claude.iterdir()] == ["mem0_queue.json"]


def test_a_login_starts_it(tray: Tray) -> None:
    tray.home.ok("autostart", "enable", "--desktop")
    host = tray.host
    no_entries_of_the_system = {"XDG_CONFIG_DIRS": "/nonexistent"}
    tray.desktop.login({**tray.home.env, **tray.env, **no_entries_of_the_system})
    item = host.wait_item(30)
    wait_look(item, HEALTHY)
    item.wait_for(lambda: item.menu().find("Start at login").checked, what="ticked")


def test_a_folder_that_takes_no_entry_is_logged(tray: Tray) -> None:
    folder = tray.home.data / "applications"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()
    tray.shown()
    (line,) = [
        each for each in tray.home.run("logs").stdout.splitlines() if "desktop entry" in each
    ]
    assert str(folder) in line


def test_the_demo_shows_its_tray(desktop: Desktop) -> None:
    tray = desktop.tray()
    command = [sys.executable, "-m", "mem0tray", "demo", "--fast", "--tray", "--json"]
    demo = desktop.start(command, name="demo")
    icon = tray.wait_item()
    wait_tooltip(icon, "healthy", "127.0.0.1")
    assert demo.wait(45) == 0, demo.err
    assert json.loads(demo.out)["ended_as_told"] is True
    icon.wait_gone()


DOWN = IconLook("down")
MEGABYTE = 1 << 20
MOST = {"memory": 4 * MEGABYTE, "descriptors": 2, "threads": 2}  # more than after warming up


def needs(process: Process) -> dict[str, int]:
    folder = Path(f"/proc/{process.pid}")
    counts = {"descriptors": "fd", "threads": "task"}
    found = {name: len(list((folder / each).iterdir())) for name, each in counts.items()}
    return found | {"memory": process.memory()}


def trouble(tray: Tray, item: TrayItem, rounds: int) -> None:
    """Let the server go down and come back so often, and a dead letter come and go each time."""
    for _ in range(rounds):
        tray.server.health = Answer(503)
        wait_look(item, DOWN)
        tray.server.health = NAMED
        wait_look(item, HEALTHY)
        tray.server.script(Answer(500), content="refused", forever=True)
        tray.home.write_emergency([entry("refused", retries=4)])
        tray.home.wait_dlq(["refused"])
        tray.server.clear_scripts()
        tray.home.ok("retry", "--all")
        tray.home.wait_dlq([])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tray_does_not_grow(tray: Tray) -> None:
    tray.desktop.notifications()
    process, item = tray.shown()
    trouble(tray, item, 20)
    before = needs(process)
    trouble(tray, item, 60)
    grown = {name: number - before[name] for name, number in needs(process).items()}
    assert {name: number for name, number in grown.items() if number > MOST[name]} == {}
    process.stop()
