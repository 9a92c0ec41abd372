"""Edits of the DLQ by hand while the app runs: the user's own scripts go on working."""

import pytest

from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import Item, dead, entry, further_key, recovered_marker, waiting
from tests.support.standin import Standin

LETTERS = ["a", "b", "c"]


@pytest.fixture
def letters() -> list[Item]:
    return [waiting(text, f"project-{text}", retry_count=7 + n) for n, text in enumerate(LETTERS)]


@pytest.fixture
def worker(home: Home, letters: list[Item]) -> Process:
    home.write_dlq(letters)
    process = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 3, what="taken in")
    return process


def some_cycles(home: Home, server: Standin) -> None:
    probed = server.probes()
    server.wait_for(lambda: server.probes() >= probed + 8)
    assert home.read(home.dlq)


@pytest.mark.row(30)
@pytest.mark.parametrize("script", [user.RETRY_ALL, user.RETRY_ALL_STAMPED], ids=["", "stamped"])
def test_last_attempt_0_on_all_retries_at_once(
    home: Home, server: Standin, worker: Process, letters: list[Item], script: str
) -> None:
    home.script(script)
    server.wait_for(lambda: server.total_stored() == 3)
    home.wait_dlq([])
    markers = [recovered_marker(letter, letter["retry_count"]) for letter in letters]
    home.wait(lambda: all(map(home.log_lines, markers)), what="logged")
    assert [len(home.log_lines(marker)) for marker in markers] == [1, 1, 1]
    assert worker.alive


@pytest.mark.row(30)
@pytest.mark.usefixtures("worker")
def test_one_save_forces_one_retry(home: Home, server: Standin) -> None:
    server.default = Answer(500)
    home.script(user.RETRY_ALL)
    server.wait_for(lambda: len(server.saves) == 3)
    some_cycles(home, server)
    assert len(server.saves) == 3
    home.wait(
        lambda: sorted(item["retry_count"] for item in home.dlq_items()) == [8, 9, 10],
        what="counted",
    )
    home.script(user.RETRY_ALL)
    server.wait_for(lambda: len(server.saves) == 6)


@pytest.mark.row(30)
@pytest.mark.parametrize("stamp", [False, True], ids=["", "stamped"])
@pytest.mark.usefixtures("worker")
def test_an_item_removed_by_hand_is_discarded_and_restorable(
    home: Home, server: Standin, *, stamp: bool
) -> None:
    user.back_up(home)
    kept = home.dlq_backup.read_bytes()
    user.remove(home, "b", stamp=stamp)
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 2, what="merged")
    some_cycles(home, server)
    assert home.dlq_texts() == ["a", "c"]
    assert home.dlq_backup.read_bytes() == kept
    assert server.saves == []
    home.ok("restore")
    home.wait(lambda: home.dlq_texts() == LETTERS or server.count("b"), what="restored")


@pytest.mark.row(30)
def test_an_item_removed_while_nothing_runs_stays_away(
    home: Home, server: Standin, worker: Process
) -> None:
    worker.stop()
    user.remove(home, "a")
    home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 2, what="merged")
    some_cycles(home, server)
    assert home.dlq_texts() == ["b", "c"]


@pytest.mark.row(30)
@pytest.mark.usefixtures("worker")
def test_an_emptied_file_discards_all_and_is_restorable(home: Home, server: Standin) -> None:
    user.remove(home, *LETTERS)
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 0, what="merged")
    home.ok("restore")
    home.wait(lambda: home.dlq_texts() == LETTERS or server.total_stored() == 3, what="restored")


@pytest.mark.row(30)
@pytest.mark.usefixtures("worker")
def test_a_file_that_is_gone_is_written_again(home: Home, server: Standin) -> None:
    home.dlq.unlink()
    home.wait(lambda: home.dlq.exists() and home.dlq_texts() == LETTERS, what="written again")
    some_cycles(home, server)
    assert home.read(home.metrics)["dlq_size"] == 3


@pytest.mark.row(30)
@pytest.mark.usefixtures("worker")
def test_new_items_are_adopted(home: Home, server: Standin) -> None:
    added = [dead("added", "omega"), waiting("added, later")]
    user.edit(home, lambda document: document["items"].extend(added))
    server.wait_for(lambda: server.count("added") == 1)
    home.wait_dlq([*LETTERS[:1], "added, later", "b", "c"])
    assert server.saves[0].project == "omega"


@pytest.mark.row(16, 30)
@pytest.mark.usefixtures("worker")
def test_changed_content_is_an_edit_of_the_same_item(
    home: Home, server: Standin, letters: list[Item]
) -> None:
    server.honours_keys = True

    def mend(document: Item) -> None:
        document["items"][0] |= {"content": "a, mended", "last_attempt": 0}

    user.edit(home, mend)
    server.wait_for(lambda: server.count("a, mended") == 1)
    home.wait_dlq(["b", "c"])
    assert server.sends("a") == 0
    key = further_key(letters[0]["id"], "project-a", "a, mended")
    assert server.keys("a, mended") == [key]


@pytest.mark.row(30)
@pytest.mark.usefixtures("worker")
def test_a_value_that_we_never_published_is_the_user_s(home: Home, server: Standin) -> None:
    def change(document: Item) -> None:
        first, second, _ = document["items"]
        first |= {"project_id": "moved here", "retry_count": 0, "last_attempt": 1_700_000_000}
        second["retry_count"] = 3

    user.edit(home, change)
    server.wait_for(lambda: server.count("a") == 1)
    assert server.saves[0].project == "moved here"
    home.wait_dlq(["b", "c"])
    assert home.dead_letter("b")["retry_count"] == 3


@pytest.mark.row(30)
@pytest.mark.usefixtures("worker")
def test_an_item_that_the_server_has_is_taken_out_again(
    home: Home, server: Standin, letters: list[Item]
) -> None:
    old = home.read(home.dlq)
    home.script(user.RETRY_ALL)
    home.wait_dlq([])
    logged = len(home.log_text())
    user.save(home, old)
    home.wait_dlq([])
    assert len(server.saves) == 3
    home.wait(lambda: letters[0]["id"][:8] in home.log_text()[logged:], what="logged")


@pytest.mark.row(18, 19)
@pytest.mark.usefixtures("worker")
def test_unknown_keys_and_odd_items_survive(home: Home, server: Standin) -> None:
    odd = [7, "text", None, ["a"], {"no": "content"}]

    def change(document: Item) -> None:
        document["mine"] = {"deep": [1, {"er": None}]}
        document["items"][1]["tag"] = ["x", 2**53]
        document["items"].extend(odd)
        document["items"][0]["last_attempt"] = 0

    user.edit(home, change)
    server.wait_for(lambda: server.count("a") == 1)
    home.wait(lambda: len(home.dlq_items()) == 7, what="published")
    document = home.read(home.dlq)
    assert document["mine"] == {"deep": [1, {"er": None}]}
    assert [item for item in odd if item in document["items"]] == odd
    (tagged,) = (i for i in document["items"] if isinstance(i, dict) and i.get("content") == "b")
    assert tagged["tag"] == ["x", 2**53]


def test_the_user_s_counting_scripts_work(home: Home, server: Standin, worker: Process) -> None:
    assert home.script(user.COUNT_BY_PROJECT).strip() == str({f"project-{t}": 1 for t in LETTERS})
    assert home.script(user.COUNT_RETRIES).strip() == "24"
    server.wait_for(server.probes)
    assert home.script(user.READ_METRICS).split() == ["healthy", "0", "3", "0", "0"]
    assert worker.alive


def test_the_user_s_grep_finds_the_markers(home: Home, server: Standin) -> None:
    home.write_queue([entry("bad", retries=4)])
    home.write_dlq([dead("fine"), dead("not yet")])
    server.script(Answer(500), content="bad", forever=True)
    server.script(Answer(500), content="not yet")
    home.drain()
    lines = "\n".join(user.tail_dlq(home))
    assert all(sign in lines for sign in ("Moved to DLQ:", "DLQ recovered:", "DLQ retry 1:"))
