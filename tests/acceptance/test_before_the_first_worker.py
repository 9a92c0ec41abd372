"""Commands before any worker has run: what they leave for the first, and what they take back."""

import json
import sys

import pytest

from tests.support.home import Home
from tests.support.standin import Standin

LINE = json.dumps({"id": "x1", "project_id": "alpha", "content": "first text"})


def waiting(home: Home) -> list[str]:
    """List the texts that `list --queue` shows, which `status --line` must count."""
    shown = [each["content"] for each in home.json("list", "--queue", "--json")]
    count = f"{len(shown)} waiting" if shown else "not running"
    assert count in home.ok("status", "--line")
    return shown


def edit(home: Home, text: str) -> None:
    """Have an editor put another text in place of the one memory's."""
    program = home.root / "editor.py"
    program.write_text(f"import pathlib, sys; pathlib.Path(sys.argv[1]).write_text({text!r})")
    home.ok("edit", "x1", env={"VISUAL": f"{sys.executable} {program}"})


def test_a_text_edited_there_and_back_is_delivered(home: Home, server: Standin) -> None:
    home.ok("add", "--jsonl", stdin=LINE)
    edit(home, "second text")
    edit(home, "first text")
    assert waiting(home) == ["first text"]
    home.drained()
    assert [text for _, text in server.stored] == ["first text"]


@pytest.mark.parametrize("how", [(), ("--forget",)])
def test_what_is_added_again_after_its_deletion_is_delivered(
    home: Home, server: Standin, how: tuple[str, ...]
) -> None:
    home.ok("add", "--jsonl", stdin=LINE)
    home.ok("delete", "x1", "--yes", *how)
    assert waiting(home) == []
    home.ok("add", "--jsonl", stdin=LINE)
    assert waiting(home) == ["first text"]
    home.drained()
    assert [text for _, text in server.stored] == ["first text"]


def test_what_is_put_back_by_hand_after_a_deletion_waits_again(home: Home, server: Standin) -> None:
    home.ok("add", "--jsonl", stdin=LINE)
    before = home.queue.read_bytes()
    home.ok("delete", "x1", "--yes")
    home.queue.write_bytes(before)
    assert waiting(home) == ["first text"]
    home.drained()
    assert [text for _, text in server.stored] == ["first text"]
