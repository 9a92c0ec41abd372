"""A take: what programs did to the files of a home, and what they promised meanwhile."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Final

import httpx

from mem0tray.localserver.endpoint import find
from mem0tray.system.paths import Paths
from tests.proofs.crash_states.disk import Disk, Left
from tests.proofs.crash_states.trace import Answered, Event, Recording, Sent, strace
from tests.proofs.planted import bugs
from tests.proofs.syscalls.strace import evenly
from tests.support.home import PRODUCER, Home
from tests.support.machine import tool
from tests.support.standin import Standin

# Locks and what SQLite rebuilds are remade; nobody depends on the log.
_IGNORED: Final = re.compile(r"\.lock$|-shm$|^\.claude/logs|^(cache|runtime|state)\b")
_STRIDE: Final = 7919  # a prime: which of what may be left, where only one is tried
SETTING: Final = "alerts.command"
KEEPER: Final = "kept"  # the project of what the embedded server is given


class Word(Enum):
    """What is told of a text from a moment on: which of the promises it joins, or leaves."""

    OFFERED = "offered", True
    ACCEPTED = "accepted", True
    DELETING = "discardable", True
    DELETED = "deleted", True
    RESTORING = "deleted", False
    RESTORED = "discardable", False
    SETTING = "settings", True
    UNSET = "settings", False
    KEPT = "kept", True


@dataclass(frozen=True, slots=True)
class Told:
    """A promise about a text."""

    word: Word
    text: str

    def __str__(self) -> str:
        return f"{self.word.name} {self.text!r}"


@dataclass(frozen=True)
class Promises:
    """What holds of texts at a moment."""

    accepted: frozenset[str] = frozenset()  # must never be lost
    offered: frozenset[str] = frozenset()  # may be anywhere: nobody has acknowledged them
    discardable: frozenset[str] = frozenset()  # may be gone from the files, if restorable
    deleted: frozenset[str] = frozenset()  # must not be sent any more
    settings: frozenset[str] = frozenset()  # values of which the setting has one
    kept: frozenset[str] = frozenset()  # must be in the embedded server
    stored: frozenset[tuple[str, str]] = frozenset()  # what the server has, as (project, text)

    def after(self, told: Told) -> "Promises":
        name, joins = told.word.value
        before, one = getattr(self, name), {told.text}
        return replace(self, **{name: before | one if joins else before - one})


@dataclass(frozen=True, slots=True)
class Moment:
    """A power cut: after which event, what is left of the files, and what was promised."""

    number: int
    event: str
    left: Left
    promises: Promises


@dataclass
class Take:
    """Runs programs in `home` under strace. `bug` names one to be planted in `begin`."""

    home: Home
    server: Standin
    bug: str = ""
    _events: list[Event | Told] = field(default_factory=list)
    _recording: Recording | None = None
    _accounts: int = 0
    _owners: dict[str, str] = field(default_factory=dict)  # the project of each text stored

    def begin(self) -> None:
        self._recording = Recording(self.home.root, _IGNORED)
        if self.bug:
            bugs.plant_in(self.home, self.bug)

    def tell(self, word: Word, *texts: str) -> None:
        self._events += (Told(word, text) for text in texts)

    def run(self, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> None:
        """Run a command of the program, which must end with `code`."""
        self._trace([*self.home._command, *arguments], code, {**self.home.env, **(env or {})})

    def producer(self, *arguments: str) -> None:
        command = [sys.executable, str(PRODUCER), "--claude", str(self.home.claude), *arguments]
        self._trace(command, 0, self.home.env)

    def script(self, source: str) -> None:
        self._trace([sys.executable, "-c", source], 0, self.home.env)

    def kill_worker_when(self, predicate: Callable[[], object]) -> None:
        account = self._new_account()
        process = self.home.start("run", wrapper=strace(account))
        self.home.wait(predicate, 30, "the moment to kill the worker")
        os.kill(self.home.read(self.home.metrics)["pid"], signal.SIGKILL)
        process.wait()
        self._add(account)

    def keep(self, text: str) -> None:
        account = self._new_account()
        folder = Paths(self.home.claude, self.home.data / "mem0tray").local_server
        process = self.home.start("serve", "--port", "0", wrapper=strace(account))
        self.home.wait(lambda: find(folder), what="the embedded server")
        found = find(folder)
        assert found is not None
        answer = httpx.post(
            f"{found.url}/memory",
            json={"user_id": KEEPER, "content": text},
            headers={"Authorization": f"Bearer {found.token}"},
            trust_env=False,
        )
        assert answer.json()["success"] is True
        os.kill(found.pid, signal.SIGKILL)
        process.wait()
        self._add(account)

    def _trace(self, command: list[str], code: int, env: dict[str, str]) -> None:
        account = self._new_account()
        process = self.home._spawn([*strace(account), *command], env)
        assert process.wait(120) == code, process.err
        self._add(account)

    def _new_account(self) -> Path:
        tool("strace")
        self._accounts += 1
        return self.home.root.with_name(f"{self.home.root.name}-account-{self._accounts}")

    def _add(self, account: Path) -> None:
        assert self._recording is not None, "begin() comes first"
        before = len(self._recording.events)
        self._recording.add(account)
        self._events += self._recording.events[before:]
        account.unlink()
        self._owners = {text: project for project, text in self.server.stored}

    # What there is to check ------------------------------------------------------------

    def moments(self, at_most: int = 0) -> Iterator[Moment]:
        """Give each distinct state that a power cut may leave, with what must hold in it.

        `at_most`: only so many, spread over the events and over what is lost.
        """
        assert self._recording is not None, "begin() comes first"
        disk = Disk(self._recording.names, self._recording.contents)
        replay = _Replay(disk, self._owners)
        chosen = set(evenly(range(1, len(self._events) + 1), at_most or None))
        seen: set[int] = set()
        following = [*self._events[1:], None]
        for number, (event, later) in enumerate(zip(self._events, following, strict=True), 1):
            replay.take(event)
            if number not in chosen or isinstance(later, Told):
                continue  # what is told in one breath holds at once
            lefts = list(disk.left())
            if at_most:
                lefts = [lefts[number * _STRIDE % len(lefts)]]
            for left in lefts:
                for held in replay.held():
                    mark = hash((tuple(left.tree.items()), held))
                    if mark not in seen:
                        seen.add(mark)
                        yield Moment(number, str(event), left, held)


@dataclass
class _Replay:
    """Does events again, up to a moment. `owners`: the project of each text that is stored."""

    disk: Disk
    owners: Mapping[str, str]
    promises: Promises = field(default_factory=Promises)
    under_way: str | None = None

    def take(self, event: Event | Told) -> None:
        match event:
            case Told():
                self.promises = self.promises.after(event)
            case Sent(text):
                self.under_way = text if text in self.owners else None
            case Answered(text):
                self.under_way = None
                self.promises = self._with(text)
            case _:
                self.disk.do(event)

    def held(self) -> Iterator[Promises]:
        """What holds: a request under way has reached the server, or has not."""
        yield self.promises
        if self.under_way is not None:
            yield self._with(self.under_way)

    def _with(self, text: str) -> Promises:
        stored = self.promises.stored | {(self.owners[text], text)}
        return replace(self.promises, stored=stored)
