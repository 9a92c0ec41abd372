"""The connection to the session bus, over a real bus: what is called, heard, and what survives."""

import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final
from unittest import mock

import pytest
from dbus_fast import Message
from dbus_fast.service import ServiceInterface

from mem0tray.desktop.bus import DBUS, UNANSWERED, BusError, Match, SessionBus, method
from tests.support import needs
from tests.support.bus import Bus
from tests.support.processes import PATIENCE, Process, wait_until
from tests.support.session import bus_command

pytestmark = needs.program("dbus-daemon")
NAME: Final = "org.example.Other"
PATH: Final = "/org/example"
OURS: Final = "org.example.Ours"


class Daemon:
    """A bus that can end, and come back at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"unix:path={folder}/bus"
        self.start()

    def start(self) -> None:
        made = Process(bus_command(self._folder), env={}, output=self._folder / "output")
        wait_until(lambda: "\n" in made.out, what="a bus", explain=lambda: made.err)
        self.process = made

    def end(self) -> None:
        """Kill it; a bus that is killed leaves its socket behind."""
        self.process.kill()
        (self._folder / "bus").unlink(missing_ok=True)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="mem0tray-bus-") as folder:
        made = Daemon(Path(folder))
        yield made
        made.end()


@pytest.fixture
def other(daemon: Daemon) -> Iterator[Bus]:
    with Bus(daemon.address) as made:
        made.own(NAME)
        yield made


@pytest.fixture
def bus(daemon: Daemon) -> Iterator[SessionBus]:
    with SessionBus(daemon.address) as made:
        yield made


class Greeter(ServiceInterface):
    """An interface of ours."""

    def __init__(self) -> None:
        super().__init__(OURS)

    @method("s", gives="s")
    def Greet(self, name: str) -> str:  # noqa: N802  (D-Bus names so)
        return f"Hello {name}"


def call(member: str, signature: str = "", *body: Any) -> Message:
    return Message(NAME, PATH, NAME, member, signature=signature, body=list(body))


def greeted(other: Bus, name: str = "you") -> list[Any]:
    return other.call("org.example.Mine", PATH, OURS, "Greet", "s", [name])


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"])
def test_a_text_that_the_bus_cannot_carry_is_refused_here(bus: SessionBus, text: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogates"):
        bus.call(call("Echo", "s", text))
    bus.connect()


def test_signals_that_are_meant_are_heard(bus: SessionBus, other: Bus) -> None:
    heard: SimpleQueue[list[Any]] = SimpleQueue()
    bus.subscribe(Match(NAME, "Rang", path=PATH, first="door"), heard.put)
    bus.connect()
    later: SimpleQueue[list[Any]] = SimpleQueue()
    bus.subscribe(Match(NAME, "Done", sender=NAME), later.put)
    bus.call(Message(DBUS, "/", DBUS, "GetId"))  # by then the bus knows of both
    for first in ("phone", "door"):
        other.emit(PATH, NAME, "Rang", "si", [first, 2])
    other.emit("/elsewhere", NAME, "Rang", "si", ["door", 3])
    other.emit(PATH, NAME, "Done")
    assert later.get(timeout=PATIENCE) == []
    assert heard.get(timeout=PATIENCE) == ["door", 2]
    assert heard.empty()


def test_a_listener_that_fails_silences_nobody(
    bus: SessionBus, other: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    heard: SimpleQueue[list[Any]] = SimpleQueue()
    bus.subscribe(Match(NAME, "Rang"), mock.Mock(side_effect=LookupError("on purpose")))
    bus.subscribe(Match(NAME, "Rang"), heard.put)
    bus.connect()
    other.emit(PATH, NAME, "Rang")
    assert heard.get(timeout=PATIENCE) == []
    assert "on purpose" in caplog.text


def test_a_bus_that_reads_slowly_gets_everything_in_order(
    bus: SessionBus, daemon: Daemon, other: Bus
) -> None:
    came: SimpleQueue[int] = SimpleQueue()
    other.handle(lambda message: came.put(message.body[0]) if message.member == "Large" else None)
    other.listen(f"type='signal',interface='{OURS}'")
    lost: list[str] = []
    bus.on_lost(lambda: lost.append("lost"))
    bus.connect()
    daemon.process.signal(signal.SIGSTOP)
    for number in range(20):
        body = [number, bytes(100_000)]
        bus.send(Message.new_signal(PATH, OURS, "Large", "uay", body))
    passed = threading.Event()
    bus.later(0, passed.set)
    assert passed.wait(PATIENCE)
    daemon.process.signal(signal.SIGCONT)
    assert [came.get(timeout=PATIENCE) for _ in range(20)] == list(range(20))
    assert not lost


def test_everything_is_there_again_when_the_bus_is_back(bus: SessionBus, daemon: Daemon) -> None:
    said: SimpleQueue[str] = SimpleQueue()
    heard: SimpleQueue[list[Any]] = SimpleQueue()
    bus.on_connected(lambda: said.put("connected"))
    bus.on_lost(lambda: said.put("lost"))
    bus.subscribe(Match(NAME, "Rang"), heard.put)
    bus.export(PATH, Greeter())
    bus.request_name("org.example.Mine")
    bus.connect()
    assert said.get(timeout=PATIENCE) == "connected"
    daemon.end()
    assert said.get(timeout=PATIENCE) == "lost"
    with pytest.raises(BusError):
        bus.call(call("Echo"))
    daemon.start()
    assert said.get(timeout=PATIENCE) == "connected"
    with Bus(daemon.address) as other:
        assert greeted(other, "again") == ["Hello again"]
        other.emit(PATH, NAME, "Rang")
        assert heard.get(timeout=PATIENCE) == []


def test_closing_leaves_nothing_behind(daemon: Daemon, other: Bus) -> None:
    bus = SessionBus(daemon.address)
    bus.export(PATH, Greeter())
    bus.request_name("org.example.Mine")
    bus.connect()
    assert greeted(other)
    bus.close()
    bus.close()
    assert not bus._thread.is_alive()
    with pytest.raises(BusError):
        greeted(other)
    with pytest.raises(BusError, match="has ended"):
        bus.connect()
    bus.send(Message(NAME, PATH, OURS, "Rang", flags=UNANSWERED))
