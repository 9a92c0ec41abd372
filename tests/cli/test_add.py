"""`add`: what it writes, byte for byte, and where it goes when the queue file is not to be had."""

import json
import os
from pathlib import Path

import pytest

from mem0tray.system.paths import record_of
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.needs import has_mode

LONGEST = b"x" * 1_000_000
ODD = b"""{"note": 1e400, "queue": [{"id": "a", "n": 36893488147419103232, "t": "\\u00e9", "x": NaN,
 "u": "\xff \\ud800"}, 7], "last_100": [1, NaN], "failed": [null],
 "stats": {"total_queued": 5, "mine": 1.50}}"""


def test_the_first_memory_makes_the_file_laid_out_like_python_does(home: Scratch) -> None:
    identity = home.ok("add", "--project", "p", "text").strip()
    document = json.loads(home.queue.read_bytes())
    (entry,) = document["queue"]
    assert (document["last_100"], document["failed"]) == ([entry], [])
    assert document["stats"] == {
        "total_queued": 1, "total_synced": 0, "total_failed": 0, "last_sync": None
    }  # fmt: skip
    assert (entry["id"], entry["project_id"], entry["content"]) == (identity, "p", "text")
    assert has_mode(home.queue, 0o600)
    assert "this computer only" in home.ok("status")
    home.ok("add", "--project", "p", "two")
    raw = home.queue.read_text()
    assert raw == json.dumps(json.loads(raw), indent=2) + "\n"


def test_everything_odd_survives(home: Scratch) -> None:
    home.claude.mkdir()
    home.queue.write_bytes(ODD)
    home.ok("add", "--project", "p", "new")
    text = home.queue.read_text()
    for kept in ('"note": 1e400', "36893488147419103232", '"\\u00e9"', "1.50", "null"):
        assert kept in text
    assert text.count("NaN") == 2
    assert "\\udcff \\ud800" in text
    document = json.loads(text)
    assert (document["queue"][1], document["queue"][2]["content"]) == (7, "new")
    assert document["stats"] == {"total_queued": 6, "mine": 1.5}


def test_last_100_is_cut_and_anything_else_in_its_place_left_alone(home: Scratch) -> None:
    home.write("mem0_queue.json", {"queue": [], "last_100": list(range(150)), "stats": []})
    home.ok("add", "--project", "p", "new")
    document = json.loads(home.queue.read_text())
    assert document["last_100"][:-1] == list(range(51, 150))
    assert document["stats"] == []
    home.write("mem0_queue.json", {"queue": [], "last_100": "mine"})
    home.ok("add", "--project", "p", "new")
    assert json.loads(home.queue.read_text())["last_100"] == "mine"


@pytest.mark.parametrize(
    "broken", [b"", b"\0" * 9, b'{"queue": [{"id": 1', b"[]", b'{"queue": {}}']
)
def test_a_broken_queue_file_is_left_to_the_worker(home: Scratch, broken: bytes) -> None:
    home.claude.mkdir()
    home.queue.write_bytes(broken)
    emergency = home.claude / "mem0_emergency.json"
    emergency.write_text('{"id": "torn')  # it is ended first
    document = home.run("add", "--project", "p", "new", "--json").json()
    assert document["queued"] == "emergency"
    assert home.queue.read_bytes() == broken
    torn, new = emergency.read_text().splitlines()
    assert torn == '{"id": "torn'
    line = json.loads(new)
    assert (line["id"], line["content"], line["emergency"]) == (document["id"], "new", True)


@pytest.mark.parametrize(
    ("stdin", "content"),
    [
        (b"two\nlines\n", "two\nlines"),
        (b"caf\xc3\xa9\r\n", "café"),
        (b"half \xed\xa0\x80", "half \ud800"),
        (LONGEST, "x" * 1_000_000),
        (LONGEST + b"\r\n", "x" * 1_000_000),
        (LONGEST + b"x", None),
        (LONGEST + b"xxxx", None),
    ],
    ids=["lines", "CR", "half", "longest", "with an end", "longer", "too long"],
)
def test_standard_input_is_kept_as_it_is_and_may_have_a_megabyte(
    home: Scratch, stdin: bytes, content: str | None
) -> None:
    done = home.run("add", "-p", "p", stdin=stdin)
    if content is not None:
        assert home.queued()[0]["content"] == content
        return
    assert done.code == 1
    assert not home.queue.exists()
    assert "Nothing was queued: the text is too long" in done.line
    assert "a memory has 1,000,000 bytes at most. Add it in parts." in done.line


@needs.posix("arguments are text")
@pytest.mark.parametrize(
    ("arguments", "stdin", "what"),
    [
        (["-p", "p"], b"sch\xf6n\n", "queued: standard input is not UTF-8: byte 4 is 0xf6."),
        (["-p", "p", "x\udcff"], b"", "queued: the text is not UTF-8: byte 2 is 0xff."),
        (["-p", "\udce9", "x"], b"", "mem0tray: The project is not UTF-8: byte 1 is 0xe9."),
        (["-p", "p", "-j", "--", "x\udcff"], b"", "queued: the text is not UTF-8: byte 2 is 0xff."),
    ],
)
def test_what_is_not_utf_8_is_refused(
    home: Scratch, arguments: list[str], stdin: bytes, what: str
) -> None:
    line = home.fails("add", *arguments, stdin=stdin, code=2)
    assert what in line
    assert "`iconv -f latin1 -t utf-8`" in line
    assert not home.queue.exists()


@needs.posix("arguments are text")
@pytest.mark.parametrize(
    "command", ["recall", "search roses", "export", "verify", "migrate", "list", "retry", "delete"]
)
def test_a_project_that_is_not_utf_8_is_the_same_error_of_each_command(
    home: Scratch, command: str
) -> None:
    line = home.fails(*command.split(), "-p", "\udcff", code=2)
    assert line.startswith("mem0tray: The project is not UTF-8: byte 1 is 0xff. Convert it")


@needs.posix("arguments are text")
def test_a_project_with_half_a_character_is_found_by_its_bytes(home: Scratch) -> None:
    name = os.fsdecode("\udcff".encode("utf-8", "surrogatepass"))
    home.ok("add", "-p", name, "text")
    (listed,) = home.run("list", "--queue", "--json", "-p", name).json()
    assert listed["project_id"] == "\udcff"


@needs.LINKS
@pytest.mark.parametrize(
    "settings", ["[server", "server = 1", '[ui]\nlanguage = "de"', "\ufeff\x00", None]
)
def test_wrong_settings_lose_no_memory(home: Scratch, settings: str | None) -> None:
    choice = home.paths.data_dir / "server-choice"
    if settings is None:
        home.config.mkdir(parents=True)
    else:
        home.configure(settings)
    done = home.run("add", "--project", "p", "text")
    assert done.code == 0
    wrong, where = done.err.splitlines()
    assert str(home.config) in wrong
    assert where == f"mem0tray: The memory is queued all the same, in {home.claude}."
    (entry,) = home.queued()
    assert entry["id"] == done.out.strip()
    assert choice.exists() == (settings == '[ui]\nlanguage = "de"')


def test_an_unknown_folder_is_that_of_the_last_worker(home: Scratch) -> None:
    folder = home.root / "elsewhere"
    data = home.paths.root / "claude-0123456789ab"
    data.mkdir(parents=True)
    (data / "serves.json").write_bytes(record_of(folder, folder, 1.0))
    home.configure("[server")
    assert home.run("add", "--project", "p", "text").code == 0
    assert (folder / "mem0_queue.json").exists()
    assert not home.queue.exists()


def test_without_a_project_the_folder_names_it_if_it_has_a_name(
    home: Scratch, tmp_path: Path
) -> None:
    home.patch.delenv("MEM0_PROJECT_ID", raising=False)
    home.patch.chdir("/")
    done = home.run("add", "roses want sun")
    assert (done.code, "--project" in done.err, home.queue.exists()) == (2, True, False)
    folder = tmp_path / "garden"
    folder.mkdir()
    home.patch.chdir(folder)
    document = home.run("add", "roses want sun", "--json").json()
    assert (document["project_id"], document["queued"]) == ("garden", "queue")
    assert home.queued()[0]["project_id"] == "garden"


def test_a_person_is_told_which_project_was_guessed(home: Scratch, tmp_path: Path) -> None:
    home.patch.chdir(tmp_path)
    home.patch.delenv("MEM0_PROJECT_ID", raising=False)
    assert home.run("add", "to a program").err == ""
    home.terminal(80)
    done = home.run("add", "to a person")
    assert done.line == (
        f"mem0tray: It is a memory of the project {tmp_path.name!r}; --project names another."
    )
    assert done.out.strip() == home.queued()[-1]["id"]
    assert home.run("add", "-p", "garden", "to a person who said it").err == ""
