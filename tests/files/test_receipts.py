"""Receipts explain what commands did to the file, and nothing that was done by hand."""

import json
from pathlib import Path

import pytest

from mem0tray.files import receipts
from mem0tray.files.atomic import Signature
from mem0tray.files.receipts import DELETE, EDIT, RESTORE, RETRY, Deed, Difference, Receipts, Writer
from tests.support.needs import has_mode

FILE = Signature(inode=7, size=100, mtime=5, ctime=6)
OTHER = Signature(inode=8, size=100, mtime=5, ctime=6)
A, B, C = (name.encode() * 32 for name in "abc")  # digests


def difference(removed: str = "", added: str = "", due: str = "") -> Difference:
    """A change of memories with names of one letter."""
    named = ([(name, name.encode() * 32) for name in names] for names in (removed, added, due))
    return Difference(*named)


def written(folder: Path, verb: str, change: Difference, *, done: bool, backup: str = "") -> Path:
    """Write a receipt for FILE; the path that it has now."""
    writer = Writer(folder, verb, change, backup)
    writer.announce(FILE)
    if done:
        writer.finish(replaced=True)
    return receipts._paths(folder)[-1]


def item(name: str, **fields: object) -> bytes:
    """A dead letter."""
    return json.dumps({"id": name, "project_id": "p", "content": name} | fields).encode()


def test_a_difference_is_what_an_edit_changes() -> None:
    """Memories removed, put in, and made due at once; what stays as it is counts for nothing."""
    before = [item("a"), item("b", last_attempt=5), item("c", last_attempt=5), item("d"), b"5"]
    after = [item("b", last_attempt=0), item("c", last_attempt=6), item("d"), item("e"), b"6"]
    found = receipts.difference(before, after)
    assert [name for name, _ in found.removed] == ["a"]
    assert [name for name, _ in found.added] == ["e"]
    assert [name for name, _ in found.due] == ["b"]


def test_what_was_due_already_is_not_made_due() -> None:
    """Neither is a newcomer."""
    before = [item("a", last_attempt=0, x=1), item("b", last_attempt=-1, x=1)]
    after = [item("a", last_attempt=0, x=2), item("b", last_attempt=0, x=2), item("c")]
    assert list(receipts.difference(before, after).due) == []


def test_what_was_asked_for_is_due_though_it_was_that_already() -> None:
    """A retry that changes nothing is a retry all the same, and one memory is named once."""
    before = [item("a", last_attempt=0), item("b", last_attempt=5)]
    after = [item("a", last_attempt=0), item("b", last_attempt=0)]
    asked = list(receipts.difference([], after).added)
    assert sorted(receipts.difference(before, after, asked).due) == asked


def test_commands_alone_are_told_from_a_save_between_them(tmp_path: Path) -> None:
    """Each receipt names the file that its command replaced, from the one merged last on."""
    start, between, end = (Signature(inode=n, size=1, mtime=2, ctime=3) for n in (1, 2, 3))

    def whole(merged: Signature | None) -> bool:
        reader.look()
        return reader.account(end, merged.lasting if merged else None).whole

    reader = Receipts(tmp_path)
    assert not whole(start)
    for before, after in ((start, between), (between, end)):
        writer = Writer(tmp_path, DELETE, difference(), before=before)
        writer.announce(after)
        writer.finish(replaced=True)
    assert whole(start)
    assert not whole(FILE)
    assert not whole(None)
    receipts._paths(tmp_path)[0].unlink()
    assert not whole(start)
    assert whole(between)


def test_what_was_made_from_the_ledger_holds_nothing_by_hand(tmp_path: Path) -> None:
    """The file was gone."""
    written(tmp_path, RETRY, difference(due="a"), done=True)
    reader = Receipts(tmp_path)
    reader.look()
    assert reader.account(FILE).whole
    assert not reader.account(OTHER).whole


def test_a_changed_text_is_another_memory() -> None:
    """The same id with another text is one removed and one put in."""
    found = receipts.difference([item("a")], [item("a", content="new")])
    assert [name for name, _ in found.removed] == ["a"]
    assert [name for name, _ in found.added] == ["a"]
    assert found.removed != found.added


def test_a_receipt_is_written_before_the_file_and_renamed_after(tmp_path: Path) -> None:
    """Until then it says that somebody is at work."""
    folder = tmp_path / "receipts"
    writer = Writer(folder, DELETE, difference(removed="a", added="b", due="c"), "backup.json")
    writer.announce(FILE)
    (doing,) = folder.iterdir()
    assert doing.name.startswith("doing-")
    assert has_mode(folder, 0o700)
    assert json.loads(doing.read_bytes()) == {
        "verb": "delete",
        "file": [7, 100, 5],
        "before": None,
        "removed": [{"id": "a", "digest": A.hex()}],
        "added": [{"id": "b", "digest": B.hex()}],
        "due": [{"id": "c", "digest": C.hex()}],
        "backup": "backup.json",
    }
    writer.finish(replaced=True)
    (done,) = folder.iterdir()
    assert done.name == doing.name.replace("doing", "done")
    writer.finish(replaced=False)  # it is finished already
    assert list(folder.iterdir()) == [done]


def test_a_change_that_was_not_made_leaves_no_receipt(tmp_path: Path) -> None:
    """The file changed under the command, which begins again."""
    writer = Writer(tmp_path, DELETE, difference(removed="a"))
    writer.announce(FILE)
    writer.finish(replaced=False)
    assert list(tmp_path.iterdir()) == []


def test_a_receipt_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    """The change is then told as one by hand."""
    (tmp_path / "receipts").touch()
    writer = Writer(tmp_path / "receipts", DELETE, difference(removed="a"))
    writer.announce(FILE)
    writer.finish(replaced=True)
    assert not Receipts(tmp_path / "receipts").look()


def test_a_receipt_that_the_worker_has_taken_is_no_error(tmp_path: Path) -> None:
    """It was quicker than the command."""
    writer = Writer(tmp_path, DELETE, difference(removed="a"))
    writer.announce(FILE)
    next(tmp_path.iterdir()).unlink()
    writer.finish(replaced=True)
    assert list(tmp_path.iterdir()) == []


def test_numbers_grow_whatever_the_clock_says(tmp_path: Path) -> None:
    """A receipt of a later change stands after those there are, of both kinds."""
    far = 10**19  # in the year 2286
    (tmp_path / f"done-{far}.json").touch()
    (tmp_path / "doing-x.json").touch()
    Writer(tmp_path, DELETE, difference()).announce(FILE)
    assert receipts._paths(tmp_path)[-1].name == f"doing-{far + 1:020d}.json"
    assert receipts._paths(tmp_path)[0].name == "doing-x.json"


@pytest.mark.parametrize("done", [True, False])
def test_what_was_read_with_its_receipts_is_explained(tmp_path: Path, *, done: bool) -> None:
    """By verb and backup, memory by memory; one that is doing counts for its very file."""
    change = difference(removed="a", added="b", due="c")
    written(tmp_path, DELETE, change, done=done, backup="x.json")
    reader = Receipts(tmp_path)
    assert reader.look()
    account, deed = reader.account(FILE), Deed(DELETE, "x.json")
    assert account.removed == {("a", A): deed}
    assert account.added == {("b", B): deed}
    assert account.due == {("c", C): deed}
    reader.consume()
    assert list(tmp_path.iterdir()) == []


def test_a_receipt_that_is_doing_says_nothing_of_another_file(tmp_path: Path) -> None:
    """The command may have been killed before; its receipt stays."""
    path = written(tmp_path, DELETE, difference(removed="a"), done=False)
    reader = Receipts(tmp_path)
    reader.look()
    assert reader.account(OTHER).removed == {}
    reader.consume()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("file", [FILE, OTHER])
def test_a_command_that_finishes_while_its_file_is_read(tmp_path: Path, file: Signature) -> None:
    """What it did is explained in the file that shows it, or else at the next reading."""
    writer = Writer(tmp_path, DELETE, difference("a"))
    writer.announce(FILE)
    reader = Receipts(tmp_path)
    reader.look()
    writer.finish(replaced=True)
    explained = {("a", A): Deed(DELETE)}
    assert reader.account(file).removed == (explained if file == FILE else {})
    reader.consume()
    reader.look()
    assert reader.account(OTHER).removed == ({} if file == FILE else explained)


def test_a_receipt_that_is_done_counts_for_the_next_reading(tmp_path: Path) -> None:
    """Whatever file is in place by then, and for no other."""
    written(tmp_path, DELETE, difference(removed="a"), done=True)
    reader = Receipts(tmp_path)
    reader.look()
    assert set(reader.account(OTHER).removed) == {("a", A)}
    reader.consume()
    assert reader.look()
    assert reader.account(OTHER).removed == {}


def test_what_each_command_made_due_is_explained(tmp_path: Path) -> None:
    """By the one that did it, whatever others did after it."""
    written(tmp_path, RETRY, difference(due="a"), done=True)
    written(tmp_path, EDIT, difference(due="b"), done=True)
    reader = Receipts(tmp_path)
    reader.look()
    assert reader.account(FILE).due == {("a", A): Deed(RETRY), ("b", B): Deed(EDIT)}


def test_the_last_thing_that_was_done_to_a_memory_counts(tmp_path: Path) -> None:
    """Removed and put back it is put in; put in and removed it is neither that nor due."""
    written(tmp_path, RETRY, difference(due="ab"), done=True)
    written(tmp_path, DELETE, difference(removed="ab"), done=True)
    written(tmp_path, RESTORE, difference(added="a"), done=True)
    reader = Receipts(tmp_path)
    reader.look()
    account = reader.account(FILE)
    assert account.removed == {("b", B): Deed(DELETE)}
    assert account.added == {("a", A): Deed(RESTORE)}
    assert account.due == {}
    written(tmp_path, EDIT, difference(removed="a"), done=True)
    reader.look()
    account = reader.account(FILE)
    assert account.removed == {("a", A): Deed(EDIT), ("b", B): Deed(DELETE)}
    assert account.added == {}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "5", "{}",
        '{"verb": "steal", "file": [7, 100, 5]}',
        '{"verb": "delete", "file": [7, 100]}',
        '{"verb": "delete", "file": [7, 100, 5], "removed": [{"id": "a"}]}',
        '{"verb": "delete", "file": [7, 100, 5], "removed": [{"id": "a", "digest": "xyz"}]}',
    ],
)  # fmt: skip
def test_a_receipt_that_makes_no_sense_explains_nothing(tmp_path: Path, text: str) -> None:
    """It hides no removal by hand; one that is done is cleared away."""
    (tmp_path / "done-1.json").write_text(text, encoding="utf-8")
    reader = Receipts(tmp_path)
    assert reader.look()
    assert reader.account(FILE) == receipts.Account()
    reader.consume()
    assert list(tmp_path.iterdir()) == []


def test_a_receipt_being_written_is_left_where_it_makes_no_sense(tmp_path: Path) -> None:
    """A command may be at work on it."""
    (tmp_path / "doing-1.json").write_text("{", encoding="utf-8")
    reader = Receipts(tmp_path)
    reader.look()
    reader.account(FILE)
    reader.consume()
    assert [path.name for path in tmp_path.iterdir()] == ["doing-1.json"]


def test_a_look_says_whether_there_are_others(tmp_path: Path) -> None:
    """A receipt that came or went; without a folder there are none."""
    reader = Receipts(tmp_path / "none")
    assert not reader.look()
    reader = Receipts(tmp_path)
    assert not reader.look()
    path = written(tmp_path, DELETE, difference(removed="a"), done=True)
    assert reader.look()
    assert not reader.look()
    path.unlink()
    assert reader.look()


def test_receipts_of_a_file_that_did_not_change_are_dropped(tmp_path: Path) -> None:
    """Those that are done: what they tell was merged with the file; one that is doing stays."""
    written(tmp_path, DELETE, difference(removed="a"), done=True)
    doing = written(tmp_path, DELETE, difference(removed="b"), done=False)
    reader = Receipts(tmp_path)
    reader.look()
    reader.drop_outlived()
    assert list(tmp_path.iterdir()) == [doing]


def test_what_killed_commands_left_is_decided_by_the_file(tmp_path: Path) -> None:
    """The file is in place: it was done; it is not: it was never done."""
    written(tmp_path, DELETE, difference(removed="a"), done=False)
    (tmp_path / ".doing-1.json.mem0tray-5-0.tmp").touch()
    receipts.clear_up(tmp_path, FILE)
    (done,) = tmp_path.iterdir()
    assert done.name.startswith("done-")
    done.unlink()
    for file in (OTHER, None):
        written(tmp_path, DELETE, difference(removed="a"), done=False)
        receipts.clear_up(tmp_path, file)
        assert list(tmp_path.iterdir()) == []


def test_what_is_done_is_not_cleared_up(tmp_path: Path) -> None:
    """The worker has yet to read it; a broken one that is doing goes."""
    done = written(tmp_path, DELETE, difference(removed="a"), done=True)
    (tmp_path / "doing-1.json").write_text("{", encoding="utf-8")
    receipts.clear_up(tmp_path, None)
    assert list(tmp_path.iterdir()) == [done]
    receipts.clear_up(tmp_path / "none", None)
