"""What a server no longer has is named by `verify`, and sent again if that is asked."""

import itertools
import json
import random
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.kinds import OFFICIAL, SIMPLE, opened
from tests.acceptance.test_local_server import Endpoint, running
from tests.server.paging import paging
from tests.server.wire import PATIENCE, Request, Wire
from tests.support import needs
from tests.support.delivered import deliver
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.official import OfficialStandin, Store
from tests.support.shapes import Item, dead, entries, entry


def drop(place: Endpoint, project: str, texts: set[str]) -> None:
    """Delete texts of a project on the server, behind the program's back."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{place.port}",
        headers={"Authorization": f"Bearer {place.token}"},
        trust_env=False,
    ) as client:
        found = client.get(f"/memory/{project}", params={"limit": 1000}).json()
        for each in found["memories"]["results"]:
            if each["memory"] in texts:
                gone = client.delete(f"/memory/{project}/{each['id']}")
                assert gone.status_code == 200, gone


def test_ten_that_were_deleted_are_named_and_come_back_once(bare_home: Home) -> None:
    bare_home.env["MEM0TRAY_SERVER_URL"] = "local"
    queue = entries(60)
    bare_home.write_queue(queue)
    bare_home.drained()
    serving = bare_home.start("serve")
    place = running(bare_home)
    lost = random.sample(queue, 10)
    for each in lost:
        drop(place, each["project_id"], {each["content"]})
    serving.stop()
    said = bare_home.json("verify", "--requeue")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (60, 50, 0)
    assert sorted(each["id"] for each in said["missing"]) == sorted(each["id"] for each in lost)
    assert all(each["queued_as"] for each in said["missing"])
    bare_home.drained()
    said = bare_home.json("verify")
    assert (said["asked"], said["there"]) == (60, 60)
    for project in {each["project_id"] for each in queue}:
        found = bare_home.json("recall", "-p", project, "-n", "1000")["memories"]
        wanted = sorted(each["content"] for each in queue if each["project_id"] == project)
        assert sorted(each["memory"] for each in found) == wanted


@pytest.fixture(params=OFFICIAL)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Keep memories as Mem0's own library does, or in it."""
    with opened(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture
def server(store: Store) -> Iterator[OfficialStandin]:
    with OfficialStandin(store) as standin:
        yield standin


def drop_there(server: OfficialStandin, items: Sequence[Item]) -> None:
    """Delete these on the server, behind the program's back."""
    for project, some in itertools.groupby(items, lambda each: each["project_id"]):
        wanted = {each["id"] for each in some}
        found = server.store.get_all(filters={"user_id": project}, top_k=10_000)
        for each in found["results"]:
            if each["metadata"]["mem0tray_id"] in wanted:
                server.store.delete(each["id"])


def keep(home: Home, items: Sequence[Item]) -> None:
    """Let a copy of the user's own hold these, as dead letters."""
    letters = [dead(each["content"], each["project_id"], id=each["id"]) for each in items]
    home.dump(home.dlq_backup, {"items": letters})


def written(home: Home) -> bytes:
    return home.emergency.read_bytes() if home.emergency.exists() else b""


def named(said: Item) -> list[str]:
    return sorted(each["id"] for each in said["missing"])


def test_ten_that_an_official_server_deleted_are_named_and_come_back_once(
    home: Home, server: OfficialStandin
) -> None:
    queue = entries(40)
    home.write_queue(queue)
    home.drained()
    lost = queue[3:23:2]
    drop_there(server, lost)
    home.queue.unlink()
    home.queue.with_name("mem0_queue_backup.json").unlink(missing_ok=True)
    keep(home, lost[:7])
    done = home.run("verify")
    assert done.returncode == 1
    assert "queues 7 again" in done.stderr
    said = home.json("verify", "--requeue")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (40, 30, 0)
    assert named(said) == sorted(each["id"] for each in lost)
    home.drained()
    assert sorted(server.kept()) == sorted(
        each["content"] for each in queue if each not in lost[7:]
    )
    assert named(home.json("verify")) == sorted(each["id"] for each in lost[7:])


def test_beyond_what_it_lists_it_is_asked_by_our_key(home: Home, server: OfficialStandin) -> None:
    queue = [entry(f"memory number {n}") for n in range(30)]
    home.write_queue(queue)
    home.drained()
    (ledger,) = home.ledgers()
    others = [entry(f"another {n}") for n in range(980)]
    deliver(ledger, server.url, others)
    for each in reversed(others[:975]):  # the first fill what it lists
        say = [{"role": "user", "content": each["content"]}]
        ours = {"mem0tray_id": each["id"]}
        server.store.add(say, user_id="alpha", infer=False, metadata=ours)
    drop_there(server, queue[:2])
    keep(home, [*queue[:1], *others[-5:-2]])
    home.queue.unlink()
    home.queue.with_name("mem0_queue_backup.json").unlink(missing_ok=True)
    said = home.json("verify")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (1010, 1003, 3)
    assert named(said) == sorted(each["id"] for each in [queue[0], *others[-5:-2]])


@pytest.mark.parametrize("store", [SIMPLE], indirect=True)  # the library would ask a model
def test_where_it_infers_what_is_not_found_cannot_be_told(
    home: Home, server: OfficialStandin
) -> None:
    home.env["MEM0TRAY_SERVER_INFER"] = "true"
    home.write_queue([entry("a fact."), entry("hm")])
    home.drained()
    assert server.total_stored() == 2
    said = home.json("verify", "--requeue")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (2, 1, 1)
    assert home.queue_items() == []


@pytest.mark.row(1)
def test_kills_while_it_is_queued_again_bring_each_back_once(
    home: Home, server: OfficialStandin
) -> None:
    queue = entries(150)
    home.write_queue(queue)
    home.drained()
    drop_there(server, sorted(queue[:130], key=lambda each: str(each["project_id"])))
    keep(home, queue)
    asked = len(server.requests)
    command = home.start("verify", "--requeue")
    server.wait_for(lambda: len(server.requests) > asked, 20)
    command.kill()
    holder = home.lock_holder()  # each hundred waits a second for the lock then, and does without
    command = home.start("verify", "--requeue")
    home.wait(lambda: written(home).endswith(b"\n"), 20, "a hundred are queued")
    command.kill()
    holder.kill()
    assert home.queue_items() == []
    home.ok("verify", "--requeue")
    assert len(home.queue_items()) == 30
    home.drained()
    assert sorted(server.kept()) == sorted(each["content"] for each in queue)
    said = home.json("verify")
    assert (said["asked"], said["there"], said["waiting_again"]) == (150, 150, 0)


_LOCAL = {"MEM0TRAY_SERVER_URL": "local", "MEM0TRAY_SERVER_LOCAL_PORT": "0"}
_TEXTS = ["one", "half \ud83d", "nul \0 and \u2028", "x" * 900_000]


def memories(path: Path) -> list[dict[str, Any]]:
    """Read the memories of an export, without their times: a server has its own."""
    found = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    return sorted(
        ({name: each[name] for name in ("id", "project_id", "content")} for each in found),
        key=lambda each: str(each["id"]),
    )


def test_what_comes_out_of_one_server_goes_into_another(bare_home: Home, tmp_path: Path) -> None:
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    written = [
        {"project_id": project, "content": text, "id": f"{project}-{number}"}
        for project in ("garden", "my project/é")
        for number, text in enumerate([*_TEXTS, *map(str, range(30))])
    ]
    source = tmp_path / "source.jsonl"
    source.write_text("".join(f"{json.dumps(each)}\n" for each in written))
    bare_home.ok("add", "--jsonl", str(source), env=_LOCAL)
    bare_home.drained(env=_LOCAL)
    bare_home.ok("export", "--out", str(first), env=_LOCAL)
    with ForkedHome(tmp_path / "other") as other:
        other.ok("add", "--jsonl", str(first), env=_LOCAL)
        other.drained(env=_LOCAL)
        other.ok("export", "--out", str(again), env=_LOCAL)
        counted = other.json("projects", env=_LOCAL)["projects"]
    assert memories(first) == memories(again)
    assert [each["content"] for each in memories(first)] == [
        each["content"] for each in sorted(written, key=lambda each: each["id"])
    ]
    assert [(each["on_server"], each["delivered"]) for each in counted] == [(34, 34)] * 2


@needs.posix("signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_signal_leaves_the_former_file(bare_home: Home, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out" / "memories.jsonl"
    out.parent.mkdir()
    out.write_text("precious\n")
    texts = [str(text) for text in range(5000)]
    over = threading.Event()

    def late(request: Request) -> bytes | None:
        if "before=2000" in request.target:
            over.wait(PATIENCE)
        return None

    with Wire(paging({"p": texts}, instead=late)) as server:
        env = {"MEM0TRAY_SERVER_URL": server.url, "MEM0TRAY_SERVER_DIALECT": "vps"}
        process = bare_home.start("export", "--out", str(out), env=env)
        server.wait_for_requests(5)  # the projects, three pages, and one that does not come
        process.signal(getattr(signal, name))
        code = process.wait()
        over.set()
    if name == "SIGINT":
        assert code == 130
        assert f"Interrupted: {out} is as it was." in process.err
    assert out.read_text() == "precious\n"
    assert (list(out.parent.iterdir()) == [out]) == (name != "SIGKILL")
    assert bare_home.run("export", "--out", str(out), env=_LOCAL).returncode == 1  # it is empty
    assert list(out.parent.iterdir()) == [out]
