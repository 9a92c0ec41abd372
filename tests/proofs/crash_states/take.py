"""A take: what programs did to the files of a home, and what they promised meanwhile."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from tests.proofs.crash_states import planted
from tests.proofs.crash_states.disk import Disk, Left
from tests.proofs.crash_states.trace import Answered, Event, Recording, Sent, strace
from tests.support.home import COMMAND, PRODUCER, REPOSITORY, Home
from tests.support.machine import tool
from tests.support.standin import Standin

# Locks and what SQLite rebuilds are remade; nobody depends on the log.
_IGNORED: Final = re.compile(r"\.lock$|-shm$|^\.claude/logs|^(cache|runtime|state)\b")
_PROGRAM: Final = "tests.proofs.crash_states.program"


class Word(Enum):
    """What is promised of a text from a moment on."""

    OFFERED = "may be anywhere: nobody has acknowledged it"
    ACCEPTED = "must never be lost"
    DELETING = "may be gone from the files, and must be restorable then"
    DELETED = "must not be sent any more"
    RESTORING = "may be back"
    RESTORED = "must be back"
    SETTING = "may be the value of the setting"
    SET = "must be the value of the setting"


@dataclass(frozen=True, slots=True)
class Told:
    """A promise about a text."""

    word: Word
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} {self.word.value}"


@dataclass(frozen=True)
class Promises:
    """What holds at a moment. `stored`: what the server has, as (project, text)."""

    accepted: frozenset[str] = frozenset()
    offered: frozenset[str] = frozenset()
    discardable: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()
    stored: frozenset[tuple[str, str]] = frozenset()

    def after(self, told: Told) -> "Promises":
        """What holds when this has been told."""
        one = frozenset([told.text])
        result = self
        match told.word:
            case Word.OFFERED:
                result = replace(self, offered=self.offered | one)
            case Word.ACCEPTED:
                result = replace(self, accepted=self.accepted | one)
            case Word.DELETING:
                result = replace(self, discardable=self.discardable | one)
            case Word.DELETED:
                result = replace(self, deleted=self.deleted | one)
            case Word.RESTORING:
                result = replace(self, deleted=self.deleted - one)
            case Word.RESTORED:
                result = replace(self, discardable=self.discardable - one)
            case Word.SETTING:
                result = replace(self, settings=self.settings | one)
            case Word.SET:
                result = replace(self, settings=one)
        return result


@dataclass(frozen=True, slots=True)
class Moment:
    """A power cut: after which event, what is left of the files, and what was promised."""

    number: int
    event: str
    left: Left
    promises: Promises


@dataclass
class Take:
    """Runs programs in `home` under strace. `bug` names a planted one."""

    home: Home
    server: Standin
    bug: str = ""
    _events: list[Event | Told] = field(default_factory=list)
    _recording: Recording | None = None
    _accounts: int = 0

    def begin(self) -> None:
        """What is there now is on the disk for good."""
        self._recording = Recording(self.home.root, _IGNORED)

    def tell(self, word: Word, *texts: str) -> None:
        """From here on this holds."""
        self._events += (Told(word, text) for text in texts)

    def run(self, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> None:
        """Run a command of the program, which must end with `code`."""
        extra = {planted.VARIABLE: self.bug} if self.bug else {}
        program = [sys.executable, "-m", _PROGRAM] if self.bug else list(COMMAND)
        self._trace([*program, *arguments], code, {**self.home.env, **extra, **(env or {})})

    def producer(self, *arguments: str) -> None:
        """Run a foreign producer, which syncs nothing."""
        command = [sys.executable, str(PRODUCER), "--claude", str(self.home.claude), *arguments]
        self._trace(command, 0, self.home.env)

    def script(self, source: str) -> None:
        """Run a script of the user's."""
        self._trace([sys.executable, "-c", source], 0, self.home.env)

    def _trace(self, command: list[str], code: int, env: dict[str, str]) -> None:
        assert self._recording is not None, "begin() comes first"
        account = self.home.root.with_name(f"{self.home.root.name}-account-{self._accounts}")
        self._accounts += 1
        tool("strace")
        done = subprocess.run(
            [*strace(account), *command],
            env=env,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done
        before = len(self._recording.events)
        self._recording.add(account)
        self._events += self._recording.events[before:]
        account.unlink()

    # What there is to check ------------------------------------------------------------

    @property
    def operations(self) -> int:
        """How many operations on files were recorded."""
        return sum(not isinstance(event, Told | Sent | Answered) for event in self._events)

    def moments(self) -> Iterator[Moment]:
        """Give each distinct state that a power cut may leave, with what must hold in it."""
        assert self._recording is not None, "begin() comes first"
        disk = Disk(self._recording.names, self._recording.contents)
        owners = {text: project for project, text in self.server.stored}
        promises = Promises()
        under_way: str | None = None
        seen: set[int] = set()
        for number, event in enumerate(self._events, 1):
            match event:
                case Told():
                    promises = promises.after(event)
                case Sent(text):
                    under_way = text if text in owners else None
                case Answered(text):
                    under_way = None
                    stored = promises.stored | {(owners[text], text)}
                    promises = replace(promises, stored=stored)
                case _:
                    disk.do(event)
            if any(isinstance(each, Told) for each in self._events[number : number + 1]):
                continue  # what is told in one breath holds at once
            for left in disk.left():
                for held in _both(promises, under_way, owners):
                    mark = hash((tuple(left.tree.items()), held))
                    if mark not in seen:
                        seen.add(mark)
                        yield Moment(number, str(event), left, held)


def _both(promises: Promises, under_way: str | None, owners: dict[str, str]) -> Iterator[Promises]:
    """A request under way has reached the server, or has not."""
    yield promises
    if under_way is not None:
        yield replace(promises, stored=promises.stored | {(owners[under_way], under_way)})
