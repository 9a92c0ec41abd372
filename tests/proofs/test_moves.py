"""Random histories of saving, deleting, restoring, forgetting, moving and losing, on two servers.

Whatever the order: what is wanted is at the end on the server that was chosen last, and nothing is
sent while it is deleted or forgotten.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.support.forked import ForkedHome
from tests.support.official import OfficialStandin, SimpleStore

P: Final = "alpha"
TEXTS: Final = [f"memory number {n}" for n in range(4)]


class Moves:
    """One history: a home, two official servers, and what its user wants of each text."""

    def __init__(self, home: ForkedHome, servers: list[OfficialStandin], seed: int) -> None:
        self._home = home
        self._servers = servers
        self._random = Random(seed)  # noqa: S311  (it is no secret)
        self._wanted: set[str] = set()
        self._unwanted: dict[str, int] = {}  # with how often it had been sent by then
        self._deleted: list[str] = []  # by the last deletion
        self._at = 0
        self.told: list[str] = []
        self._choose(0)

    @property
    def _server(self) -> OfficialStandin:
        return self._servers[self._at]

    def _choose(self, at: int) -> None:
        self._at = at
        self._home.env |= {
            "MEM0TRAY_SERVER_URL": self._server.url,
            "MEM0TRAY_SERVER_DIALECT": "oss",
        }

    def take(self, acts: int) -> None:
        """Take so many steps, then bring all over to the server chosen last, and look."""
        steps: list[Callable[[], str]] = [
            self._add, self._add, self._delete, self._forget, self._restore, self._deliver,
            self._deliver, self._move, self._lose,
        ]  # fmt: skip
        for _ in range(acts):
            self.told.append(self._random.choice(steps)())
            self._look()
        self._move()
        self._deliver()
        self._look()
        missing = self._wanted - {*self._server.kept()}
        assert not missing, f"not on the server chosen last: {missing}; {self.told}"

    def _look(self) -> None:
        for text, sent in self._unwanted.items():
            assert self._sent(text) == sent, f"sent, though nobody wants it: {text}; {self.told}"

    def _sent(self, text: str) -> int:
        return sum(save.content == text for server in self._servers for save in server.saves)

    def _add(self) -> str:
        text = self._random.choice([each for each in TEXTS if each not in self._wanted] or [""])
        if text:
            self._home.ok("add", "--project", P, text)
            self._want(text)
        return f"add {text}"

    def _want(self, text: str) -> None:
        self._wanted.add(text)
        self._unwanted.pop(text, None)

    def _unwant(self, text: str) -> None:
        self._wanted.discard(text)
        self._unwanted[text] = self._sent(text)

    def _found(self, text: str) -> str:
        """Return the id of a memory that waits here, or that the server has; else nothing."""
        waits = [*self._home.json("list", "--queue"), *self._home.json("list")]
        there = self._home.json("recall", "-p", P)["memories"]
        its = [each["id"] for each in waits if each["content"] == text]
        its += [each["id"] for each in there if each["memory"] == text]
        return next(iter(its), "")

    def _delete(self) -> str:
        text = self._random.choice(sorted(self._wanted) or [""])
        deleted = []
        while text and (found := self._found(text)):
            self._home.ok("delete", "--yes", found)
            deleted.append(text)
        if deleted:
            self._deleted = deleted[-1:]
            self._unwant(text)
        return f"delete {text}"

    def _forget(self) -> str:
        """Forget a memory that was delivered: the server keeps it, and no other gets it."""
        text = self._random.choice(sorted(self._wanted) or [""])
        lines = self._home.queue_items() if text else []
        if not text or any(each["content"] == text for each in lines):
            return "forget nothing"
        recent = json.loads(self._home.queue.read_text()).get("last_100", [])
        ids = {str(each["id"]) for each in recent if each["content"] == text}
        for each in ids:
            self._home.run("delete", "--yes", "--forget", each)
        if ids:
            self._deleted = []
            self._unwant(text)
        return f"forget {text}"

    def _restore(self) -> str:
        if self._deleted and self._home.run("restore").returncode == 0:
            for text in self._deleted:
                self._want(text)
        return f"restore {self._deleted}"

    def _deliver(self) -> str:
        self._home.drained()
        return "deliver"

    def _move(self) -> str:
        former = self._server
        self._deliver()
        self._choose(1 - self._at)
        done = self._home.run("migrate", "--from", former.url)
        assert "Traceback" not in done.stderr
        return "move"

    def _lose(self) -> str:
        """The server loses its data; what is missing is queued again."""
        self._deliver()
        self._server.store = SimpleStore()
        with self._server.held() as stored:
            stored.clear()
        self._home.run("verify", "--requeue")
        return "lose"


@contextlib.contextmanager
def moves(folder: Path, seed: int) -> Iterator[Moves]:
    with (
        OfficialStandin(SimpleStore()) as one,
        OfficialStandin(SimpleStore()) as other,
        ForkedHome(folder / str(seed), one.url) as home,
    ):
        yield Moves(home, [one, other], seed)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_wanted_is_there_whatever_came_before_a_move(tmp_path: Path, seed: int) -> None:
    with moves(tmp_path, seed) as history:
        history.take(8)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_wanted_is_there_after_many_histories(tmp_path: Path) -> None:
    for seed in range(100, 160):
        with moves(tmp_path, seed) as history:
            history.take(14)
