"""What an earlier version leaves when it is killed in mid-delivery is delivered once by today's.

Each version comes from this repository's history, and runs with the packages of today.
"""

import io
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from functools import partial

import pytest

from tests.support import oracle
from tests.support.home import REPOSITORY, Home
from tests.support.http1 import Answer
from tests.support.processes import LONGEST
from tests.support.shapes import Item, dead, entries, entry, texts
from tests.support.standin import Standin

pytestmark = [pytest.mark.slow, pytest.mark.row(1)]
# The version of the first tables, the one whose modules were merged, then one before or after each
# change of what the ledger holds, up to the last.
VERSIONS = ("0f8b9c16", "c567f92d", "2eafec58", "eb671864", "5b609a47", "b26c9f7a", "962d64d8")
MANY = 2_000  # memories, for the embedded server, which answers at once
Env = dict[str, str]


@pytest.fixture(scope="module", params=VERSIONS)
def former(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Env:
    """Take a version out of the history; what makes a command of a `Home` that version's."""
    folder = tmp_path_factory.mktemp(request.param)
    archive = ["git", "-C", str(REPOSITORY), "archive", request.param, "mem0tray"]
    done = subprocess.run(archive, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"the history lacks {request.param}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(folder, filter="data")
    return {"PYTHONPATH": str(folder)}


def is_of(version: Env, home: Home) -> bool:
    """Return whether the program started so is that version, and not the one installed here."""
    said = home.run("--version", env=version | {"PYTHONVERBOSE": "1"}).stderr
    return f"{version['PYTHONPATH']}/mem0tray/__init__.py" in said


def delete_one(home: Home, version: Env) -> Item:
    home.write_queue([found := entry("deleted by the user")])
    home.ok("delete", "--yes", found["id"], env=version)
    return found


def write(home: Home, fresh: list[Item], late: list[Item], letters: list[Item]) -> list[str]:
    home.write_queue([*home.queue_items(), *fresh])
    home.write_emergency(late)
    home.write_dlq(letters)
    return texts([*fresh, *late, *letters])


def has_fewer(server: Standin, number: int) -> bool:
    return not server.has_saves(number)


def kill_at(home: Home, there: Callable[[], bool], env: Env | None) -> None:
    worker = home.start("run", env=env)
    home.wait(there, LONGEST, "memories at the server")
    worker.kill()


@pytest.mark.parametrize("way", ["asked", "keys"])
def test_200_go_on_through_two_kills(home: Home, server: Standin, former: Env, way: str) -> None:
    server.can_be_asked, server.honours_keys = way == "asked", way == "keys"
    assert is_of(former, home)
    excused = texts([delete_one(home, former)])
    letters = [dead(f"dead letter {n}", f"project-{n % 5}") for n in range(40)]
    accepted = write(home, entries(140), entries(20, "emergency"), letters)
    for number, version in ((50, former), (120, None)):
        # From then on it takes what comes, and does not say so: that much is in flight at the kill.
        server.default = Answer(after=partial(has_fewer, server, number))
        kill_at(home, partial(server.has_saves, number), version)
        assert 0 < server.total_stored() < len(accepted)
    server.default = Answer()
    home.drained()
    assert server.total_stored() == len(accepted) == 200
    assert oracle.faults(home, server, [*accepted, *excused], discarded=excused) == []
    assert (home.queue_items(), home.dlq_items()) == ([], [])
    # What was in flight was asked about, or sent again.
    assert server.questions() if way == "asked" else len(server.saves) > len(accepted)


def test_the_embedded_server_goes_on_too(bare_home: Home, former: Env) -> None:
    home = bare_home
    home.env |= {"MEM0TRAY_SERVER_URL": "local", "MEM0TRAY_SERVER_LOCAL_PORT": "0"}
    deleted = delete_one(home, former)
    letters = [dead(f"dead letter {n}") for n in range(40)]
    accepted = write(home, entries(MANY, projects=1), entries(20, "emergency", 1), letters)
    for number, version in ((MANY // 8, former), (MANY // 2, None)):
        kill_at(home, partial(has_stored, home, number), version)
    assert len(stored(home)) < len(accepted)
    home.drained()
    assert sorted(stored(home)) == sorted(accepted)
    assert deleted["id"] in str(home.json("restore", "--list"))


def has_stored(home: Home, number: int) -> bool:
    return len(stored(home)) >= number


def stored(home: Home) -> list[str]:
    """Return the text of each memory that the embedded server holds."""
    path = home.data / "mem0tray" / "local-server" / "memories.sqlite3"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return [text for (text,) in db.execute("SELECT cast(memory AS TEXT) FROM memories")]
    except sqlite3.OperationalError:
        return []
