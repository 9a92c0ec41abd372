"""From the server of this computer to an official one on Postgres, and what is there then."""

import json
from pathlib import Path

import pytest

from tests.acceptance.test_export import memories
from tests.acceptance.test_migrate import LOCAL, check_kills
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.official_server import OfficialServer, exactly
from tests.support.postgres import Postgres
from tests.support.shapes import entries, texts

pytestmark = [pytest.mark.official, needs.LIBRARY, pytest.mark.timeout(3600)]
_LONG = 1800.0  # seconds


@pytest.mark.slow
@pytest.mark.parametrize("total", [1_000, 10_000])
def test_what_came_over_under_kills_is_verified(
    tmp_path: Path, database: Postgres, total: int
) -> None:
    """Each is there once after ten kills; of what is deleted there, `verify` names every one.

    No project has more than the thousand that an official server lists: of a larger one, what is
    missing and has no text here any more cannot be told from what no search finds.
    """
    folder = tmp_path / "server"
    with (
        OfficialServer(folder, database=database.connection, table=f"t_{total}") as server,
        ForkedHome(tmp_path / "home") as home,
    ):
        home.env |= LOCAL
        check_kills(home, server, total, 10, projects=20)
        assert home.run("verify", timeout=_LONG).returncode == 0
        kept = server.kept()
        gone = kept[total // 20 :: total // 10]
        assert len(gone) == 10
        for name, *_ in gone:
            server.delete(name)
        found = json.loads(home.run("verify", "--json", timeout=_LONG).stdout)
        assert (found["asked"], found["there"]) == (total, total - 10)
        assert {each["id"] for each in found["missing"]} == {key for *_, key in gone}


def test_what_is_exported_can_be_added_elsewhere(tmp_path: Path, database: Postgres) -> None:
    out = tmp_path / "memories.jsonl"
    queue = entries(2_010, projects=10)  # of each no round number, at which a listing may be cut
    with (
        OfficialServer(tmp_path / "a", database=database.connection, table="first") as first,
        OfficialServer(tmp_path / "b", database=database.connection, table="second") as second,
        ForkedHome(tmp_path / "home", first.url) as home,
        ForkedHome(tmp_path / "elsewhere", second.url) as elsewhere,
    ):
        home.write_queue(queue)
        home.drained(_LONG)
        home.ok("export", "--out", str(out), timeout=_LONG)
        elsewhere.ok("add", "--jsonl", str(out), timeout=_LONG)
        elsewhere.drained(_LONG)
        assert second.texts() == exactly(texts(queue))
        assert {(project, key) for _, project, _, key in second.kept()} == {
            (each["project_id"], each["id"]) for each in queue
        }
        again = tmp_path / "again.jsonl"
        elsewhere.ok("export", "--out", str(again), timeout=_LONG)
    assert memories(again) == memories(out)
    assert len(memories(out)) == len(queue)
