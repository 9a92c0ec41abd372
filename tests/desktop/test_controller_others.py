"""What the other clicks do: to know more, to open, to set; and the thread that does it."""

import queue
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray import report
from mem0tray.actions.standing import DeadLetter
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.desktop import clipboard, opener
from mem0tray.desktop.tray.menu import MenuCommand, Verb
from mem0tray.files import orders
from mem0tray.system.paths import Paths, config_file
from tests.actions.scene import contents, write_dlq
from tests.desktop.click_desk import Desk
from tests.support.shapes import Item, waiting


@pytest.fixture
def letters(paths: Paths) -> list[Item]:
    """Write three dead letters."""
    made = [waiting(f"text of {name}", name, id=f"{name}-1234-5") for name in ("aa", "bb", "cc")]
    write_dlq(paths, made)
    return made


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    """Start a controller."""
    made = Desk(paths)
    made.controller.start()
    yield made
    made.controller.stop()


def test_memories_are_brought_over_from_the_server_that_was_clicked(desk: Desk) -> None:
    """It begins, and the click is done: what comes of it is told later."""
    assert desk.click(Verb.BRING_OVER, value="http://old.test") == []
    assert desk.brought_over == ["http://old.test"]


# Knowing more ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_a_diagnosis_is_told(desk: Desk) -> None:
    """Its title names project and short id; the texts of memories are not shown."""
    assert desk.click(Verb.DIAGNOSE, letter=desk.letters()["bb"]) == []
    ((title, text, close),) = desk.told
    assert (title, close) == ("bb · bb-1234-", "Close")
    assert text
    assert "text of bb" not in text


def test_a_diagnosis_in_french(desk: Desk, paths: Paths) -> None:
    """Causes and remedies are said in the user's language."""
    write_dlq(paths, [waiting("a", "")])
    desk.language = Language("fr")
    desk.click(Verb.DIAGNOSE, letter=desk.letters()[""])
    ((title, text, close),) = desk.told
    assert (title.partition(" · ")[0], close) == ("sans projet", "Fermer")
    assert text.startswith(
        "Contenu invalide\xa0: aucun projet n’est indiqué."
        "\n\nIndiquez son project_id dans mem0_queue_dlq.json ou supprimez-le avec `mem0tray"
    )
    assert not re.search(r"\b(it|is|the|not)\b", text)


def test_the_id_is_copied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, and nothing is said."""
    copied: list[str] = []
    monkeypatch.setattr(clipboard, "copy", copied.append)
    letter = DeadLetter("bb-1234-5" * 9, b"", "bb", 0.0, reasons.NONE)
    assert desk.click(Verb.COPY_ID, letter=letter) == []
    assert copied == ["bb-1234-5" * 9]


@pytest.mark.parametrize("error", [OSError("no pipe"), Mem0TrayError("no program", "Install one.")])
def test_an_id_that_was_not_copied_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Nobody pastes what was copied before: it is said why, with the whole ID."""

    def fail(_text: str) -> None:
        raise error

    monkeypatch.setattr(clipboard, "copy", fail)
    letter = DeadLetter("bb-1234-5", b"", "bb", 0.0, reasons.NONE)
    assert desk.click(Verb.COPY_ID, letter=letter) == []
    ((title, text, _close),) = desk.told
    assert title == "The ID was not copied"
    assert text.startswith("bb-1234-5\n\nNo p")
    assert text.endswith(".")


def test_a_window_holds_up_no_other_click(desk: Desk, letters: list[Item]) -> None:
    """While one is open all else is done, quitting too; a second window waits for the first."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    asked = threading.Semaphore(0)

    def answer() -> bool:
        asked.release()
        return answers.get(timeout=20)

    desk.answer = answer
    shown = desk.letters()
    for project in ("aa", "bb"):
        desk.controller.do(MenuCommand(Verb.DELETE, shown[project]))
    assert asked.acquire(timeout=20)
    desk.click(Verb.PAUSE)
    assert orders.read_pause(desk.paths) is not None
    desk.controller.do(MenuCommand(Verb.QUIT))
    assert (desk.quits, len(desk.questions)) == (1, 1)
    answers.put(item=False)
    assert asked.acquire(timeout=20)
    answers.put(item=False)
    for _ in range(2):
        desk.done.get(timeout=20)
    assert len(contents(desk.paths)) == len(letters)


@pytest.mark.parametrize("opens", [True, False])
def test_the_status_page_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, opens: bool
) -> None:
    """In the browser; where none is found it is said where the page is, and not offered again."""
    shown: list[Path] = []

    def open_page(page: Path, *, waits: bool) -> bool:
        assert not waits
        shown.append(page)
        return opens

    monkeypatch.setattr(report, "open_page", open_page)
    said = desk.click(Verb.SHOW_STATUS)
    (page,) = shown
    assert "<html" in page.read_text(encoding="utf-8")
    found_none = f"No program was found that opens {page}. Open it by hand."
    assert said == ([] if opens else [("That did not work", found_none)])
    assert desk.failed == ([] if opens else [Verb.SHOW_STATUS])


def test_files_are_opened(desk: Desk, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The DLQ to be edited, the log to be read."""
    opened: list[tuple[bool, Path]] = []
    monkeypatch.setattr(opener, "show", lambda path, _, edits=False: opened.append((edits, path)))
    desk.click(Verb.OPEN_DLQ)
    desk.click(Verb.OPEN_LOG)
    assert opened == [(True, paths.dlq), (False, paths.log)]


@pytest.mark.usefixtures("paths")
def test_what_cannot_be_opened_is_said(desk: Desk) -> None:
    """A file that is not there, by its name."""
    ((title, text),) = desk.click(Verb.OPEN_LOG)
    assert (title, "mem0_worker.log does not exist" in text) == ("That did not work", True)


# Settings -----------------------------------------------------------------------------------


def test_settings_are_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commented file is made where there is none; one of the user's stays as it is."""
    opened: list[str] = []
    monkeypatch.setattr(
        opener, "show", lambda path, _, edits: opened.append(path.read_text() if edits else "")
    )
    desk.click(Verb.SETTINGS)
    assert "\n# timeout = 60 " in opened[0]
    assert config_file().stat().st_mode & 0o777 == 0o600
    config_file().write_text("# mine\n")
    desk.click(Verb.SETTINGS)
    assert opened[1:] == ["# mine\n"]


def test_a_pause_begins_and_ends(desk: Desk, paths: Paths) -> None:
    """For some minutes, or until resumed."""
    desk.click(Verb.PAUSE, value=30)
    left = (orders.read_pause(paths) or 0) - time.time()
    assert 29 * 60 < left <= 30 * 60
    desk.click(Verb.PAUSE)
    assert orders.read_pause(paths) == float("inf")
    desk.click(Verb.RESUME)
    assert orders.read_pause(paths) is None
    assert desk.click(Verb.RESUME) == []


def test_the_level_is_written_into_the_settings(desk: Desk) -> None:
    """With the user's comments kept."""
    config_file().parent.mkdir(parents=True)
    config_file().write_text("# mine\n[notifications]\nlevel = 'all'  # for now\n")
    desk.click(Verb.LEVEL, value="problems")
    assert config_file().read_text() == '# mine\n[notifications]\nlevel = "problems"  # for now\n'


def test_starting_at_login(desk: Desk) -> None:
    """On and off; what fails is said."""
    assert desk.click(Verb.AT_LOGIN, value=False)[0][0] == "That did not work"
    desk.click(Verb.AT_LOGIN, value=True)
    assert desk.at_login is True
    desk.click(Verb.AT_LOGIN, value=False)
    assert desk.at_login is False


# The thread ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [OSError("disk"), RuntimeError("odd\nthing"), Mem0TrayError("odd")]
)
def test_no_click_ends_the_later_ones(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever goes wrong is said in one line; a command without its memory too."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(opener, "show", fail)
    ((title, text),) = desk.click(Verb.SETTINGS)
    assert title == "That did not work"
    assert str(error).split("\n", maxsplit=1)[0] in text.lower()
    assert "\n" not in text
    assert desk.click(Verb.RETRY)[0][0] == "That did not work"


def test_it_can_be_stopped_before_it_began(paths: Paths) -> None:
    """An icon that could not be shown must not keep the worker from ending."""
    Desk(paths).controller.stop()


def test_every_verb_is_carried_out(desk: Desk) -> None:
    """Quitting is done at once, all others by the thread."""
    assert set(desk.controller._verbs) == set(Verb) - {Verb.QUIT}
