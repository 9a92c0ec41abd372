"""`mem0tray projects`."""

import pytest

from tests.cli.scratch import Scratch
from tests.server.paging import paging
from tests.server.wire import Wire, answering, render
from tests.support.shapes import dead, entry, queue_document
from tests.support.standin import Standin


def keep_waiting(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("a", "p"), entry("b", "Q")]))
    home.write("mem0_queue_dlq.json", {"items": [dead("c", "Q")], "last_update": "x"})


def counted(home: Scratch, *arguments: str) -> dict[str, tuple[int | None, ...]]:
    document = home.run("projects", "--json", *arguments).json()
    return {
        each["project_id"]: (each["on_server"], each["waiting"], each["dead"], each["delivered"])
        for each in document["projects"]
    }


def test_each_project_is_listed_with_its_counts(home: Scratch) -> None:
    keep_waiting(home)
    with Wire(paging({"q": ["one", "two"], "p": ["three"]})) as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        assert home.ok("projects").splitlines() == [
            "PROJECT  ON THE SERVER  WAITING  DEAD LETTERS  DELIVERED",
            "p                    1        1             0          0",
            "Q                    0        1             1          0",
            "q                    2        0             0          0",
        ]
        document = home.run("projects", "--json").json()
    assert document.pop("projects")[0] == {
        "project_id": "p", "on_server": 1, "waiting": 1, "dead": 0, "delivered": 0
    }  # fmt: skip
    assert document == {
        "destination": server.url.removeprefix("http://"),
        "answered": True,
        "reason": None,
        "complete": True,
    }


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, 0, "The server does not name all of its projects."),
        (404, 0, "The server does not name all of its projects."),
        (401, 1, "Shown is only what is known here."),
        (503, 1, "Shown is only what is known here."),
    ],
)
def test_without_the_server_what_is_known_here_is_listed(
    home: Scratch, status: int, code: int, said: str
) -> None:
    keep_waiting(home)
    home.env(MEM0TRAY_SERVER_DIALECT="vps")
    with Wire(answering(render(status, {}))) as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        done = home.run("projects")
        document = home.run("projects", "--json")
        assert counted(home) == {"p": (None, 1, 0, 0), "Q": (None, 1, 1, 0)}
    assert done.code == document.code == code
    assert done.out.splitlines()[1].split() == ["p", "–", "1", "0", "0"]
    assert done.line.endswith(said)
    assert (document.json()["answered"], document.json()["complete"]) == (code == 0, False)


def test_a_file_that_cannot_be_read_is_said(home: Scratch) -> None:
    keep_waiting(home)
    home.never_rests()
    home.queue.write_text('{"queue": [', "utf-8")
    with Wire(paging({"p": ["one"]})) as server:
        home.env(MEM0TRAY_SERVER_URL=server.url)
        done = home.run("projects")
        assert counted(home) == {"p": (1, 0, 0, 0), "Q": (0, 0, 1, 0)}
    assert done.code == 1
    assert "mem0_queue.json is broken" in done.line


def test_nothing_known_is_said(home: Scratch) -> None:
    home.configure('[server]\nurl = "local"\nlocal_port = 0\n')
    assert home.ok("projects") == "No project is known.\n"


def test_what_was_delivered_is_counted(home: Scratch, server: Standin) -> None:
    home.ok("add", "-p", "garden", "one")
    home.ok("add", "-p", "garden", "two")
    assert home.run("run", "--until-idle").code == 0
    home.ok("add", "-p", "garden", "three")
    assert server.total_stored() == 2
    assert counted(home) == {"garden": (None, 1, 0, 2)}
