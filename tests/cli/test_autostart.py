"""`autostart`: enable, disable, status."""

from pathlib import Path

import pytest

from tests.cli.scratch import Scratch


@pytest.fixture
def entry(home: Scratch, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the entry belongs; nothing is set up for everybody, and no desktop runs."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(home.root / "xdg"))
    monkeypatch.delenv("XDG_CURRENT_DESKTOP", raising=False)
    return home.root / "config" / "autostart" / "mem0tray.desktop"


def test_there_and_back(home: Scratch, entry: Path) -> None:
    """Each command says how it is now, and `status` agrees."""
    assert home.ok("autostart", "status").startswith("mem0tray does not start at login.\n")
    said = home.ok("autostart", "enable")
    assert said.startswith(f"mem0tray starts at login. {entry} runs ")
    assert entry.exists()
    assert home.ok("autostart", "status").startswith("mem0tray starts at login.\n")
    assert home.ok("autostart", "disable") == "mem0tray does not start at login.\n"
    assert not entry.exists()
    assert home.run("autostart", "status", "--json").json()["state"] == "disabled"


def test_the_same_for_scripts(home: Scratch, entry: Path) -> None:
    """State, place, and what is started."""
    home.ok("autostart", "enable")
    seen = home.run("autostart", "status", "--json").json()
    starts = seen["enable_would_start"]
    assert seen == {
        "state": "enabled",
        "reason": "",
        "where": str(entry),
        "starts": starts,
        "enable_would_start": starts,
    }
    assert "mem0tray" in starts


def _write(entry: Path, *lines: str) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text("\n".join(["[Desktop Entry]", "Type=Application", *lines, ""]))


@pytest.mark.parametrize(
    ("lines", "state", "words"),
    [
        (["Exec=/gone/mem0tray"], "stale", "/gone/mem0tray is not there any more."),
        (["Exec=/bin/true", "Hidden=true"], "blocked", "says Hidden=true."),
        (["Exec=/bin/true"], "enabled", "It is another mem0tray than this one;"),
    ],
)
def test_what_is_odd_comes_with_its_remedy(
    home: Scratch, entry: Path, lines: list[str], state: str, words: str
) -> None:
    """`status` says what is odd and names the command that mends it, and that does."""
    _write(entry, *lines)
    text = home.ok("autostart", "status")
    assert words in text
    assert "`mem0tray autostart enable`" in text
    assert home.run("autostart", "status", "--json").json()["state"] == state
    home.ok("autostart", "enable")
    assert "enable`" not in home.ok("autostart", "status")


def test_a_folder_that_cannot_be_made(home: Scratch, entry: Path) -> None:
    """Exit 1, with one line that names it."""
    entry.parent.parent.mkdir()
    entry.parent.write_text("")
    done = home.run("autostart", "enable")
    assert (done.code, done.out) == (1, "")
    assert str(entry.parent) in done.line


def test_no_settings_are_needed(home: Scratch, entry: Path) -> None:
    """Wrong settings do not stand in the way of starting at login, or of ending that."""
    home.configure("nonsense")
    home.ok("autostart", "enable")
    assert entry.exists()
    home.ok("autostart", "disable")
