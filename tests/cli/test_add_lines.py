"""`add --jsonl`: many memories out of a file or a pipe."""

import io
import json
import sys
import time
from unittest import mock

import pytest

from mem0tray.actions import add, add_lines
from mem0tray.cli import main
from mem0tray.files.lock import FileLock
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.shapes import dead, entry, queue_document

_AGAIN = "add all of it again: what is queued already is not queued twice."


def lines(*objects: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def memory(content: str, **more: object) -> dict[str, object]:
    return {"project_id": "p", "content": content} | more


def test_each_line_becomes_an_entry(home: Scratch) -> None:
    home.ok("add", "-p", "p", "first")
    file = home.root / "memories.jsonl"
    file.write_bytes(
        lines(memory("oak", id="a", timestamp=1_700_000_000, retries=9), memory("elm"))
    )
    assert home.ok("add", "--jsonl", str(file)) == "2 memories are queued.\n"
    first, oak, elm = home.queued()
    assert first["content"] == "first"
    assert oak == {
        "id": "a", "project_id": "p", "content": "oak", "timestamp": 1_700_000_000, "retries": 0
    }  # fmt: skip
    assert set(elm) == set(oak)
    assert json.loads(home.queue.read_bytes())["stats"]["total_queued"] == 3


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_is_read_but_for_its_mark_and_blank_lines(
    home: Scratch, arguments: tuple[str, ...]
) -> None:
    stdin = (
        b"\xef\xbb\xbf" + lines(memory("a")) + b"\r\n  \n" + lines({"content": "b"})[:-1] + b"\r\n"
    )
    said = home.ok("add", "--jsonl", *arguments, "--project", "garden", stdin=stdin)
    assert said == "2 memories are queued.\n"
    found = [(each["project_id"], each["content"]) for each in home.queued()]
    assert found == [("p", "a"), ("garden", "b")]


def test_bad_lines_are_named_and_all_others_queued(home: Scratch) -> None:
    stdin = lines(memory("a"), {"content": "x"}, memory("b")) + b"\nsch\xf6n\n"
    stdin += lines({"project_id": "p" * 301, "content": "x"}, [1])[:-1]
    done = home.run("add", "--jsonl", stdin=stdin)
    assert (done.code, done.out) == (1, "2 memories are queued.\n")
    assert done.err.splitlines() == [
        'mem0tray: Line 2 has no text as "project_id".',
        "mem0tray: Line 5 is not UTF-8: byte 4 is 0xf6.",
        'mem0tray: Line 6 has as "project_id" a name that is too long: 300 characters at most.',
        "mem0tray: Line 7 is no JSON object.",
        f"mem0tray: 4 lines are no memories, and not queued. Mend what is wrong, and {_AGAIN}",
    ]
    assert [each["content"] for each in home.queued()] == ["a", "b"]


def test_json_is_one_document_and_names_the_bad_lines_alone(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("oak", "p", id="a")]))
    stdin = lines(memory("oak", id="a"), memory("elm"), memory("elm"), 5)
    done = home.run("add", "--jsonl", "--json", stdin=stdin)
    assert done.code == 1
    assert done.json() == {
        "lines": 4, "queued": 1, "emergency": 0, "waiting": 2, "delivered": 0, "bad": 1,
        "problems": [{"line": 4, "reason": "is no JSON object"}],
    }  # fmt: skip
    assert "1 line is no memory" in done.line


def test_what_waits_already_is_not_doubled(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("oak", "p", id="a")]))
    urgent = json.dumps(entry("elm", "p", id="b", emergency=True))
    (home.claude / "mem0_emergency.json").write_text(urgent + "\n", "utf-8")
    letter = dead("ash", "p", id="c")
    home.write("mem0_queue_dlq.json", {"items": [letter], "last_update": "x"})
    again = [memory(text, id=name) for text, name in (("oak", "a"), ("elm", "b"), ("ash", "c"))]
    said = home.ok("add", "--jsonl", stdin=lines(*again, memory("fir", id="a")))
    assert said == "1 memory is queued.\n3 waited already.\n"
    assert [each["content"] for each in home.queued()] == ["oak", "fir"]


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        ({"content": "x" * 1_000_001}, 'has as "content" a text that is too long: a memory has'),
        ({"content": "x", "more": "x" * 20_000_000}, "is too long: 16,000,000 bytes at most"),
    ],
    ids=["text", "line"],
)
def test_what_is_too_long_is_named_and_the_others_are_queued(
    home: Scratch, odd: dict[str, str], what: str
) -> None:
    bad = json.dumps({"project_id": "p", **odd}).encode() + b"\n"
    done = home.run("add", "--jsonl", stdin=lines(memory("a")) + bad + lines(memory("b")))
    assert done.code == 1
    assert f"Line 2 {what}" in " ".join(done.err.split())
    assert [each["content"] for each in home.queued()] == ["a", "b"]


def test_many_lines_are_few_writes(home: Scratch) -> None:
    home.patch.setattr(add_lines, "_LEAST", 5_000)
    writes = mock.Mock(wraps=add.add)
    home.patch.setattr(add, "add", writes)
    home.ok("add", "--jsonl", stdin=lines(*(memory(f"{n} " + "x" * 200) for n in range(1000))))
    assert len(home.queued()) == 1000
    assert 4 < writes.call_count < 12


@pytest.mark.parametrize("held", [True, False])
def test_a_queue_file_that_is_not_to_be_had_keeps_no_line_from_the_disk(
    home: Scratch, *, held: bool
) -> None:
    home.patch.setattr(add, "LOCK_WAIT", 0.01)
    home.claude.mkdir()
    if not held:
        home.queue.write_text("{")
    lock = FileLock(home.paths.queue_lock)
    assert not held or lock.try_acquire()
    began = time.time()
    try:
        document = home.run("add", "--jsonl", "-j", stdin=lines(memory("a"), memory("b"))).json()
    finally:
        lock.release()
    assert (document["queued"], document["emergency"]) == (2, 2)
    text = (home.claude / "mem0_emergency.json").read_text("utf-8")
    first, second = map(json.loads, text.splitlines())
    assert (first["content"], second["content"]) == ("a", "b")
    assert began <= first["queued_at"] <= time.time()


def test_what_cannot_be_written_is_said(home: Scratch) -> None:
    for name in ("mem0_queue.json", "mem0_emergency.json"):
        (home.claude / name).mkdir(parents=True)
    done = home.run("add", "--jsonl", stdin=lines(memory("a")))
    assert (done.code, done.out) == (1, "Nothing was queued.\n")
    assert "mem0_emergency.json" in done.line
    assert "1 line was read. Add all of it again" in done.line


@pytest.mark.parametrize(
    ("name", "what"),
    [("gone.jsonl", "no such file"), (".", "permission denied" if needs.WINDOWS else "directory")],
    ids=["none", "folder"],
)
def test_a_file_that_cannot_be_read_is_named(home: Scratch, name: str, what: str) -> None:
    done = home.run("add", "--jsonl", str(home.root / name))
    assert (done.code, done.out) == (1, "Nothing was queued.\n")
    assert what in done.line.lower()
    assert "again" not in done.line
    assert not home.queue.exists()


class Cut(io.BytesIO):
    """Lines, and then Ctrl-C."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line:
            raise KeyboardInterrupt
        return line


def test_an_interrupted_run_says_how_far_it_came(home: Scratch) -> None:
    many = lines(*(memory(f"{n} " + "x" * 1000) for n in range(1500)))
    home.patch.setattr(sys, "stdin", io.TextIOWrapper(Cut(many)))
    home.capture.readouterr()
    code = main(["add", "--jsonl"])
    out, err = home.capture.readouterr()
    assert (code, out) == (130, "")
    number = len(home.queued())
    assert 0 < number < 1500
    assert err.strip() == (
        f"mem0tray: Interrupted: {number:,} memories are queued; 1,500 lines were read."
        f" A{_AGAIN[1:]}"
    )
