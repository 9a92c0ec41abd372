"""What the log says of events, where the words matter beside the markers."""

import pytest

from mem0tray import events
from mem0tray.worker.log import describe


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.WorkerStarted("this computer only"),
            "▶️ Worker started; memories go to: this computer only",
        ),
        (
            events.WorkerStarted(""),
            "▶️ Worker started; no usable server is chosen, nothing is sent",
        ),
        (
            events.ServerChanged("a.test", "over plain http"),
            "▶️ The server has changed; from now on memories go to: a.test (over plain http)",
        ),
    ],
)
def test_where_memories_go(event: events.Event, line: str) -> None:
    """A start is told from a change of settings, and no destination from one."""
    assert describe(event) == line


def test_a_broken_file_is_kept_in_the_quarantine() -> None:
    """Where the file's own bytes are is said."""
    line = describe(events.FileBroken("q.json", "odd at line 1", "1-q.json"))
    assert "kept in the quarantine as 1-q.json" in line
