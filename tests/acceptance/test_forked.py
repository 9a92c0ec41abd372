"""A fork of the zygote behaves as the program that is started anew."""

from pathlib import Path

import pytest

from tests.support.forked import ANEW, CAN_FORK, Forked, ForkedHome
from tests.support.home import Home
from tests.support.standin import Standin

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="nothing is forked here")


@pytest.fixture
def forking(home: Home) -> ForkedHome:
    """Take the home as what it is."""
    assert isinstance(home, ForkedHome)
    return home


@pytest.mark.parametrize(
    ("arguments", "stdin", "env"),
    [
        (("list", "--json"), "", {}),
        (("add", "--project", "alpha", "-"), " \n", {}),
        (("delete", "none", "--yes"), "", {}),
        (("nonsense",), "", {}),
        (("config", "get", "server.url"), "", {"MEM0TRAY_SERVER_URL": "http://other.test"}),
        (("config", "path"), "", {"XDG_CONFIG_HOME": "/elsewhere"}),
        (("status",), "", {"HOME": "/nowhere/at/all"}),
    ],
)
def test_both_end_alike_and_say_the_same(
    forking: ForkedHome, arguments: tuple[str, ...], stdin: str, env: dict[str, str]
) -> None:
    forked = forking.run(*arguments, stdin=stdin, env=env)
    anew = Home.run(forking, *arguments, stdin=stdin, env=env)
    assert forked.args == ("mem0tray", *arguments)
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        anew.returncode, anew.stdout, anew.stderr,
    )  # fmt: skip


def test_a_fork_gets_its_input_and_stands_in_its_folder(forking: ForkedHome) -> None:
    long = "long " * 30_000
    forking.ok("add", "-", stdin=long)
    (queued,) = forking.queue_items()
    assert (queued["content"].strip(), queued["project_id"]) == (long.strip(), forking.root.name)


def test_a_fork_is_a_session_of_its_own_and_can_be_killed(
    forking: ForkedHome, server: Standin
) -> None:
    worker = forking.worker()
    assert isinstance(worker, Forked)
    fields = Path(f"/proc/{worker.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    assert [int(field) for field in fields[2:4]] == [worker.pid, worker.pid]
    worker.kill()
    assert (worker.alive, worker.wait()) == (False, -9)
    assert forking.worker().stop() == 0
    assert server.probes() >= 2


@pytest.mark.parametrize("name", ["LANG", "PYTHONUTF8", "LD_BIND_NOW"])
def test_what_an_interpreter_asks_once_starts_one(forking: ForkedHome, name: str) -> None:
    assert not isinstance(forking.start("--version", env={name: "C"}), Forked)
    assert not isinstance(forking.start("--version", wrapper=ANEW), Forked)
