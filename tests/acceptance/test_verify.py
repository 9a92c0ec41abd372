"""What the embedded server no longer has is named by `verify`, and sent again if that is asked."""

import random

import httpx
import pytest

from tests.acceptance.test_local_server import Endpoint, running
from tests.support.home import Home
from tests.support.shapes import entries, entry
from tests.support.standin import Standin


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


@pytest.mark.parametrize("runs", [True, False], ids=["worker", "no worker"])
def test_ten_that_were_deleted_are_named_and_come_back_once(bare_home: Home, *, runs: bool) -> None:
    bare_home.env["MEM0TRAY_SERVER_URL"] = "local"
    queue = entries(60)
    bare_home.write_queue(queue)
    if not runs:
        bare_home.drained()
    worker = bare_home.worker() if runs else bare_home.start("serve")
    place = running(bare_home)
    bare_home.wait(lambda: bare_home.queue_items() == [], 20, "delivered")
    lost = random.sample(queue, 10)
    for each in lost:
        drop(place, each["project_id"], {each["content"]})
    if not runs:
        worker.stop()
    said = bare_home.json("verify", "--requeue")
    assert (said["asked"], said["there"], said["cannot_tell"]) == (60, 50, 0)
    assert sorted(each["id"] for each in said["missing"]) == sorted(each["id"] for each in lost)
    assert all(each["queued_as"] for each in said["missing"])
    if not runs:
        bare_home.drained()
    bare_home.wait(lambda: bare_home.queue_items() == [], 20, "delivered again")
    said = bare_home.json("verify")
    assert (said["asked"], said["there"]) == (60, 60)
    for project in {each["project_id"] for each in queue}:
        found = bare_home.json("recall", "-p", project, "-n", "1000")["memories"]
        wanted = sorted(each["content"] for each in queue if each["project_id"] == project)
        assert sorted(each["memory"] for each in found) == wanted


def test_a_database_that_is_gone_is_all_missing(bare_home: Home) -> None:
    bare_home.env["MEM0TRAY_SERVER_URL"] = "local"
    bare_home.write_queue(entries(5))
    bare_home.drained()
    for path in bare_home.data_files("**/memories.sqlite3*"):
        path.unlink()
    said = bare_home.json("verify", "--requeue")
    assert (said["asked"], len(said["missing"])) == (5, 5)
    bare_home.drained()
    assert bare_home.json("verify")["there"] == 5


def test_a_deletion_stands_against_a_delivery_that_beat_it(home: Home, server: Standin) -> None:
    server.latency = 1.0
    home.write_queue([doomed := entry("doomed"), *entries(2)])
    worker = home.worker()
    server.wait_for(lambda: server.sends("doomed"), 10)
    home.run("delete", doomed["id"], "--yes")
    server.wait_for(lambda: server.total_stored() == 3, 20)
    home.wait(lambda: "doomed" not in str(home.queue_items()), 10, "published")
    worker.stop()
    server.begin_with([each for each in server.stored if each[1] != "doomed"])
    said = home.json("verify", "--requeue")
    assert (said["asked"], said["there"]) == (2, 2)
    home.drained()
    assert server.count("doomed") == 0
