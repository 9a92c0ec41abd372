"""`mem0tray edit`."""

import importlib
import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.system import programs
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.past import past
from tests.support.shapes import entry, queue_document, waiting

# It starts no shell for an editor.
NEW_CLICK = tuple(map(int, version("click").split("."))) >= (8, 3, 3)
_PROGRAM = """
import pathlib, sys
path = pathlib.Path(sys.argv[-1])
text = path.read_bytes()
{}
"""


def _editor(folder: Path, work: str) -> str:
    program = folder / "editor.py"
    program.write_text(_PROGRAM.format(work), encoding="utf-8")
    return f"{programs.quote(sys.executable)} {programs.quote(str(program))}"


def _letter(home: Scratch, content: object = "old", **fields: object) -> Path:
    home.write("mem0_queue_dlq.json", {"items": [waiting(content, id="aa-1", **fields)]})
    return home.paths.dlq


def test_the_editor_s_text_takes_the_place_of_the_old_one(home: Scratch) -> None:
    _letter(home)
    home.env(VISUAL=_editor(home.root, "path.write_bytes(text.replace(b'old', b'new'))"))
    said = home.ok("edit", "aa")
    assert home.letters()[0]["content"] == "new"
    kept = next(home.paths.edits.glob("*.json"))
    assert str(kept) in said
    assert "`mem0tray retry aa-1` sends it now." in said
    assert f"`mem0tray restore {kept.name}` puts the old text back." in said
    assert "has the text again" in home.ok("restore", kept.name)
    assert home.letters()[0]["content"] == "old"


@needs.MODES
def test_the_open_text_is_for_its_user_alone(home: Scratch) -> None:
    _letter(home)
    look = "modes = [oct(each.stat().st_mode)[-3:] for each in (path, path.parent)]"
    home.env(VISUAL=_editor(home.root, f"{look}\npath.write_text(str(modes))"))
    home.ok("edit", "aa")
    assert home.letters()[0]["content"] == str(["600", "700"])
    assert [path.suffix for path in home.paths.edits.iterdir()] == [".json"]


def test_the_end_of_the_text_stays_as_it_was(home: Scratch) -> None:
    home.env(VISUAL=_editor(home.root, "path.write_bytes(b'new ' + text)"))
    for content in ("one", "two\n", "three\n\n", "vier « ü » 😀", "lone \ud800"):
        _letter(home, content)
        home.ok("edit", "aa")
        assert home.letters()[0]["content"] == f"new {content}"


@pytest.mark.parametrize(
    "work",
    [
        "",
        "path.write_bytes(text)",
        "path.write_bytes(text.strip())",
        "path.write_bytes(b'\\xef\\xbb\\xbf' + text.replace(b'\\n', b'\\r\\n'))",
    ],
    ids=["not saved", "saved", "without its end", "as some editors of Windows save it"],
)
def test_an_unchanged_text_changes_nothing(home: Scratch, work: str) -> None:
    dlq = _letter(home)
    before = dlq.read_bytes()
    home.env(VISUAL=_editor(home.root, work))
    assert home.ok("edit", "aa") == "aa-1 is unchanged.\n"
    assert dlq.read_bytes() == before
    assert not home.paths.edits.exists()


@pytest.mark.parametrize(
    ("work", "part", "saved"),
    [
        ("path.write_bytes(b' \\n')", "The text is empty", None),
        ("path.write_bytes(b'\\xff')", "not UTF-8", b"\xff"),
        ("sys.exit(3)", ": Editing failed. Nothing", None),
        ("path.write_bytes(b'half'); sys.exit(3)", ": Editing failed.", b"half"),
    ],
)
def test_what_cannot_be_used_changes_nothing_and_is_kept(
    home: Scratch, work: str, part: str, saved: bytes | None
) -> None:
    dlq = _letter(home)
    before = dlq.read_bytes()
    home.env(VISUAL=_editor(home.root, work))
    line = home.fails("edit", "aa")
    assert part in line
    assert dlq.read_bytes() == before
    kept = list(home.paths.edits.glob("open-*/*.txt"))
    assert [each.read_bytes() for each in kept] == ([] if saved is None else [saved])
    assert all(f"Your text is in {each}." in line for each in kept)


@pytest.mark.parametrize("command", [["edit", "aa"], ["config", "edit"]])
def test_without_a_terminal_no_editor_opens(home: Scratch, command: list[str]) -> None:
    _letter(home)
    assert home.fails(*command) == (
        "mem0tray: There is no terminal for an editor, and neither $VISUAL nor $EDITOR names one."
        " Run this in a terminal, or set $EDITOR."
    )


@needs.ERRORS
def test_an_editor_that_is_not_there_is_named(home: Scratch) -> None:
    _letter(home)
    home.patch.delenv("VISUAL", raising=False)
    home.env(EDITOR="no-such-editor")
    line = home.fails("edit", "aa")
    why = ": [Errno 2] No such file or directory: 'no-such-editor'" if NEW_CLICK else ""
    assert line == (
        f"mem0tray: no-such-editor: Editing failed{why}."
        " Nothing was changed. Is $VISUAL or $EDITOR an editor that waits until you are done?"
    )


@needs.ERRORS
@pytest.mark.skipif(not NEW_CLICK, reason="on Windows click 8.3.3 is needed")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r'"C:\an editor.exe" -w', repr(r"C:\an editor.exe")),
        (r"C:\editor.exe -w", repr(r"C:\editor.exe")),
        ('"open', "No closing quotation."),
    ],
)
def test_an_editor_keeps_its_backslashes_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    importlib.import_module("click._termui_impl")  # which else would look for Windows' modules
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("VISUAL", line)
    with pytest.raises(Mem0TrayError, match=re.escape(said)):
        programs.edit(tmp_path / "file", if_failed="")


def test_what_was_delivered_meanwhile_loses_nothing(home: Scratch) -> None:
    dlq = _letter(home)
    empty = json.dumps({"items": []})
    work = f"path.write_text('my new text\\n'); pathlib.Path({str(dlq)!r}).write_text({empty!r})"
    home.env(VISUAL=_editor(home.root, work))
    line = home.fails("edit", "aa")
    assert "delivered meanwhile" in line
    (kept,) = home.paths.edits.glob("open-*/*.txt")
    assert kept.read_text() == "my new text\n"
    assert f"Your text is in {kept}" in line
    assert f"`mem0tray add --project alpha - < {kept}`" in line


def test_no_lock_is_held_while_the_editor_is_open(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("old", id="qq-1")]))
    _letter(home)
    add = "import subprocess\n" + "\n".join(
        f"subprocess.run([sys.executable, '-m', 'mem0tray', *{words!r}], check=True)"
        for words in (["add", "--project", "p", "another"], ["delete", "aa-1", "--yes"])
    )
    home.env(VISUAL=_editor(home.root, f"{add}\npath.write_text('new')"))
    home.ok("edit", "qq")
    assert [each["content"] for each in home.queued()] == ["another", "new"]


def test_what_no_longer_waits_cannot_be_edited(home: Scratch) -> None:
    home.env(VISUAL="no-such-editor")
    with past(home.paths) as ledger:
        ledger.recovered(ledger.taken_in_as(entry("gone", id="dd-1"), 5.0), 6.0)
        ledger.discarded(ledger.adopted(waiting("x", id="xx-1"), 5.0), 6.0)
    for name, part in (
        ("dd", "is delivered. The server alone has it"),
        ("xx", "its text is deleted"),
    ):
        assert part in home.fails("edit", name)
