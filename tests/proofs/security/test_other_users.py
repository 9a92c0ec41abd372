"""Another user of this computer: against the embedded server, in shared folders, with links."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.home import Home
from tests.support.machine import tool
from tests.support.processes import Process
from tests.support.shapes import entries

NOBODY = "65534"
Local = tuple[Home, Process, dict[str, object]]  # what its server says of itself
SCRIPT = Path(__file__).with_name("other_user.py")
pytestmark = [pytest.mark.row(43), needs.root("only root can be another user too")]


def as_nobody(*command: str) -> list[str]:
    become = [tool("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [*become, *command]


def program(*words: str) -> list[str]:
    # The text of the script: a stranger cannot read our checkout.
    return as_nobody("/usr/bin/python3", "-I", "-c", SCRIPT.read_text(), *words)


def stranger(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        as_nobody(*command), capture_output=True, text=True, check=False, timeout=30, cwd="/"
    )


@pytest.fixture
def shared() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others
        made = Path(name)
        made.chmod(0o1777)
        yield made


@pytest.fixture
def local(bare_home: Home) -> Local:
    bare_home.env["MEM0TRAY_SERVER_URL"] = "local"
    usual = (tool("prlimit"), "--nofile=1024:8192")
    worker = bare_home.worker(wrapper=usual)
    bare_home.wait(lambda: bare_home.state()[0] == "healthy", what="the embedded server")
    found = json.loads((bare_home.data / "mem0tray/local-server/server.json").read_text())
    return bare_home, worker, found


def deliver(home: Home, label: str) -> None:
    wanted = home.read(home.metrics)["total_synced"] + 3
    home.write_emergency(entries(3, label))
    home.wait(lambda: home.read(home.metrics)["total_synced"] == wanted, what=f"{label}: delivered")


def test_a_stranger_can_read_none_of_our_files(local: Local) -> None:
    home, _, _ = local
    deliver(home, "private")
    for path in (*home.data_files(), home.queue, home.metrics, home.log):
        done = stranger("cat", str(path))
        assert (done.stdout, done.returncode) == ("", 1), path


def test_a_stranger_that_holds_connections_keeps_nobody_out(local: Local, tmp_path: Path) -> None:
    home, _, found = local
    command = program("idle", str(found["port"]), "2000")
    limit = [tool("prlimit"), "--nofile=4096:4096", *command]
    idler = Process(limit, env={}, output=tmp_path / "idler", stdin=subprocess.PIPE)
    try:
        home.wait(lambda: "held" in idler.out or not idler.alive, what="connections held")
        assert "held" in idler.out, idler.err
        deliver(home, "held up")
    finally:
        idler.kill()


def test_a_stranger_in_the_place_of_the_server_gets_nothing(local: Local, tmp_path: Path) -> None:
    home, worker, found = local
    deliver(home, "before")
    worker.signal(signal.SIGSTOP)  # it does not notice the server's death yet
    os.kill(int(str(found["pid"])), signal.SIGKILL)
    thief = Process(program("take", str(found["port"])), env={}, output=tmp_path / "thief")
    try:
        home.wait(lambda: "taken" in thief.out, what="the port taken")
        home.write_emergency(entries(3, "secret"))
        worker.signal(signal.SIGCONT)
        home.wait(lambda: home.read(home.metrics)["total_synced"] >= 6, what="delivered elsewhere")
        assert "secret number" not in thief.out
        assert str(found["token"]) not in thief.out
        assert "POST" not in thief.out
    finally:
        thief.kill()


@pytest.mark.row(44)
def test_a_link_that_a_stranger_made_is_not_followed(home: Home, shared: Path) -> None:
    victim = home.root / "precious"
    victim.write_text("mine")
    victim.chmod(0o644)
    page = shared / "status.html"
    assert stranger("ln", "-s", str(victim), str(page)).returncode == 0
    done = home.run("report", "--out", str(page))
    assert (done.returncode, victim.read_text()) == (1, "mine")
    assert "link that another user made" in done.stderr
    assert victim.stat().st_mode & 0o777 == 0o644


def test_a_data_folder_of_a_stranger_is_refused(home: Home, shared: Path) -> None:
    assert stranger("mkdir", "-m", "755", str(shared / "mem0tray")).returncode == 0
    home.write_queue(entries(1))
    as_any_user = (tool("setpriv"), "--bounding-set=-dac_override,-dac_read_search,-fowner")
    run = home.start("run", "--once", wrapper=as_any_user, env={"XDG_DATA_HOME": str(shared)})
    assert run.wait(30) == 1
    assert f"{shared / 'mem0tray'}: Operation not permitted" in run.err
    assert list((shared / "mem0tray").iterdir()) == []
