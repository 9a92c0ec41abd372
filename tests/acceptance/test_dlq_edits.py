"""The DLQ file in users' hands: edits mean what the contract says, and races lose nothing."""

import json
import subprocess
import sys
from functools import partial

import pytest

from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import Item, dead, entry, further_key, recovered_marker, waiting
from tests.support.standin import Standin
from tests.support.variants import variants

LETTERS = ["a", "b", "c"]


@pytest.fixture
def letters() -> list[Item]:
    return [waiting(text, f"project-{text}", retry_count=7 + n) for n, text in enumerate(LETTERS)]


@pytest.fixture
def worker(home: Home, letters: list[Item]) -> Process:
    home.write_dlq(letters)
    return home.worker(dlq_size=3)


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
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.parametrize(
    ("removed", "stamp"),
    [(["b"], False), (["b"], True), (LETTERS, False)],
    ids=["one", "one, stamped", "all"],
)
def test_what_is_removed_by_hand_is_discarded_and_restorable(
    home: Home, server: Standin, worker: Process, removed: list[str], *, stamp: bool, running: bool
) -> None:
    user.back_up(home)
    kept = home.dlq_backup.read_bytes()
    if not running:
        worker.stop()
    user.remove(home, *removed, stamp=stamp)
    left = [text for text in LETTERS if text not in removed]
    if not running:
        home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(left), what="merged")
    some_cycles(home, server)
    assert home.dlq_texts() == left
    assert home.dlq_backup.read_bytes() == kept
    assert server.saves == []
    home.ok("restore")
    home.wait_dlq(LETTERS)


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
        first, second, _ = document["items"]
        first |= {"content": "a, mended", "project_id": "moved here", "last_attempt": 0}
        second["retry_count"] = 3

    user.edit(home, mend)
    server.wait_for(lambda: server.count("a, mended") == 1)
    home.wait_dlq(["b", "c"])
    assert server.sends("a") == 0
    assert server.saves[0].project == "moved here"
    key = further_key(letters[0]["id"], "moved here", "a, mended")
    assert server.keys("a, mended") == [key]
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


ROUNDS = 6
SLOW_REWRITER = """
import json, os, sys, time
p = os.path.expanduser('~/.claude/mem0_queue_dlq.json')
end = time.monotonic() + float(sys.argv[1])
text = None
while time.monotonic() < end:
    try:
        text = json.dumps(json.load(open(p)), indent=2)
    except ValueError:
        continue
    with open(p, 'w') as f:
        for at in range(0, len(text), 400):
            f.write(text[at:at + 400])
            f.flush()
            time.sleep(0.01)
"""


@pytest.fixture
def refusing(home: Home, server: Standin) -> Home:
    server.default = Answer(500)
    home.write_dlq([waiting(f"old {n}") for n in range(ROUNDS)])
    return home


def newcomer(home: Home, number: int) -> None:
    home.write_emergency([entry(f"new {number}", retries=4)])
    home.wait(lambda: f"new {number}" in home.dlq_texts(), what="newcomer published")


def expected(rounds: int) -> list[str]:
    """List what the DLQ holds after so many rounds of a newcomer and a deletion."""
    news = [f"new {n}" for n in range(rounds)]
    return [*news, *(f"old {n}" for n in range(rounds, ROUNDS))]


@pytest.mark.row(29, 30, 47)
def test_a_script_on_a_copy_from_before_a_restore_keeps_newcomers(
    refusing: Home, server: Standin
) -> None:
    refusing.worker(dlq_size=ROUNDS)
    copy = refusing.read(refusing.dlq)
    user.remove(refusing, "old 0")
    refusing.wait(lambda: refusing.read(refusing.metrics)["dlq_size"] == ROUNDS - 1, what="merged")
    newcomer(refusing, 0)
    before = refusing.read(refusing.dlq)["last_update"]
    refusing.ok("restore")
    refusing.wait(lambda: refusing.read(refusing.dlq)["last_update"] != before, what="published")
    refusing.wait_dlq(["new 0", *expected(0)])
    sent = len(server.saves)
    items = [{**item, "last_attempt": 0} for item in copy["items"]]
    user.save(refusing, {**copy, "items": items}, stamp=True)
    server.wait_for(partial(server.has_saves, sent + ROUNDS))
    refusing.wait_dlq(["new 0", *expected(0)])


@pytest.mark.row(29)
def test_six_stale_saves_keep_newcomers_and_deletions(refusing: Home, server: Standin) -> None:
    worker = refusing.worker()
    for number in range(ROUNDS):
        stale = refusing.read(refusing.dlq)
        newcomer(refusing, number)
        if number == 3:
            worker.stop()
        user.save(refusing, user.without(stale, f"old {number}"))
        if number == 3:
            worker = refusing.worker()
        refusing.wait_dlq(expected(number + 1))
    assert max(server.sends(f"new {n}") for n in range(ROUNDS)) <= 2  # due again after 30 s
    assert {server.sends(f"old {n}") for n in range(ROUNDS)} == {0}


@pytest.mark.row(9, 31)
@pytest.mark.parametrize("damage", variants(["half", "NUL", "empty", "other type"]))
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_broken_file_is_never_taken_for_empty(
    refusing: Home, server: Standin, damage: str, *, running: bool
) -> None:
    worker = refusing.worker(dlq_size=ROUNDS)
    if not running:
        worker.stop()
    text = refusing.dlq.read_bytes()
    refusing.dlq.write_bytes(
        {
            "half": text[: len(text) // 2],
            "empty": b"",
            "NUL": b"\0" * len(text),
            "other type": b'{"items": "all of them"}',
        }[damage]
    )
    if not running:
        worker = refusing.worker()
    wanted = expected(0)
    refusing.wait(lambda: intact(refusing) and refusing.dlq_texts() == wanted, what="written again")
    assert worker.alive
    assert server.saves == []


def intact(home: Home) -> bool:
    try:
        document = json.loads(home.dlq.read_bytes())
    except ValueError:
        return False
    return isinstance(document.get("items"), list)


@pytest.mark.row(31)
def test_what_is_in_a_broken_file_is_kept_and_said(refusing: Home) -> None:
    refusing.worker(dlq_size=ROUNDS)
    logged = len(refusing.log_text())
    text = refusing.dlq.read_text().replace("old 0", "zanzibar by hand")
    refusing.dlq.write_text(text[: len(text) * 2 // 3])
    refusing.wait(lambda: intact(refusing), what="written again")
    elsewhere = [path for path in refusing.files_with("zanzibar by hand") if path != refusing.dlq]
    assert elsewhere
    refusing.wait(lambda: refusing.dlq.name in refusing.log_text()[logged:], what="logged")


@pytest.mark.row(28)
def test_a_script_that_rewrites_slowly_in_a_loop_loses_nothing(
    refusing: Home, server: Standin
) -> None:
    worker = refusing.worker()
    rewriter = [sys.executable, "-c", SLOW_REWRITER, "4"]
    subprocess.run(rewriter, env=refusing.env, check=True, timeout=30)
    refusing.wait(
        lambda: intact(refusing) and refusing.dlq_texts() == expected(0), what="all there"
    )
    assert worker.alive
    assert server.saves == []


@pytest.mark.row(28, 29)
@pytest.mark.parametrize("written", [0.0, 0.9], ids=["nothing", "most"])
def test_a_stamped_script_that_pauses_in_its_writing_deletes_no_newcomer(
    refusing: Home, written: float
) -> None:
    refusing.worker(dlq_size=ROUNDS)
    seen = refusing.read(refusing.dlq)
    newcomer(refusing, 0)
    mended = [{**item, "retry_count": 3} for item in seen["items"]]
    text = json.dumps({"items": [*mended, waiting("by hand")], "last_update": "its own"}, indent=2)
    part = int(written * len(text))
    with refusing.dlq.open("w") as file:
        file.write(text[:part])
        file.flush()
        refusing.wait(lambda: intact(refusing), what="written again")
        file.write(text[part:])
    refusing.wait_dlq(["by hand", "new 0", *expected(0)])
