"""Queueing memories: how long they may be, several at once, and those of a file's lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.actions import add
from mem0tray.actions.add_lines import BadLineError, MemoryLine, read_line, write_line
from mem0tray.config.settings import Loaded, ServerSettings, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import LONGEST_TEXT
from mem0tray.server.http_client import LONGEST_PATH
from mem0tray.server.vps import listing_path
from mem0tray.system.paths import Paths

SETTINGS = Loaded(Settings(server=ServerSettings(url="https://server.test")))


@pytest.mark.parametrize("sign", ["x", "é", "\ud800"])
def test_a_text_of_more_than_a_megabyte_is_refused(paths: Paths, sign: str) -> None:
    longest = sign * (LONGEST_TEXT // len(sign.encode("utf-8", "surrogatepass")))
    with pytest.raises(Mem0TrayError, match="1,000,000 bytes at most") as raised:
        add.queue_memory(SETTINGS, "garden", longest + "xx")
    assert raised.value.remedy == "Add it in parts."
    assert not paths.queue.exists()
    assert add.queue_memory(SETTINGS, "garden", longest).where == "queue"


def test_a_project_that_no_server_could_list_is_refused(paths: Paths) -> None:
    with pytest.raises(Mem0TrayError, match="name has more than 300 characters"):
        add.queue_memory(SETTINGS, "p" * 301, "oak")
    assert not paths.queue.exists()
    assert add.queue_memory(SETTINGS, "\U0001f333" * 300, "oak").where == "queue"
    assert len(listing_path("\U0001f333" * 300)) < LONGEST_PATH


_TEXTS = st.text(st.characters(), min_size=1)  # lone surrogates and NUL too
_NAMES = _TEXTS.filter(lambda text: text.strip() != "")


@given(_NAMES, _TEXTS, _NAMES, st.none() | st.integers(0, 253_402_300_799))
def test_what_is_written_is_read_again(
    project: str, content: str, name: str, timestamp: int | None
) -> None:
    line = MemoryLine(project, content, name, timestamp)
    raw = write_line(line)
    assert read_line(raw) == line
    text = raw.decode()
    assert text.splitlines() == [text.removesuffix("\n")]
    assert not set(text) & set("\x1b\x9b\u202e\u2028\u0085\x7f")


def test_a_line_may_name_no_more_than_its_text() -> None:
    line = read_line(b'{"content": "oak", "retries": 7}', "garden")
    assert line[:2] == ("garden", "oak")
    assert line.timestamp is None
    assert read_line(b' {"project_id": "garden", "content": "oak", "id": null} ').id == line.id
    others = (b'{"content": "elm"}', b'{"content": "oak", "timestamp": 5}')
    assert line.id not in {read_line(other, "garden").id for other in others}
    assert read_line(b'{"project_id": "own", "content": "oak"}', "garden").project == "own"
    assert read_line(b'{"project_id": "p", "content": "\xed\xa0\xbd"}').content == "\ud83d"


def _line(**more: object) -> bytes:
    return json.dumps({"project_id": "p", "content": "c"} | more).encode()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "is not JSON: Expecting property name enclosed in double quotes, at character 2"),
        (b'{"content": "sch\xf6n"}', "is not UTF-8: byte 17 is 0xf6"),
        ("{}".encode("utf-16"), "is not UTF-8: byte 1 is 0xff"),
        (b"[1]", "is no JSON object"),
        (b"[" * 100_000, "holds too many levels, or too long a number"),
        (_line(project_id=7), 'has no text as "project_id"'),
        (_line(content={"a": 1}), 'has no text as "content"'),
        (_line(content=""), 'has no text as "content"'),
        (_line(id=True), 'has no text as "id"'),
        (_line(timestamp="2026-01-02"), 'has a "timestamp" that is no time in Unix seconds'),
        (_line(timestamp=253_402_300_800), 'has a "timestamp" that is no time in Unix seconds'),
        (_line(timestamp=float("nan")), 'has a "timestamp" that is no time in Unix seconds'),
        (_line(timestamp=10**400), 'has a "timestamp" that is no time in Unix seconds'),
    ],
)
def test_what_is_no_memory_says_why(line: bytes, why: str) -> None:
    with pytest.raises(BadLineError) as raised:
        read_line(line)
    assert str(raised.value) == why
