"""What a terminal is shown, whatever its width, colours and signs."""

import io
import re
import sys

import pytest

from mem0tray.cli.demo_screen import Screen
from mem0tray.demo.director import StoryRecord
from mem0tray.demo.progress import ActBegan, Commanded, Kept, Logged, Looked, Queued, Said
from mem0tray.demo.story import Act, StoryMemory, StorySnapshot

SEEN = StorySnapshot(state="healthy", fresh=2, dead=1, stored=(StoryMemory("shop", "text"),) * 5)
LONG = "A sentence that is long enough to be wrapped in every terminal that there is, or nearly."
TABLE = "ID        PROJECT  RETRIED  LAST ATTEMPT  NEXT RETRY  REASON"
HAPPENINGS = (
    ActBegan(1, Act("An act", ())),
    Looked(SEEN),
    Said(LONG),
    Queued(StoryMemory("shop", LONG)),
    Commanded(("list",), f"{TABLE}\n  {LONG}\n"),
    Logged("📋 Moved to DLQ: shop (ID: 12345678...) after 5 retries"),
    Kept(LONG),
)


class Output(io.TextIOWrapper):
    """Standard output, to a terminal or into a pipe."""

    def __init__(self, encoding: str, *, terminal: bool) -> None:
        self._terminal, self._bytes = terminal, io.BytesIO()
        super().__init__(self._bytes, encoding=encoding, errors="replace", newline="")

    @property
    def sent(self) -> bytes:
        """Everything so far."""
        self.flush()
        return self._bytes.getvalue()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._terminal


def shown(
    monkeypatch: pytest.MonkeyPatch,
    encoding: str = "utf-8",
    *,
    terminal: bool = True,
    **env: str,
) -> str:
    """Show everything in such an environment; what standard output was sent."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **env}.items():
        monkeypatch.setenv(name, value)
    stream = Output(encoding, terminal=terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    with Screen() as screen:
        for happening in HAPPENINGS:
            screen(happening)
    screen.ended(StoryRecord(queued=[StoryMemory("shop", "text")] * 5, seen=SEEN, seconds=30.4))
    return stream.sent.decode(encoding)


def lines(text: str) -> list[str]:
    """Split into lines, without the codes for colours and the cursor."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain)]


def test_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are wrapped and hang beside their mark; memories, columns and log are cut off."""
    assert lines(shown(monkeypatch, terminal=False, COLUMNS="60"))[4:-1] == [
        "  1  An act",
        "     A sentence that is long enough to be wrapped in every",
        "     terminal that there is, or nearly.",
        "     + shop    A sentence that is long enough to be wrapped…",
        "     $ mem0tray list",
        "     ID        PROJECT  RETRIED  LAST ATTEMPT  NEXT RETRY  …",
        "       A sentence that is long enough to be wrapped in every",
        "       terminal that there is, or nearly.",
        "     │ 📋 Moved to DLQ: shop (ID: 12345678...) after 5 retr…",
        "     ✓ A sentence that is long enough to be wrapped in every",
        "       terminal that there is, or nearly.",
        "  5 memories queued, 5 on the server, each once.",
        "  shop 5; in 30 seconds.",
    ]


@pytest.mark.parametrize("columns", [30, 60, 200])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Nor than can be read with ease; a narrow terminal is spared the blocks."""
    found = lines(shown(monkeypatch, COLUMNS=str(columns)))
    assert max(map(len, found)) <= min(columns, 80)
    (gauge,) = {line for line in found if "queue" in line and "healthy" in line}
    assert ("queue ■■ 2  DLQ ■ 1  delivered ■■■■■ 5" in gauge) == (columns > 30)


@pytest.mark.parametrize(
    ("terminal", "env", "colours", "redrawn"),
    [
        (False, {}, False, False),
        (True, {}, True, True),
        (True, {"NO_COLOR": "1"}, False, True),
        (True, {"TERM": "dumb"}, False, False),
        (False, {"FORCE_COLOR": "1"}, True, False),
    ],
    ids=["pipe", "terminal", "NO_COLOR", "dumb", "FORCE_COLOR"],
)
def test_colours(
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    *,
    terminal: bool,
    colours: bool,
    redrawn: bool,
) -> None:
    """A terminal has them and the last line unless the environment forbids it; a pipe neither."""
    text = shown(monkeypatch, terminal=terminal, COLUMNS="60", **env)
    assert bool(re.search(r"\x1b\[[\d;]+m", text)) == colours
    assert ("\x1b[2K" in text) == redrawn


def test_a_terminal_without_such_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """ASCII stands in for marks, blocks and the rule."""
    text = shown(monkeypatch, "ascii", COLUMNS="60")
    found = "\n".join(lines(text))
    for expected in ("     + A sentence", "* healthy", "delivered ##### 5", "-" * 60):
        assert expected in found


def test_the_last_line_is_drawn_only_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks that see nothing new send nothing to the terminal."""
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Output("utf-8", terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with Screen() as screen:
        screen(Looked(SEEN))
        before = stream.sent
        assert b"healthy" in before
        screen(Looked(SEEN))
        assert stream.sent == before
