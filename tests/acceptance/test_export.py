"""`export`: all that a server has, and back into another one."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.server.paging import paging
from tests.server.wire import PATIENCE, Request, Wire
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.home import Home

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
