"""`mem0tray report` and `open`: where the page is written, and which browser shows it."""

import os
import sys
import webbrowser
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.desktop import window
from tests.cli.scratch import Scratch
from tests.desktop.programs import script
from tests.support import needs
from tests.support.shapes import dead


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what would be opened, on a machine with a display."""
    found: list[str] = []

    def remember(url: str) -> bool:
        found.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", remember)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("BROWSER", "a-browser")  # the user's choice, which `webbrowser` takes
    monkeypatch.setattr(window, "_browser", lambda: "")
    return found


def test_out_is_written_and_not_opened(home: Scratch, opened: list[str]) -> None:
    home.env(MEM0TRAY_UI_LANGUAGE="fr")
    home.write("mem0_queue_dlq.json", {"items": [dead("the text itself")]})
    path = home.root / "a page.html"
    path.touch(0o644)
    said = home.ok("report", "--out", str(path), "--with-content")
    assert said.strip() == str(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert needs.has_mode(path, 0o600)
    assert 'lang="fr"' in text
    assert "the text itself" in text
    assert opened == []


@pytest.mark.parametrize(("name", "code"), [("", 2), (".", 2), ("nowhere/page.html", 1)])
def test_a_place_that_cannot_be_written_is_named(home: Scratch, name: str, code: int) -> None:
    done = home.run("report", "--out", name)
    assert (done.code, done.out) == (code, "")
    assert name.replace("/", os.sep) in done.line
    assert "ove it away" not in done.err


def test_a_browser_that_cannot_be_started_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", mock.Mock(side_effect=webbrowser.Error))
    assert window.open_page(tmp_path / "page.html") is False


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BROWSER")
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return tmp_path / "programs" / "xdg-open"


@needs.linux("its opener is that of Linux")
def test_without_a_browser_it_says_what_to_do(home: Scratch, opener: Path) -> None:
    script(opener, "exit 3")
    assert "No browser could be opened here. `mem0tray status` shows" in home.fails("open")


@needs.linux("its opener is that of Linux")
@pytest.mark.parametrize("opens_nothing", ["exit 3", "exit 4"])
def test_a_browser_that_the_desktops_opener_does_not_find(
    tmp_path: Path, opener: Path, opens_nothing: str
) -> None:
    script(opener, opens_nothing)
    script(opener.with_name("firefox"), 'echo "$*" > "$0.got"')
    assert window.open_page(tmp_path / "page.html")
    got = opener.with_name("firefox.got").read_text()
    assert got.strip() == (tmp_path / "page.html").as_uri()


@needs.linux("Windows and macOS have their own way")
def test_a_click_does_not_wait_for_the_end_of_the_users_browser(
    tmp_path: Path, opener: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "_PATIENCE", 0.05)
    monkeypatch.setenv("BROWSER", f"{opener.with_name('mine')} --page=%s")
    os.mkfifo(tmp_path / "end")
    script(opener.with_name("mine"), f'echo "$1" > "$0.got"; read word < "{tmp_path}/end"; exit 1')
    script(opener, 'echo "$1" > "$0.got"')
    assert window.open_page(tmp_path / "page.html", waits=False)
    (tmp_path / "end").write_text("end\n")  # waits for the browser to read it
    got = opener.with_name("mine.got").read_text()
    assert got.strip() == f"--page={(tmp_path / 'page.html').as_uri()}"
    assert not opener.with_name("xdg-open.got").exists()


@pytest.mark.parametrize(
    ("browser", "snap"),
    [("firefox_firefox.desktop", True), ("firefox.desktop", False), ("vivaldi_x.desktop", False)],
)
def test_a_browser_in_a_snap_gets_it_where_it_may_read(
    home: Scratch, browser: str, *, snap: bool
) -> None:
    home.patch.setattr(sys, "platform", "linux")
    home.patch.setattr(window, "_browser", lambda: browser)
    own = home.root / "snap" / "firefox" / "common"
    own.mkdir(parents=True)
    expected = own / "mem0tray.html" if snap else home.paths.data_dir / "window.html"
    assert window.usual_place(home.paths) == expected


@needs.linux("Windows and macOS have their own way")
@pytest.mark.parametrize("chosen", ["gone", "broken", ":"])
def test_after_a_click_the_desktops_opener_is_tried_where_the_chosen_one_does_not_start(
    tmp_path: Path, opener: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv("BROWSER", chosen)
    script(opener.with_name("broken"), "", "/gone/sh")
    script(opener, 'echo "$1" > "$0.got"')
    assert window.open_page(tmp_path / "page.html", waits=False)
    assert opener.with_name("xdg-open.got").exists()
