"""Clients at once, their servers killed in the middle of it: what was answered is kept, once."""

import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.agents.tool_client import over_stdio
from tests.support import needs
from tests.support.home import Home
from tests.support.standin import Standin

# Python's own, which hides it from all but threads that start processes at the same moment.
pytestmark = pytest.mark.filterwarnings("ignore:'get_child_watcher' is deprecated")


class Saver:
    """A client that saves one memory after the other, and starts a server anew when it is gone.

    So many servers are killed, each at a random moment of its share of the saves.
    """

    def __init__(self, home: Home, name: str, count: int, kills: int) -> None:
        self._home = home
        self._rest = [f"{name} memory {number}" for number in range(count)]
        self._share = count // (kills + 1)
        self._kills = kills
        self._pid_file = home.root.with_name(f"{name}.pid")
        self._random = random.Random(name)  # noqa: S311  (the same moments in each run)
        self.answered: list[str] = []

    def run(self) -> None:
        """Save all of them, each once, whether or not it was answered."""
        for _ in range(self._kills):
            self._use_a_server(fatal=self._rest[self._random.randrange(self._share)])
        self._use_a_server(fatal="")

    def _use_a_server(self, fatal: str) -> None:
        """Save until the server is gone, which is killed about when it is given `fatal`."""
        with over_stdio(self._home, pid_file=self._pid_file) as session:
            kill = None
            while self._rest:
                text = self._rest.pop(0)
                asked = session.start("mem0_save", project_id="p", content=text)
                if text == fatal:
                    kill = self._kill_in(self._random.uniform(0, 0.02))
                try:
                    said = asked.result(30)
                except Exception:  # noqa: BLE001  (whatever the client makes of it)
                    return
                assert not said.failed, said
                self.answered.append(text)
            if kill is not None:  # so late that all are answered: the machine is busy
                kill.join()

    def _kill_in(self, seconds: float) -> threading.Timer:
        pid = int(self._pid_file.read_text())
        kill = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
        kill.start()
        return kill


@needs.SIGNALS
@pytest.mark.row(58)
@pytest.mark.parametrize(
    ("clients", "count", "kills"),
    [
        (2, 40, 1),
        (4, 200, 0),
        pytest.param(4, 1000, 9, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_what_was_answered_is_delivered_once(
    home: Home, server: Standin, clients: int, count: int, kills: int
) -> None:
    home.worker()
    savers = [Saver(home, f"client-{n}", count // clients, kills) for n in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(saver.run) for saver in savers]:
            done.result(600)
    answered = [text for saver in savers for text in saver.answered]
    assert len(answered) >= count - clients * kills  # a kill costs the answer it comes before
    server.wait_for(lambda: not server.missing(answered), 60, "all that was answered")
    assert server.surplus() == {}
