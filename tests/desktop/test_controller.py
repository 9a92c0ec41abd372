"""What a click does, with real files; dialogs and autostart are stand-ins."""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray import report
from mem0tray.actions.oldest import Letter, oldest
from mem0tray.desktop import clipboard, opener
from mem0tray.desktop.autostart import State
from mem0tray.desktop.controller import Controller, Surface
from mem0tray.desktop.dialogs import Question
from mem0tray.desktop.menu import Command, Verb
from mem0tray.errors import Mem0TrayError
from mem0tray.files import atomic
from mem0tray.language import Language
from mem0tray.paths import Paths, config_file
from mem0tray.settings import Settings
from mem0tray.worker import pauses
from tests.actions.scene import contents, read, worker, write, write_dlq
from tests.support.shapes import Item, texts, waiting


class Desk:
    """A controller and what came of its work; `answer` is what dialogs are told."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.language = Language("en")
        self.answer: Callable[[], bool] = lambda: True
        self.questions: list[Question] = []
        self.told: list[tuple[str, str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.at_login: bool | None = None
        self.quits = 0
        self.done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.controller = Controller(
            Settings,
            lambda: self.language,
            Surface(self, self, lambda *words: self.said.append(words), self._quit, self._changed),
        )

    def _quit(self) -> None:
        self.quits += 1

    def _changed(self) -> None:
        self.done.put(None)

    def click(self, verb: Verb, **fields: Any) -> list[tuple[str, str]]:
        """Click, wait for the end of the work; what was said."""
        self.said.clear()
        self.controller.do(Command(verb, **fields))
        self.done.get(timeout=20)
        return self.said

    def letters(self) -> dict[str, Letter]:
        """The dead letters that the menu shows, by project."""
        with worker(self.paths):
            return {letter.project: letter for letter in oldest(self.paths, 10)}

    # As Dialogs

    def ask(self, question: Question) -> bool:
        """Answer as the test wants."""
        self.questions.append(question)
        return self.answer()

    def tell(self, title: str, text: str, close: str) -> None:
        """Write it down."""
        self.told.append((title, text, close))

    # As Autostart

    where = command = ""

    def state(self) -> State:
        """What is set up."""
        return State("enabled" if self.at_login else "disabled")

    def enable(self) -> None:
        """Start at login."""
        self.at_login = True

    def disable(self) -> None:
        """Do not, or fail."""
        if self.at_login is None:
            raise Mem0TrayError("The entry cannot be removed.")
        self.at_login = False

    def mend(self) -> bool:
        """Nothing to mend."""
        return False


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


def attempts(paths: Paths) -> list[float]:
    """The field `last_attempt` of each dead letter: 0 where it is retried now."""
    return [item["last_attempt"] for item in read(paths.dlq)["items"]]


# Retrying ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_one_is_retried(desk: Desk, paths: Paths) -> None:
    """That memory and no other, even if it stands elsewhere by now."""
    letter = desk.letters()["bb"]
    write_dlq(paths, reversed(read(paths.dlq)["items"]))
    assert desk.click(Verb.RETRY, letter=letter) == []
    assert [bool(at) for at in attempts(paths)] == [True, False, True]


@pytest.mark.usefixtures("letters")
def test_all_are_retried(desk: Desk, paths: Paths) -> None:
    """Every dead letter."""
    assert desk.click(Verb.RETRY_ALL) == []
    assert attempts(paths) == [0, 0, 0]


@pytest.mark.parametrize("verb", [Verb.RETRY, Verb.DELETE, Verb.DIAGNOSE])
def test_one_that_is_gone_is_said(
    desk: Desk, paths: Paths, letters: list[Item], verb: Verb
) -> None:
    """A menu may be older than the file: nothing else is touched, and nothing is asked."""
    letter = desk.letters()["bb"]
    write_dlq(paths, [letters[0], {**letters[1], "content": "another text"}])
    before = paths.dlq.read_bytes()
    ((title, text),) = desk.click(verb, letter=letter)
    assert title == "That did not work"
    assert "delivered meanwhile" in text
    assert paths.dlq.read_bytes() == before
    assert (desk.questions, desk.told) == ([], [])


# Back up, then delete -----------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_deleting_asks_backs_up_and_says_where(desk: Desk, paths: Paths) -> None:
    """The question names project, ID and date; the answer names the backup and the way back."""
    letter = desk.letters()["bb"]
    ((title, text),) = desk.click(Verb.DELETE, letter=letter)
    (question,) = desk.questions
    assert "Project: bb\nID: bb-1234-5\n" in question.text
    assert f"Dead letter since: {desk.language.date_and_time(letter.since)}" in question.text
    assert (question.confirm, question.cancel) == ("Back up and delete", "Cancel")
    assert contents(paths) == ["text of aa", "text of cc"]
    (backup,) = paths.claude_dir.glob("mem0_queue_dlq.backup-*.json")
    assert texts(read(backup)["items"]) == ["text of bb"]
    assert title == "Deleted"
    assert backup.name in text
    assert "Restore last deletion" in text


@pytest.mark.usefixtures("letters")
def test_cancelling_deletes_nothing(desk: Desk, paths: Paths) -> None:
    """Nor is anything written or said."""
    letter = desk.letters()["bb"]
    before = sorted(paths.claude_dir.iterdir()), paths.dlq.read_bytes()
    desk.answer = lambda: False
    assert desk.click(Verb.DELETE, letter=letter) == []
    assert (sorted(paths.claude_dir.iterdir()), paths.dlq.read_bytes()) == before


@pytest.mark.usefixtures("letters")
def test_without_a_backup_nothing_is_deleted(
    desk: Desk, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is read back and compared before anything goes."""
    letter = desk.letters()["bb"]
    real = atomic.replace
    monkeypatch.setattr(atomic, "replace", lambda path, data, **_: real(path, data[:-5]))
    ((title, text),) = desk.click(Verb.DELETE, letter=letter)
    monkeypatch.undo()
    assert title == "That did not work"
    assert "nothing was deleted" in text.lower()
    assert len(contents(paths)) == 3


def test_one_that_is_delivered_while_the_question_stands(
    desk: Desk, paths: Paths, letters: list[Item]
) -> None:
    """It is said, the others stay, and no empty backup is left."""
    letter = desk.letters()["bb"]

    def deliver() -> bool:
        write_dlq(paths, [letters[0], letters[2]])
        return True

    desk.answer = deliver
    ((title, text),) = desk.click(Verb.DELETE, letter=letter)
    assert (title, "delivered meanwhile" in text) == ("That did not work", True)
    assert contents(paths) == ["text of aa", "text of cc"]
    assert list(paths.claude_dir.glob("mem0_queue_dlq.backup*")) == []


HOSTILE = "\u202eevil\n\x00& <b>_%s{x}" + "y" * 1_000_000


def test_a_hostile_item_can_be_deleted(desk: Desk, paths: Paths) -> None:
    """Newlines, bidi marks, a megabyte and a date of no calendar stay out of the question."""
    write_dlq(paths, [waiting("a", HOSTILE, id=HOSTILE, moved_to_dlq_at=1e18)])
    (letter,) = desk.letters().values()
    ((title, _),) = desk.click(Verb.DELETE, letter=letter)
    (question,) = desk.questions
    project, name, since, *_ = question.text.split("\n")
    assert project.startswith("Project: evil & <b>_%s{x}yyy")
    assert name.startswith("ID: evil")
    assert since == "Dead letter since: ?"
    assert len(question.text) < 400
    assert "\u202e" not in question.text
    assert title == "Deleted"
    assert contents(paths) == []


# Bringing back --------------------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_the_last_deletion_is_restored(desk: Desk, paths: Paths) -> None:
    """Once; asked again, it is back already."""
    desk.click(Verb.DELETE, letter=desk.letters()["bb"])
    assert desk.click(Verb.RESTORE) == [("Restored", "1 memory is back.")]
    assert sorted(contents(paths)) == ["text of aa", "text of bb", "text of cc"]
    ((title, text),) = desk.click(Verb.RESTORE)
    assert (title, "back already" in text) == ("Restored", True)


def test_nothing_to_restore(desk: Desk) -> None:
    """It is said in the user's language, and is no error."""
    desk.language = Language("fr")
    assert desk.click(Verb.RESTORE) == [("Rien à restaurer", "Rien n’a été supprimé.")]


def test_a_backup_of_nothing_is_no_deletion(desk: Desk, paths: Paths) -> None:
    """What was to be deleted had gone: the deletion before it is the last one."""
    for name, found in (("20250101-000000", [waiting("kept")]), ("20250102-000000", [])):
        path = paths.claude_dir / f"mem0_queue_dlq.backup-{name}-000000.json"
        write(path, {"items": found, "last_update": ""})
    assert desk.click(Verb.RESTORE) == [("Restored", "1 memory is back.")]
    assert contents(paths) == ["kept"]


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
        "contenu invalide\xa0: aucun projet n’est indiqué."
        " Donnez-lui un project_id dans le fichier, ou supprimez-le.\n\n"
    )
    assert not re.search(r"\b(it|is|the|not)\b", text)


def test_the_id_is_copied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it; a clipboard that fails is said."""
    copied: list[str] = []
    monkeypatch.setattr(clipboard, "copy", copied.append)
    letter = Letter("bb-1234-5" * 9, b"", "bb", 0.0, "")
    assert desk.click(Verb.COPY_ID, letter=letter) == []
    assert copied == ["bb-1234-5" * 9]


@pytest.mark.parametrize("opens", [True, False])
def test_the_status_page_is_shown(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,  # noqa: FBT001  (a parameter)
) -> None:
    """In the browser; where none is found, in what opens such files."""
    shown: list[Path] = []

    def open_page(page: Path) -> bool:
        shown.append(page)
        return opens

    monkeypatch.setattr(report, "open_page", open_page)
    monkeypatch.setattr(opener, "show", lambda page, _failed: shown.append(page))
    assert desk.click(Verb.SHOW_STATUS) == []
    assert len(shown) == (1 if opens else 2)
    assert "<html" in shown[-1].read_text(encoding="utf-8")


def test_files_are_opened(desk: Desk, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The DLQ to be edited, the log to be read."""
    opened: list[tuple[str, Path]] = []
    monkeypatch.setattr(opener, "edit", lambda path, _failed: opened.append(("edit", path)))
    monkeypatch.setattr(opener, "show", lambda path, _failed: opened.append(("show", path)))
    desk.click(Verb.OPEN_DLQ)
    desk.click(Verb.OPEN_LOG)
    assert opened == [("edit", paths.dlq), ("show", paths.log)]


@pytest.mark.usefixtures("paths")
def test_what_cannot_be_opened_is_said(desk: Desk) -> None:
    """A file that is not there, by its name."""
    ((title, text),) = desk.click(Verb.OPEN_LOG)
    assert (title, "mem0_worker.log does not exist" in text) == ("That did not work", True)


# Settings -----------------------------------------------------------------------------------


def test_settings_are_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commented file is made where there is none; one of the user's stays as it is."""
    opened: list[str] = []
    monkeypatch.setattr(opener, "edit", lambda path, _failed: opened.append(path.read_text()))
    desk.click(Verb.SETTINGS)
    assert "\n# timeout = 60.0" in opened[0]
    assert config_file().stat().st_mode & 0o777 == 0o600
    config_file().write_text("# mine\n")
    desk.click(Verb.SETTINGS)
    assert opened[1:] == ["# mine\n"]


def test_a_pause_begins_and_ends(desk: Desk, paths: Paths) -> None:
    """For some minutes, or until resumed."""
    desk.click(Verb.PAUSE, value=30)
    left = (pauses.read(paths) or 0) - time.time()
    assert 29 * 60 < left <= 30 * 60
    desk.click(Verb.PAUSE)
    assert pauses.read(paths) == float("inf")
    desk.click(Verb.RESUME)
    assert pauses.read(paths) is None
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


def test_a_click_is_handed_over_at_once(desk: Desk, letters: list[Item]) -> None:
    """An open question keeps neither the menu nor quitting; later clicks wait in order."""
    letter = desk.letters()["bb"]
    asked, answered = threading.Event(), threading.Event()

    def wait() -> bool:
        asked.set()
        return answered.wait(20)

    desk.answer = wait
    desk.controller.do(Command(Verb.DELETE, letter))
    assert asked.wait(20)
    desk.controller.do(Command(Verb.PAUSE))
    desk.controller.do(Command(Verb.QUIT))
    assert desk.quits == 1
    assert pauses.read(desk.paths) is None
    answered.set()
    for _ in range(2):
        desk.done.get(timeout=20)
    assert pauses.read(desk.paths) is not None
    assert len(contents(desk.paths)) == len(letters) - 1


@pytest.mark.parametrize(
    "error", [OSError("disk"), RuntimeError("odd\nthing"), Mem0TrayError("no")]
)
def test_no_click_ends_the_later_ones(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever goes wrong is said in one line; a command without its memory too."""

    def fail(_text: str) -> None:
        raise error

    monkeypatch.setattr(clipboard, "copy", fail)
    ((title, text),) = desk.click(Verb.COPY_ID, letter=Letter("a", b"", "", 0.0, ""))
    assert title == "That did not work"
    assert str(error).split("\n", maxsplit=1)[0] in text
    assert "\n" not in text
    assert desk.click(Verb.RETRY)[0][0] == "That did not work"


def test_it_can_be_stopped_before_it_began(paths: Paths) -> None:
    """An icon that could not be shown must not keep the worker from ending."""
    Desk(paths).controller.stop()


def test_every_verb_is_carried_out(desk: Desk) -> None:
    """Quitting is done at once, all others by the thread."""
    assert set(desk.controller._verbs) == set(Verb) - {Verb.QUIT}
