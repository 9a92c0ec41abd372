"""`mem0tray verify`."""

import json
import time
from collections.abc import Sequence

import pytest

from mem0tray.actions.verify import known_texts
from mem0tray.core import item as items
from mem0tray.files import orders
from tests.cli.scratch import Done, Scratch
from tests.support.delivered import deliver
from tests.support.http1 import Answer
from tests.support.shapes import Item, dead, emergency_lines, entry, queue_document
from tests.support.standin import Standin


def delivered(home: Scratch, server: Standin, *texts: str, project: str = "p") -> list[Item]:
    made = [entry(text, project) for text in texts]
    deliver(home.paths.ledger, server.url, made)
    server.begin_with([*server.stored, *((project, text) for text in texts)])
    return made


def lose(server: Standin, *texts: str) -> None:
    server.begin_with([each for each in server.stored if each[1] not in texts])


def keep(home: Scratch, entries: Sequence[Item]) -> None:
    home.write("mem0_queue.json", queue_document([], last_100=list(entries)))


def named(done: Done) -> list[str]:
    return sorted(each["id"] for each in done.json()["missing"])


def numbers(done: Done) -> tuple[int, int, int, int]:
    """How many were asked for, are there, are missing, and of how many it cannot be told."""
    said = done.json()
    return said["asked"], said["there"], len(said["missing"]), said["cannot_tell"]


def test_what_the_server_lost_is_named(home: Scratch, server: Standin) -> None:
    oak, elm, ash = delivered(home, server, "oak", "elm", "ash")
    lose(server, "elm", "ash")
    keep(home, [oak, elm])
    done = home.run("verify")
    head, *rows, last = done.out.splitlines()
    assert done.code == 1
    assert head.split() == ["ID", "PROJECT", "DELIVERED", "ITS", "TEXT"]
    assert [row.split()[0] for row in rows] == [elm["id"], ash["id"]]
    assert rows[0].endswith("in last_100 in mem0_queue.json")
    assert rows[1].endswith("not known any more")
    assert last.endswith("1 there, 2 missing.")
    host = server.url.removeprefix("http://")
    assert done.line == (
        f"mem0tray: 2 memories are missing on {host}."
        " `mem0tray verify --requeue` queues 1 again, whose text is known."
    )
    assert "`mem0tray verify -p p --requeue`" in home.run("verify", "-p", "p").line
    done = home.run("verify", "--json")
    assert numbers(done) == (3, 1, 2, 0)
    assert done.json()["missing"][0] == {
        "id": elm["id"],
        "project_id": "p",
        "delivered_at": 1e9,
        "text_known": True,
        "text_in": "last_100 in mem0_queue.json",
        "deleted_here": False,
        "queued_as": None,
    }


def test_memories_of_other_servers_and_projects_are_left_out(
    home: Scratch, server: Standin
) -> None:
    delivered(home, server, "oak")
    delivered(home, server, "elm", project="q")
    deliver(home.paths.ledger, "http://elsewhere", [entry("ash", "p")])
    lose(server, "elm")
    assert numbers(home.run("verify", "-p", "p", "--json")) == (1, 1, 0, 0)
    assert numbers(home.run("verify", "--json")) == (2, 1, 1, 0)
    told = home.ok("verify", "-p", "nobody")
    assert told.startswith("Nothing of the project 'nobody' has been delivered to ")


def test_a_sample_is_of_all_projects(home: Scratch, server: Standin) -> None:
    for project in ("p", "q"):
        delivered(home, server, *(f"{project} {n}" for n in range(9)), project=project)
    lose(server, *(f"q {n}" for n in range(9)))
    asked, there, missing, _ = numbers(home.run("verify", "--sample", "17", "--json"))
    assert (asked, there + missing) == (17, 17)
    assert min(there, missing) >= 8
    said = home.run("verify", "--sample", "6").out
    assert "Asked for a sample of 6 memories among the 18 that went to" in said
    assert home.run("verify", "--sample", "18", "--json").json()["sample"] is False


def test_what_is_missing_is_queued_again_once(home: Scratch, server: Standin) -> None:
    made = delivered(home, server, "oak", "elm", "ash")
    lose(server, "oak", "elm")
    keep(home, [made[0] | {"further": [1]}, dead("elm", "p", last_error="x")])
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, numbers(done)) == (0, (3, 1, 2, 0))
    again = [f"{each['id']}-again-1" for each in made[:2]]
    assert [each["queued_as"] for each in done.json()["missing"]] == again
    first, second = home.queued()
    assert first == made[0] | {"id": again[0], "further": [1]}
    assert {*second} == {"id", "project_id", "content", "timestamp", "retries"}
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, numbers(done), done.json()["waiting_again"]) == (0, (1, 1, 0, 0), 2)
    assert len(home.queued()) == 2
    assert home.ok("verify").endswith("2 further memories wait here to be sent again.\n")


def test_what_was_queued_again_counts_as_one(home: Scratch, server: Standin) -> None:
    (oak,) = delivered(home, server, "oak")
    again = oak | {"id": items.id_again(oak["id"])}
    deliver(home.paths.ledger, server.url, [again])
    assert numbers(home.run("verify", "--json")) == (1, 1, 0, 0)
    lose(server, "oak")
    keep(home, [oak])
    done = home.run("verify", "--requeue", "--json")
    assert named(done) == [again["id"]]
    assert [each["id"] for each in home.queued()] == [f"{oak['id']}-again-2"]


def test_a_text_that_a_note_holds_is_queued_again(home: Scratch, server: Standin) -> None:
    home.env(CLAUDE_CONFIG_DIR=str(home.root / "claude"), MEM0_PROJECT_ID="p")
    note = home.root / "claude" / "projects" / "-work" / "memory" / "oak.md"
    note.parent.mkdir(parents=True)
    note.write_text("oak\n", "utf-8")
    delivered(home, server, "oak")
    lose(server, "oak")
    keep(home, [])
    assert home.run("verify", "--requeue").code == 1
    home.env(MEM0TRAY_CLAUDE_AUTO_MEMORY="true")
    assert home.run("verify", "--json").json()["missing"][0]["text_in"] == str(note)
    home.ok("verify", "--requeue")
    assert [each["content"] for each in home.queued()] == ["oak"]


def test_what_the_user_deleted_here_never_comes_back(home: Scratch, server: Standin) -> None:
    oak, *_ = delivered(home, server, "oak")
    lose(server, "oak")
    home.write("mem0_queue.json", queue_document([entry("oak", "p")], last_100=[oak]))
    (waiting,) = home.queued()
    home.ok("delete", waiting["id"], "--yes")
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, named(done), home.queued()) == (1, [oak["id"]], [])
    assert done.json()["missing"][0]["deleted_here"] is True
    assert "restore --list" in done.line


def test_what_was_saved_anew_after_its_deletion_is_queued_again(
    home: Scratch, server: Standin
) -> None:
    home.write("mem0_queue.json", queue_document([entry("oak", "p")]))
    (waiting,) = home.queued()
    home.ok("delete", waiting["id"], "--yes")
    oak = entry("oak", "p")
    deliver(home.paths.ledger, server.url, [oak], time.time())
    keep(home, [oak])
    home.ok("verify", "--requeue")
    assert [each["id"] for each in home.queued()] == [f"{oak['id']}-again-1"]


def test_what_is_about_to_be_deleted_stays_away(home: Scratch, server: Standin) -> None:
    oak, *_ = delivered(home, server, "oak")
    lose(server, "oak")
    keep(home, [oak])
    home.write("mem0_queue_dlq.json", {"items": [dead("oak", "p", id="another")]})
    orders.leave(home.paths, orders.about(orders.DELETE, [("another", items.digest("p", "oak"))]))
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, done.json()["missing"][0]["deleted_here"], home.queued()) == (1, True, [])


def test_a_memory_is_known_by_its_key(home: Scratch, server: Standin) -> None:
    oak, elm = delivered(home, server, "oak", "elm")
    known = {"an oak": oak["id"], "an elm": f"{elm['id']}-x"}
    listed = [{"memory": text, "metadata": {"mem0tray_id": known[text]}} for text in known]
    server.script_questions(Answer(body={"success": True, "memories": listed}))
    assert named(home.run("verify", "--json")) == [elm["id"]]


def test_what_is_there_after_all_is_not_queued(home: Scratch, server: Standin) -> None:
    oak, elm = delivered(home, server, "oak", "elm")
    keep(home, [oak, elm])
    listing = {"success": True, "memories": {"results": [{"id": "1", "memory": "elm"}]}}
    server.script_questions(Answer(body=listing))
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, numbers(done), home.queued()) == (0, (2, 2, 0, 0), [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(500), "did not show what it has: 500"),
        (Answer(401), "did not show what it has: 401"),
        (Answer(reset=True), "did not answer: the connection was lost"),
    ],
)
def test_a_server_that_does_not_say_is_no_loss(
    home: Scratch, server: Standin, answer: Answer, said: str
) -> None:
    home.env(MEM0TRAY_SERVER_DIALECT="vps")
    delivered(home, server, "oak")
    server.script_questions(*[answer] * 5)
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, numbers(done)) == (1, (0, 0, 0, 0))
    assert done.json()["answered"] is False
    assert said in done.json()["reason"]


def test_a_server_that_shows_nothing_cannot_tell(home: Scratch, server: Standin) -> None:
    home.env(MEM0TRAY_SERVER_DIALECT="vps")
    oak, _ = delivered(home, server, "oak", "elm")
    keep(home, [oak])
    server.can_be_asked = False
    done = home.run("verify", "--requeue", "--json")
    assert (done.code, numbers(done), home.queued()) == (1, (2, 0, 0, 2), [])
    assert done.json()["cannot_tell_why"] == {"the server cannot show what it has": 2}


def test_of_a_listing_that_is_cut_the_rest_cannot_be_told(home: Scratch, server: Standin) -> None:
    texts = [f"oak {n}" for n in range(101)]
    made = delivered(home, server, *texts)
    lose(server, "oak 5", "oak 6")
    keep(home, made[:50])
    listing = [{"id": str(n), "memory": f"oak {n}"} for n in range(1, 101) if n not in (5, 6)]
    listing += [{"id": "x", "memory": "another"}, {"id": "y", "memory": "more"}]
    cut = Answer(body={"success": True, "memories": {"results": listing}})
    server.script_questions(cut, cut)
    done = home.run("verify", "--json")
    assert numbers(done) == (101, 99, 0, 2)
    assert done.json()["cannot_tell_why"] == {"the server does not list all of a project": 2}


def test_a_project_with_a_name_too_long_to_list_holds_up_no_other(
    home: Scratch, server: Standin
) -> None:
    delivered(home, server, "there", project="p" * 66_000)
    delivered(home, server, "oak", "elm")
    done = home.run("export")
    assert [json.loads(line)["content"] for line in done.out.splitlines()] == ["oak", "elm"]
    assert (done.code, "may have more of 1 project" in done.err) == (1, True)
    assert "The server does not name all of its projects." in done.err
    lose(server, "elm")
    done = home.run("verify", "--json")
    assert (done.code, done.json()["reason"]) == (1, None)
    assert numbers(done) == (3, 1, 1, 1)
    former = server.url
    with Standin() as present:
        home.env(MEM0TRAY_SERVER_URL=present.url)
        done = home.run("migrate", "--from", former, "--json")
    assert (done.code, done.json()["queued"], done.json()["unread"]) == (1, 1, 2)


def test_every_file_that_may_hold_a_text_is_looked_into(home: Scratch) -> None:
    paths = home.paths
    home.write("mem0_queue.json", queue_document([entry("queue")], last_100=[entry("recent")]))
    home.write("mem0_queue_backup.json", queue_document([entry("before")]))
    home.write("mem0_queue_dlq.json", {"items": [dead("dead")], "last_update": "x"})
    home.write("mem0_queue_dlq.backup.json", {"items": [dead("copied")]})
    paths.emergency.write_text(emergency_lines([entry("hurried")]), "utf-8")
    paths.quarantine.mkdir(parents=True)
    odd = paths.quarantine / "x-20250101T000000-abc.json"
    odd.write_text(json.dumps({"queue": [entry("odd")]}), "utf-8")
    home.ok("list")  # the ledger knows them
    assert {
        each.item and each.item.content: each.place for each in known_texts(paths).values()
    } == {
        "queue": "the queue file",
        "recent": "last_100 in mem0_queue.json",
        "before": "mem0_queue_backup.json",
        "dead": "the DLQ file",
        "copied": "mem0_queue_dlq.backup.json",
        "hurried": "the queue file",
        "odd": "the quarantine",
    }
