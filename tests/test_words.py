"""One word, one meaning: words that are gone do not come back.

`mem0tray/docs/words.md` says what each word means. Each line below is a word that had many
meanings, or one of many words for a meaning, with what to say in its place.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.home import REPOSITORY

LINGERS: Final = "linger(?:s|ing)"
INTENTS: Final = "intents?"
LOCAL_SERVER: Final = "local server"
GONE: Final = {
    "settl(?:e|es|ed|ing)": "stable (a file), published (a generation), recorded (an outcome),"
    " closed in order (the ledger)",
    "unsettl(?:e|es|ed|ing)": "outcome unknown",
    "in_doubt": "outcome unknown",
    "leave_open": "outcome unknown",
    "editions?": "generation",
    INTENTS: "claim",
    LINGERS: "tombstone",
    "gates?": "circuit breaker",
    "meanwhile(?==)": "claim: nothing is sent ahead",
    "held_until": "break: held is a memory that waits for the user",
    "paths.requests": "orders: a request goes to a server",
    "unrest": "unstable file",
    "whereabouts": "served folder",
    LOCAL_SERVER: "embedded server",
}
# Where such a word is somebody else's: of systemd, of macOS, in the table of faults.
OTHERS: Final = {
    "mem0tray/desktop/notify/macos.py": {INTENTS},
    "tests/desktop/macos/": {INTENTS},
    "mem0tray/desktop/autostart/": {LINGERS},
    "tests/desktop/autostart/": {LINGERS},
    "mem0tray/cli/config.py": {LINGERS},
    "tests/cli/test_autostart.py": {LINGERS},
    "tests/proofs/rows/": {LOCAL_SERVER},
}
SUFFIXES: Final = frozenset({".py", ".md", ".sql", ".css", ".html"})
PAGE: Final = REPOSITORY / "mem0tray/docs/words.md"  # names what is gone, in its last column


@functools.cache
def texts() -> list[tuple[str, str, str]]:
    """Read code, tests and pages: the place of each, its text, and that in small letters."""
    read = ((path, path.read_text(encoding="utf-8")) for path in paths())
    return [(path.relative_to(REPOSITORY).as_posix(), text, text.lower()) for path, text in read]


def paths() -> Iterator[Path]:
    yield from REPOSITORY.glob("*.md")
    for folder in ("mem0tray", "tests", "packaging"):
        for path in (REPOSITORY / folder).rglob("*"):
            if path.suffix in SUFFIXES and path not in {PAGE, Path(__file__)}:
                yield path


def whole(word: str) -> re.Pattern[str]:
    """Match a word in prose and in names: `_EDITION`, `HandEdition`, but not `expedition`."""
    inner = word[0].upper() + word[1:]
    return re.compile(rf"(?<![A-Za-z])(?i:{word})(?![a-z])|(?<=[a-z]){inner}(?![a-z])")


@pytest.mark.parametrize("word", GONE)
def test_a_word_that_is_gone_stays_away(word: str) -> None:
    found = []
    gone = whole(word)
    for place, text, small in texts():
        if not re.search(word, small) or any(  # ten times as fast as `gone`
            place.startswith(where) and word in words for where, words in OTHERS.items()
        ):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if gone.search(line):
                found.append(f"{place}:{number}: {line.strip()}")
    assert found == [], f"say {GONE[word]}"


def test_each_word_has_one_meaning() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    words = [word for row in rows for word in row.split(", ")]
    assert {"outcome", "theirs"} <= set(words)
    assert [word for word in words if words.count(word) > 1] == []


def test_a_word_is_found_however_it_is_written() -> None:
    found = filter(
        whole("editions?").search, ["an edition", "_EDITIONS", "HandEdition", "expedition"]
    )
    assert list(found) == ["an edition", "_EDITIONS", "HandEdition"]
