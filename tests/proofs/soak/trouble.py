"""What goes wrong around the worker: server, network, lock and disk; and its sudden death."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final
from unittest import mock
from zlib import crc32

from tests.support import machine
from tests.support.home import Home
from tests.support.http1 import Answer, Request, page, retry_after
from tests.support.standin import Standin

REFUSED_FOR: Final = 20.0  # seconds
STRANGE: Final = [
    Answer(),
    Answer(500),
    Answer(422),
    Answer(reset=True),
    Answer(reset=True, stores=True),
    Answer(delay=3.0),
    Answer(delay=3.0, reset=True),
    page(),
]


class Trouble:
    """One trouble at a time, each for a moment, with a moment's peace between.

    `disk`: whether the data folder is on a disk that may be filled.
    """

    def __init__(self, home: Home, server: Standin, rng: random.Random, *, disk: bool) -> None:
        self.seen: Counter[str] = Counter()
        self.now = ""
        self._home, self._server, self._rng = home, server, rng
        self._refuse_some()
        self._running: AbstractContextManager[object] | None = None
        self._kinds: list[Callable[[], AbstractContextManager[object]]] = [
            self.gone, self.unwell, self.failing, self.crowded, self.strange, self.hanging,
            self.slow, self.locked, *([self.full] if disk else []),
        ]  # fmt: skip

    def step(self) -> float:
        if self._running is not None:
            self.end()
            return self._rng.uniform(0.3, 2.5)
        kind = self._rng.choice(self._kinds)
        self.now = kind.__name__
        self.seen[self.now] += 1
        self._running = kind()
        self._running.__enter__()
        return self._rng.uniform(0.5, 3.0)

    def finish(self) -> None:
        self.end()
        self._server.clear_scripts()

    def end(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running, self.now = None, ""

    @contextmanager
    def gone(self) -> Iterator[None]:
        self._server.close()
        yield
        self._server.open()

    def unwell(self) -> AbstractContextManager[object]:
        return mock.patch.multiple(self._server, health=Answer(503), default=Answer(503))

    def failing(self) -> AbstractContextManager[object]:
        return self._default(Answer(self._rng.choice([500, 400, 422])))

    def crowded(self) -> AbstractContextManager[object]:
        return self._default(retry_after(429, 1))

    def hanging(self) -> AbstractContextManager[object]:
        # Cut in the end: an answer that comes in time after all must not be a lie.
        return self._default(Answer(delay=30.0, reset=True, stores=self._rng.random() < 0.5))

    def _default(self, answer: Answer) -> AbstractContextManager[object]:
        return mock.patch.object(self._server, "default", answer)

    def slow(self) -> AbstractContextManager[object]:
        return mock.patch.object(self._server, "latency", 0.05)

    @contextmanager
    def strange(self) -> Iterator[None]:
        self._server.script(*self._rng.choices(STRANGE, k=200))
        yield
        self._server.clear_scripts()
        self._refuse_some()

    def _refuse_some(self) -> None:
        """Refuse one in fifty for a while, then others: there are always dead letters."""

        def refused(request: Request) -> bool:
            turn = int(time.monotonic() / REFUSED_FOR)
            return crc32(f"{turn} {request.content}".encode()) % 50 == 0

        self._server.script(Answer(422), when=refused, forever=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        holder = self._home.lock_holder()
        yield
        holder.kill()

    @contextmanager
    def full(self) -> Iterator[None]:
        filler = machine.fill(self._home.data)
        yield
        filler.unlink()


class Life:
    """Keeps a worker running; kills, stops and freezes it while `deadly` is set."""

    def __init__(self, home: Home, rng: random.Random, env: dict[str, str]) -> None:
        self.deadly = True
        self.ends: Counter[str] = Counter()
        self.faults: list[str] = []
        self._home, self._rng, self._env = home, rng, env
        self.worker = home.start("run", env=env)

    def step(self) -> float:
        self.tend()
        if self.deadly:
            end = self._rng.choice([self._kill, self._kill, self._stop, self._freeze])
            name = end.__name__.strip("_")
            self.ends[name] += 1
            end()
            self._begin()
        return self._rng.uniform(0.5, 6.0)

    def tend(self) -> None:
        if not self.worker.alive:
            self.ends["by itself"] += 1
            if "full" not in self.worker.err:
                self._blame("ended by itself")
            self._begin()

    def _begin(self) -> None:
        if not self.worker.alive:
            self.worker = self._home.start("run", env=self._env)

    def _kill(self) -> None:
        self.worker.kill()

    def _freeze(self) -> None:
        self.worker.signal(signal.SIGSTOP)
        time.sleep(self._rng.uniform(0.1, 1.0))
        self.worker.signal(signal.SIGCONT)

    def _stop(self) -> None:
        # Ended by the signal itself: it had hardly begun.
        in_order = self.worker.stop(60) in {0, -signal.SIGTERM}
        if not in_order and "full" not in self.worker.err:
            self._blame("stopped")

    def _blame(self, what: str) -> None:
        code, said = self.worker.popen.returncode, self.worker.err[-500:]
        self.faults.append(f"the worker {what} with {code}: {said}")
