"""The emergency file is read by inode and offset: each line once, whatever happens to the file."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files.emergency import REMOVE_AFTER, EmergencySource, Lines, read

NAME = "mem0_emergency.json"
DAY = 86_400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.touch()
    return path


def line(content: str, /, **more: object) -> bytes:
    entry = {"id": content, "project_id": "p", "content": content, "emergency": True} | more
    return json.dumps(entry).encode() + b"\n"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def source_of(path: Path) -> EmergencySource:
    return EmergencySource(path.name, path.stat().st_ino)


def got(file: Path, source: EmergencySource, *, final: bool = False) -> Lines:
    found = read(file.parent, source, final=final)
    assert found is not None
    return found


def taken(found: Lines) -> list[str]:
    return [item.content for item in found.items]


def after(found: Lines) -> EmergencySource:
    assert found.source is not None
    return found.source


def test_each_line_is_read_once_and_in_order_when_it_is_whole(file: Path) -> None:
    source, half = source_of(file), line("d")
    for data, texts in (
        (line("a") + line("b"), ["a", "b"]), (line("c") + half[:10], ["c"]), (half[10:], ["d"]),
        (line("e").rstrip(), ["e"]), (b"\n" + line("f").rstrip(), ["f"]),
    ):  # fmt: skip
        append(file, data)
        found = got(file, source)
        assert taken(found) == texts
        source = after(found)
        assert read(file.parent, source, final=False) is None


PLAIN = b'{"id": "u", "project_id": "p", "content": "u"}'
NESTED = b'{"id": "a", "content": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize(
    ("data", "texts", "odd"),
    [
        (line("a") + b'{"id": "b"', ["a"], [b'{"id": "b"']), (b"  ", [], []),
        (b"\n \t\r\n\0\0\0" + line("a") + b"\xef\xbb\xbf" + line("b") + b"\0\n", ["a", "b"], []),
        (line("a").rstrip() + b'{"id": "torn' + line("b") + b"nonsense\n" + line("c"),
         ["a", "b", "c"], [b'{"id": "torn\nnonsense']),
        (line("a", content="a" * 9000).rstrip() + line("b", content="b" * 9000),
         ["a" * 9000, "b" * 9000], []),
        (NESTED + b"\n", [], [NESTED]),
        (b'{"id": "t" {"x": 1} ' + PLAIN + b"\n", ["u"], [b'{"id": "t" {"x": 1} ']),
        (b'{"was": ' + PLAIN + b', "co\n', [], [b'{"was": ' + PLAIN + b', "co']),
        (b'{"id": "a", "project_id": "p", "content": "caf\xe9"}\n', ["caf\udce9"], []),
        (b"7\n" + line("a") + b"null\n[]\n", ["a"], [b"7", b"null", b"[]"]),
    ],
    ids=["half a line", "blank", "blanks", "nonsense", "glued", "nested", "within", "its value",
         "bad bytes", "no objects"],
)  # fmt: skip
def test_what_makes_no_sense_is_kept_and_the_items_in_it_taken(
    file: Path, data: bytes, texts: list[str], odd: list[bytes]
) -> None:
    append(file, data)
    found = read(file.parent, source_of(file), final=True) or Lines()
    assert (sorted(item.content for item in found.items), found.odd) == (texts, odd)


def cut(name: str, *places: int, text: str = "") -> list[bytes]:
    """A line in parts, as a writer with a small buffer appends it; its text is its name or this."""
    whole = line(name, content=text or name)
    return [whole[a:b] for a, b in itertools.pairwise([0, *places, len(whole)])]


@pytest.mark.parametrize("content", ["long one", "naïve", "blank  here", "a words " * 2500])
@pytest.mark.parametrize("at", [1, 30, 50, 52, -30])
def test_a_line_that_another_cut_in_two_is_read_whole(file: Path, content: str, at: int) -> None:
    begin, end = cut(content[:9], at, text=content)
    between = "b" * 3900  # still one write
    append(file, begin + line("b", content=between) + line("c") + end + line("d"))
    found = got(file, source_of(file))
    assert sorted(taken(found)) == sorted([content, between, "c", "d"])
    assert (found.odd, after(found).torn) == ([], ())


def test_the_end_of_a_torn_line_may_come_later_in_many_parts(file: Path) -> None:
    source, parts = source_of(file), cut("long one", 30, 40, 50)
    for number, part in enumerate(parts[:-1]):
        append(file, part + line(f"b{number}"))
        found = got(file, source)
        assert (taken(found), found.odd) == ([f"b{number}"], [])
        source = msgspec.json.decode(msgspec.json.encode(after(found)), type=EmergencySource)
    append(file, parts[-1])
    found = got(file, source)
    assert (taken(found), found.odd, after(found).torn) == (["long one"], [], ())


@pytest.mark.parametrize(("length", "waits"), [(1_000_000, True), (1_000_001, False)])
def test_a_torn_line_waits_for_its_end_up_to_a_million_bytes(
    file: Path, length: int, *, waits: bool
) -> None:
    begin, end = cut("a", length, text="x" * length)
    append(file, begin + line("b"))
    found = got(file, source_of(file))
    assert (taken(found), list(map(len, found.odd))) == (["b"], [length] * (not waits))
    append(file, end)
    assert taken(got(file, after(found), final=True)) == ["x" * length] * waits


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("order", "whole"),
    [
        ("a1 b1 a2 b2", []), ("a1 b1 a2 b2 a3 b3", []), ("a1 b1 b2 a2 b3 a3", []),
        ("a1 c b1 d a2 b2", ["c", "d"]), ("a1 c b1 d b2 a2", ["c", "d"]),
        ("a1 c b1 d e b2 a2 a3 b3", ["c", "d", "e"]),
    ],
)  # fmt: skip
def test_of_two_lines_torn_at_once_no_memory_is_made_and_no_byte_lost(
    file: Path, order: str, whole: list[str], *, at_once: bool
) -> None:
    written = {each: line(each) for each in whole}
    for name in "ab":
        places = (8192, 16384) if "3" in order else (8192,)
        parts = cut(name, *places, text=f"{name} words " * 2500)
        written |= {f"{name}{at}": part for at, part in enumerate(parts, 1)}
    texts, odd, source = list[str](), b"", source_of(file)
    for each in order.split():
        append(file, written[each])
        if not at_once and (found := read(file.parent, source, final=False)):
            texts, odd = texts + taken(found), odd + b"".join(found.odd)
            source = after(found)
    last = read(file.parent, source, final=True) or Lines()
    assert texts + taken(last) == whole
    kept = odd + b"".join(last.odd)
    assert all(part.rstrip() in kept for each, part in written.items() if each not in whole)


def test_a_long_line_behind_one_whose_writer_died_is_read_after_a_short_one(file: Path) -> None:
    begin, _ = cut("a", 8192, text="a words " * 2500)
    append(file, begin + line("b", content="b words " * 2500).rstrip() + PLAIN + b"\n")
    found = got(file, source_of(file))
    assert taken(found) == ["u"]  # an end may come that is in the long one
    source = after(found)
    found = got(file, source, final=True)
    assert (taken(found), found.odd) == (["b words " * 2500], [begin])
    assert after(found) == msgspec.structs.replace(source, torn=())


def test_another_file_of_the_name_is_not_read_nor_one_that_is_gone_nor_a_folder(file: Path) -> None:
    append(file, line("a"))
    source = source_of(file)
    other = file.with_name("other")
    other.write_bytes(line("b"))
    other.replace(file)
    assert read(file.parent, source, final=False) is None
    file.unlink()
    assert read(file.parent, source, final=False) is None
    file.mkdir()
    with pytest.raises(FileUnavailableError, match="is a folder"):
        read(file.parent, source, final=False)


@pytest.mark.parametrize("length", [10, 255, 256, 257, 600])
def test_an_inode_that_is_another_files_by_now_is_read_from_its_beginning(
    file: Path, length: int
) -> None:
    append(file, line("x" * length))
    source = after(got(file, source_of(file)))
    append(file, line("b"))
    assert taken(got(file, source)) == ["b"]
    with file.open("r+b") as changed:
        changed.seek(source.offset - 2)
        changed.write(b" ")
    found = got(file, source, final=True)
    assert after(found).offset == file.stat().st_size
    assert "b" in taken(found)
    assert found.odd, "the changed line was read once more"


@pytest.mark.parametrize("final", [False, True])
def test_a_torn_line_of_a_file_that_another_replaced_is_kept(file: Path, *, final: bool) -> None:
    begin, end = cut("long one", 30)
    append(file, begin + line("b"))
    source = after(got(file, source_of(file)))
    assert source.torn == (begin,)
    file.write_bytes(end + line("c"))
    found = got(file, source, final=final)
    assert taken(found) == ["c"]
    assert found.odd[0] == begin
    assert after(found).torn == ()


def test_a_renamed_file_rests_for_a_day_by_both_clocks() -> None:
    source = EmergencySource(NAME, 1, renamed=1000.0, boot="b", uptime=50.0)
    assert REMOVE_AFTER == DAY
    assert not source.has_rested(1000.0 + DAY, "b", 51.0 + DAY)
    assert source.has_rested(1000.1 + DAY, "b", 50.1 + DAY)
    assert not source.has_rested(1000.1 + DAY, "b", 50.0 + DAY)
    assert not source.has_rested(1000.1 + DAY, "b", 51.0)
    assert source.has_rested(1000.1 + DAY, "another", 0.0)
    assert not source.has_rested(1000.0, "another", 0.0)
