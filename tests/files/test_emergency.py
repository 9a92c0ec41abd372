"""The emergency file is read by inode and offset: each line once, whatever happens to the file."""

import itertools
import json
import os
from pathlib import Path

import msgspec
import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import emergency
from mem0tray.files.emergency import REMOVE_AFTER, EmergencySource, Lines, read

NAME = "mem0_emergency.json"
DAY = 86_400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, still empty."""
    path = tmp_path / NAME
    path.touch()
    return path


def line(content: str, /, **more: object) -> bytes:
    """What a producer appends."""
    entry = {"id": content, "project_id": "p", "content": content, "emergency": True} | more
    return json.dumps(entry).encode() + b"\n"


def append(path: Path, data: bytes) -> None:
    """Add to the end, as producers do."""
    with path.open("ab") as file:
        file.write(data)


def source_of(path: Path) -> EmergencySource:
    """A file of which nothing has been read."""
    return EmergencySource(path.name, path.stat().st_ino)


def taken(found: Lines | None) -> list[str]:
    """The texts of what was read."""
    assert found is not None
    return [item.content for item in found.items]


def after(found: Lines | None) -> EmergencySource:
    """Where to go on."""
    assert found is not None
    assert found.source is not None
    return found.source


def test_each_line_is_read_once_and_in_order(file: Path) -> None:
    """The next reading begins where this one ended."""
    append(file, line("a") + line("b"))
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == ["a", "b"]
    source = after(found)
    assert source.offset == file.stat().st_size
    assert read(file.parent, source, final=False) is None
    append(file, line("c"))
    assert taken(read(file.parent, source, final=False)) == ["c"]


def test_nothing_but_the_place_changes_in_the_source(file: Path) -> None:
    """When it was renamed, and by which clocks, stays known."""
    append(file, line("a"))
    known = msgspec.structs.replace(source_of(file), renamed=5.0, boot="b", uptime=7.0)
    found = after(read(file.parent, known, final=False))
    assert msgspec.structs.replace(found, offset=0, before=b"") == known


def test_a_line_without_its_end_waits(file: Path) -> None:
    """Half an object is not taken; when it is complete it comes with the rest."""
    whole = line("b")
    append(file, line("a") + whole[:10])
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == ["a"]
    assert after(found).offset == len(line("a"))
    append(file, whole[10:])
    assert taken(read(file.parent, after(found), final=False)) == ["b"]


def test_half_a_line_alone_is_nothing_yet(file: Path) -> None:
    """There is nothing to take in, and nothing to remember."""
    append(file, line("a")[:10])
    assert read(file.parent, source_of(file), final=False) is None


def test_a_whole_object_needs_no_line_break(file: Path) -> None:
    """A producer that writes the line break before its line is read as well."""
    append(file, line("a").rstrip())
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == ["a"]
    append(file, b"\n" + line("b").rstrip())
    assert taken(read(file.parent, after(found), final=False)) == ["b"]


def test_the_last_half_line_is_taken_as_it_is(file: Path) -> None:
    """Nobody will complete it any more: it is kept as something odd."""
    append(file, line("a") + b'{"id": "b"')
    found = read(file.parent, source_of(file), final=True)
    assert taken(found) == ["a"]
    assert found is not None
    assert found.pieces == [b'{"id": "b"']
    assert after(found).offset == file.stat().st_size


def test_blanks_at_the_end_are_no_line(file: Path) -> None:
    """Not even a last one."""
    append(file, b"  ")
    assert read(file.parent, source_of(file), final=True) is None


def test_blank_lines_hold_nothing(file: Path) -> None:
    """Nor do the NULs that a power cut may leave, or a mark of UTF-8."""
    append(file, b"\n \t\r\n\0\0\0" + line("a") + b"\xef\xbb\xbf" + line("b") + b"\0\n")
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == ["a", "b"]
    assert found is not None
    assert found.odd == []


def test_a_line_that_makes_no_sense_is_kept_and_the_items_in_it_taken(file: Path) -> None:
    """Two lines that ran into each other are both read."""
    append(file, line("a").rstrip() + b'{"id": "torn' + line("b") + b"nonsense\n" + line("c"))
    found = read(file.parent, source_of(file), final=True)
    assert sorted(taken(found)) == ["a", "b", "c"]
    assert found is not None
    assert found.odd == []
    (kept,) = found.pieces
    assert kept.splitlines(keepends=True)[1:] == [b"nonsense"]


def cut(name: str, *places: int, text: str = "") -> list[bytes]:
    """A line in parts, as a writer with a small buffer appends it; its text is its name or this."""
    whole = line(name, content=text or name)
    return [whole[a:b] for a, b in itertools.pairwise([0, *places, len(whole)])]


@pytest.mark.parametrize("content", ["long one", "naïve", "blank  here"])
@pytest.mark.parametrize("at", [1, 30, 50, 52])
def test_a_line_that_another_cut_in_two_is_read_whole(file: Path, content: str, at: int) -> None:
    """Both are taken, and nothing is odd about the file."""
    begin, end = cut(content, at)
    append(file, begin + line("b") + line("c") + end + line("d"))
    found = read(file.parent, source_of(file), final=False)
    assert sorted(taken(found)) == sorted([content, "b", "c", "d"])
    assert found is not None
    assert found.odd == []
    assert after(found).torn == ()


def test_the_end_of_a_torn_line_may_come_later(file: Path) -> None:
    """In as many parts as it was written; what cut into it is taken at once."""
    begin, middle, end = cut("long one", 30, 50)
    append(file, begin + line("b"))
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == ["b"]
    assert found is not None
    assert found.odd == []
    append(file, middle + line("c"))
    source = msgspec.json.decode(msgspec.json.encode(after(found)), type=EmergencySource)
    found = read(file.parent, source, final=False)
    assert taken(found) == ["c"]
    append(file, end)
    found = read(file.parent, after(found), final=False)
    assert taken(found) == ["long one"]
    assert found is not None
    assert (found.odd, after(found).torn) == ([], ())


@pytest.mark.parametrize(("length", "waits"), [(1_000_000, True), (1_000_001, False)])
def test_a_torn_line_waits_for_its_end_up_to_a_million_bytes(
    file: Path, length: int, *, waits: bool
) -> None:
    """A longer one is quarantined as it stands, and its end with what else makes no sense."""
    other = line("b")
    begin, end = cut("a", length - len(other) + 1, text="x" * length)
    append(file, begin + other)
    found = read(file.parent, source_of(file), final=False)
    assert found is not None
    assert (taken(found), list(map(len, found.pieces))) == (["b"], [length] * (not waits))
    append(file, end)
    last = read(file.parent, after(found), final=True)
    assert taken(last) == ["x" * length] * waits


@pytest.mark.parametrize(("count", "waits"), [(64, True), (65, False)])
def test_a_line_torn_again_and_again_waits_for_its_end_up_to_64_times(
    file: Path, count: int, *, waits: bool
) -> None:
    """One that others cut up more often is quarantined whole, and what they wrote is taken."""
    *parts, end = cut("a", *range(60, 60 + count), text="x" * 200)
    append(file, b"".join(part + line(f"b{at}") for at, part in enumerate(parts)))
    found = read(file.parent, source_of(file), final=False)
    assert found is not None
    assert taken(found) == [f"b{at}" for at in range(count)]
    assert [piece.count(b"\n") + 1 for piece in found.pieces] == [count] * (not waits)
    append(file, end)
    assert taken(read(file.parent, after(found), final=True)) == ["x" * 200] * waits


def test_a_torn_line_whose_end_never_comes_is_kept(file: Path) -> None:
    """As it stands in the file, once nobody will complete it, with what may belong to it."""
    begin, _ = cut("long one", 30)
    append(file, begin + line("b"))
    source = after(read(file.parent, source_of(file), final=False))
    found = read(file.parent, source, final=True)
    assert found is not None
    assert (found.items, found.odd, found.pieces) == ([], [], [begin + line("b").rstrip()])
    assert after(found) == msgspec.structs.replace(source, torn=())
    append(file, begin + line("c"))
    found = read(file.parent, source, final=True)
    assert taken(found) == ["c"]
    assert found is not None
    assert (found.odd, found.pieces) == ([], [begin + line("b") + begin + line("c").rstrip()])


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("order", "whole"),
    [
        ("a1 b1 a2 b2", []),
        ("a1 b1 a2 b2 a3 b3", []),
        ("a1 b1 b2 a2 b3 a3", []),
        ("a1 c b1 d a2 b2", ["c", "d"]),
        ("a1 c b1 d b2 a2", ["c", "d"]),
        ("a1 c b1 d e b2 a2 a3 b3", ["c", "d", "e"]),
    ],
)
def test_two_lines_torn_at_once_are_kept_together(
    file: Path, order: str, whole: list[str], *, at_once: bool
) -> None:
    """Which end is whose nobody can tell: no memory is made of two, and no piece is alone."""
    written = {each: line(each) for each in whole}
    for name in "ab":
        places = (8192, 16384) if "3" in order else (8192,)
        parts = cut(name, *places, text=f"{name} words " * 2500)
        written |= {f"{name}{at}": part for at, part in enumerate(parts, 1)}
    texts, source = [], source_of(file)
    for each in order.split():
        append(file, written[each])
        if not at_once and (found := read(file.parent, source, final=False)):
            assert (found.odd, found.pieces) == ([], [])
            texts += taken(found)
            source = after(found)
    found = read(file.parent, source, final=True)
    assert found is not None
    assert (texts + taken(found), found.odd) == (whole, [])
    (kept,) = found.pieces
    assert all(part.rstrip() in kept for each, part in written.items() if each not in whole)
    assert emergency.is_mixed(kept) == (not whole)  # else no part of it looks whole


def test_a_long_line_behind_one_whose_writer_died_is_read(file: Path) -> None:
    """No end comes that could be its own: it is whole."""
    begin, _ = cut("a", 8192, text="a words " * 2500)
    append(file, begin + line("b", content="b words " * 2500))
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == []
    found = read(file.parent, after(found), final=True)
    assert taken(found) == ["b words " * 2500]
    assert found is not None
    assert [len(piece) > 8192 for piece in found.pieces] == [True]
    assert not emergency.is_mixed(found.pieces[0])


def test_a_long_line_that_a_short_one_cut_in_two_is_read_whole(file: Path) -> None:
    """What is shorter than a buffer was written at once, and no other's end is in it."""
    begin, end = cut("a", 8192, text="a words " * 2500)
    append(file, begin + line("b", content="b" * 3900) + end)
    found = read(file.parent, source_of(file), final=False)
    assert sorted(map(len, taken(found))) == [3900, 20_000]
    assert found is not None
    assert (found.odd, found.pieces, after(found).torn) == ([], [], ())


def test_what_no_program_can_load_is_quarantined(file: Path) -> None:
    """Too deep a nest is no item, whatever else the line says."""
    append(file, b'{"id": "a", "content": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}\n")
    found = read(file.parent, source_of(file), final=False)
    assert taken(found) == []
    assert found is not None
    assert len(found.odd) == 1


def test_bad_bytes_cost_nothing_else(file: Path) -> None:
    """They become lone surrogates in the text."""
    append(file, b'{"id": "a", "project_id": "p", "content": "caf\xe9"}\n')
    assert taken(read(file.parent, source_of(file), final=False)) == ["caf\udce9"]


def test_another_file_of_the_name_is_not_read(file: Path) -> None:
    """A new inode is another source, with an offset of its own."""
    append(file, line("a"))
    source = source_of(file)
    other = file.with_name("other")
    other.write_bytes(line("b"))
    other.replace(file)
    assert read(file.parent, source, final=False) is None


def test_a_file_that_is_gone_has_no_lines(file: Path) -> None:
    """Somebody removed it between two looks."""
    source = source_of(file)
    file.unlink()
    assert read(file.parent, source, final=False) is None


def test_what_is_no_file_is_named(file: Path) -> None:
    """A folder in its place is an error that a person can read."""
    source = source_of(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(FileUnavailableError, match="is a folder"):
        read(file.parent, source, final=False)


@pytest.mark.parametrize("length", [10, 255, 256, 257, 600])
def test_an_inode_that_is_another_files_by_now_is_read_from_its_beginning(
    file: Path, length: int
) -> None:
    """What stands before the offset is compared: 256 bytes of it at most."""
    append(file, line("x" * length))
    source = after(read(file.parent, source_of(file), final=False))
    append(file, line("b"))
    assert taken(read(file.parent, source, final=False)) == ["b"]
    with file.open("r+b") as changed:
        changed.seek(source.offset - 2)
        changed.write(b" ")
    found = read(file.parent, source, final=True)
    assert found is not None
    assert after(found).offset == file.stat().st_size
    assert "b" in taken(found)
    assert found.pieces, "the changed line was read once more"


@pytest.mark.parametrize("final", [False, True])
def test_a_torn_line_of_a_file_that_another_replaced_is_kept(file: Path, *, final: bool) -> None:
    """Its end will never come, and none of the other file's lines is taken for it."""
    begin, end = cut("long one", 30)
    append(file, begin + line("b"))
    source = after(read(file.parent, source_of(file), final=False))
    assert source.torn == (begin + line("b").rstrip(),)
    file.write_bytes(end + line("c"))
    found = read(file.parent, source, final=final)
    assert taken(found) == ["c"]
    assert found is not None
    assert found.pieces == [*source.torn]
    assert after(found).torn == ()


def test_a_change_far_before_the_offset_is_not_looked_for(file: Path) -> None:
    """Only the last 256 bytes are read again."""
    append(file, line("a" * 300) + line("b" * 300))
    source = after(read(file.parent, source_of(file), final=False))
    with file.open("r+b") as changed:
        changed.write(b"?")
    append(file, line("c"))
    assert taken(read(file.parent, source, final=False)) == ["c"]


def test_short_readings_are_compared_as_far_as_they_go(file: Path) -> None:
    """The bytes before the offset may come from several readings."""
    source = source_of(file)
    for text in "abcdefgh":
        append(file, line(text))
        found = read(file.parent, source, final=False)
        assert taken(found) == [text]
        source = after(found)
    whole = file.read_bytes()
    assert source.before == emergency._hash(whole[-256:])


def test_a_renamed_file_rests_for_a_day_by_both_clocks() -> None:
    """A slow writer may still hold it open; none does after a start of the machine."""
    source = EmergencySource(NAME, 1, renamed=1000.0, boot="b", uptime=50.0)
    assert REMOVE_AFTER == DAY
    assert not source.has_rested(1000.0 + DAY, "b", 51.0 + DAY)
    assert source.has_rested(1000.1 + DAY, "b", 50.1 + DAY)
    assert not source.has_rested(1000.1 + DAY, "b", 50.0 + DAY)
    assert not source.has_rested(1000.1 + DAY, "b", 51.0)
    assert source.has_rested(1000.1 + DAY, "another", 0.0)
    assert not source.has_rested(1000.0, "another", 0.0)


def test_the_inode_is_that_of_the_file_that_is_open(file: Path) -> None:
    """Not of whatever has the name a moment later."""
    append(file, line("a"))
    held = os.open(file, os.O_RDONLY)
    try:
        source = EmergencySource(NAME, os.fstat(held).st_ino)
        assert taken(read(file.parent, source, final=False)) == ["a"]
    finally:
        os.close(held)
