"""What a click does, with real files; dialogs are stand-ins."""

import json
import queue
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from mem0tray.actions import verbs as deleting
from mem0tray.actions.one_writer import Answer as Applied
from mem0tray.config.settings import ServerSettings, Settings, UiSettings
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.desktop import clipboard, session
from mem0tray.desktop.controller import Controller
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.tray.menu import DeadLetter, MenuCommand, Verb, oldest
from mem0tray.files import orders
from mem0tray.files.orders import IN_FLIGHT
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths, config_file
from tests.actions.scene import contents, queued, read, worker, write, write_dlq
from tests.support.processes import PATIENCE
from tests.support.shapes import Item, entry, queue_document, waiting
from tests.support.standin import Standin
from tests.worker.dlq.generations import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mem0tray.desktop.notify import Notice


class Desk(Dialogs):
    """A controller and what came of its work; it has the dialogs, which are told `answer`."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.language = Language("en")
        self.settings = Settings()
        self.answer: Callable[[], bool] = lambda: True
        self.questions: list[str] = []
        self.memories: list[str] = []  # what windows say of a memory's text
        self.told: list[tuple[str, str, str]] = []
        self.notices: list[Notice] = []
        self.quit = mock.Mock()
        self.done: queue.SimpleQueue[None] = queue.SimpleQueue()
        at_login: Any = None
        self.controller = Controller(
            lambda: self.settings,
            lambda: self.language,
            self,
            at_login,
            notify=self.notices.append,
            end=self.quit,
            changed=lambda: self.done.put(None),
        )

    def ask(self, title: str, text: str, confirm: str, cancel: str, memory: str = "") -> bool:  # noqa: ARG002
        self.questions.append(text)
        self.memories.append(memory)
        return self.answer()

    def show(self, title: str, text: str, close: str, memory: str = "") -> None:
        self.told.append((title, text, close))
        self.memories.append(memory)

    def click(self, verb: Verb, **fields: Any) -> list[tuple[str, str]]:
        """Click, wait for the end of the work; what was said."""
        self.notices.clear()
        self.controller.do(MenuCommand(verb, **fields))
        self.done.get(timeout=PATIENCE)
        return [(notice.title, notice.body) for notice in self.notices]

    def letters(self) -> dict[str, DeadLetter]:
        with worker(self.paths), Reader(self.paths.ledger) as reader:
            return {letter.project: letter for letter in oldest(reader, 10)}


@pytest.fixture
def letters(paths: Paths) -> list[Item]:
    made = [waiting(f"text of {name}", name, id=f"{name}-1234-5") for name in ("aa", "bb", "cc")]
    write_dlq(paths, made)
    return made


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    made.controller.start()
    yield made
    made.controller.stop()


@pytest.mark.usefixtures("letters")
def test_one_is_retried_even_if_it_stands_elsewhere_by_now(desk: Desk, paths: Paths) -> None:
    letter = desk.letters()["bb"]
    write_dlq(paths, reversed(read(paths.dlq)["items"]))
    assert desk.click(Verb.RETRY, letter=letter) == []
    attempts = [item["last_attempt"] for item in read(paths.dlq)["items"]]
    assert [bool(at) for at in attempts] == [True, False, True]


@pytest.mark.parametrize("verb", [Verb.RETRY, Verb.DELETE, Verb.DIAGNOSE])
def test_one_that_is_gone_is_said(
    desk: Desk, paths: Paths, letters: list[Item], verb: Verb
) -> None:
    letter = desk.letters()["bb"]
    write_dlq(paths, [letters[0], {**letters[1], "content": "another text"}])
    before = paths.dlq.read_bytes()
    ((title, text),) = desk.click(verb, letter=letter)
    assert title == "That did not work"
    assert "delivered meanwhile" in text
    assert [each.base for each in desk.notices] == ["action-needed"]
    assert paths.dlq.read_bytes() == before
    assert (desk.questions, desk.told) == ([], [])


def test_one_that_is_being_sent_is_not_said_to_be_deleted(
    desk: Desk, letters: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = desk.letters()["bb"]
    name = parsed(json.dumps(letters[1]).encode()).name
    monkeypatch.setattr(deleting, "submit", lambda *_: Applied({name: IN_FLIGHT}))
    ((title, text),) = desk.click(Verb.DELETE, letter=letter)
    assert (title, "being sent at this moment" in text) == ("That did not work", True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Applied({}), ("Restored", "1 memory is back.")),
        (
            Applied({}, heard=False),
            ("Not restored yet", "mem0tray is busy; it does this before it sends anything."),
        ),
    ],
)
@pytest.mark.usefixtures("letters")
def test_a_restore_is_said_to_be_done_once_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: Applied, said: tuple[str, str]
) -> None:
    desk.click(Verb.DELETE, letter=desk.letters()["bb"])
    monkeypatch.setattr(deleting, "submit", lambda *_: answer)
    assert desk.click(Verb.RESTORE) == [said]
    assert desk.notices[-1].base == ("healthy" if answer.heard else "action-needed")


HOSTILE = "\u202eevil\n\x00& <b>_%s{x}" + "y" * 1_000_000


def test_a_hostile_item_can_be_deleted(desk: Desk, paths: Paths) -> None:
    write_dlq(paths, [waiting(HOSTILE, HOSTILE, id=HOSTILE, moved_to_dlq_at=1e18)])
    (letter,) = desk.letters().values()
    assert letter.begin == f"evil & <b>_%s{{x}}{'y' * 33}…"
    assert desk.click(Verb.DELETE, letter=letter) == []
    (question,) = desk.questions
    project, name, since, *_ = question.split("\n")
    assert project.startswith("Project: evil & <b>_%s{x}yyy")
    assert name.startswith("ID: evil")
    assert since == "Not delivered since: ?"
    assert len(question) < 400
    assert "\u202e" not in question
    assert desk.memories == [f"“evil & <b>_%s{{x}}{'y' * 133}…”"]
    assert contents(paths) == []


@pytest.fixture
def former(paths: Paths) -> Iterator[Standin]:
    """Serve two of three memories that were delivered there."""
    made = [entry(name, id=name) for name in ("one", "two", "gone")]
    write(paths.queue, queue_document(made))
    with Standin() as server:
        with worker(paths) as context:
            for each in context.inbox.fresh_entries():
                context.outbox.record_delivery(each, server.url, 5.0)
        write(paths.queue, queue_document([]))
        server.begin_with([("alpha", "one"), ("alpha", "two")])
        yield server


def test_a_former_server_is_offered_until_its_memories_are_brought_over(
    desk: Desk, former: Standin, paths: Paths
) -> None:
    with Standin() as chosen:
        desk.settings = Settings(server=ServerSettings(url=chosen.url))
        assert desk.controller.former() == (former.url,)
        ((title, text),) = desk.click(Verb.BRING_OVER, value=former.url)
    assert title == "Not all memories came over"
    assert text == "2 memories wait here now. 1 could not be read: see `mem0tray migrate`."
    assert queued(paths) == ["two", "one"]
    with worker(paths):
        assert desk.controller.former() == ()


def test_a_diagnosis_in_french(desk: Desk, paths: Paths) -> None:
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


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(("shown", "memory"), [(True, "“text of bb”"), (False, "")])
def test_windows_show_how_a_memory_begins_unless_texts_are_hidden(
    desk: Desk, memory: str, *, shown: bool
) -> None:
    desk.settings = Settings(ui=UiSettings(show_texts=shown))
    desk.answer = lambda: False
    letter = desk.letters()["bb"]
    desk.click(Verb.DELETE, letter=letter)
    desk.click(Verb.DIAGNOSE, letter=letter)
    ((title, text, _),) = desk.told
    assert desk.memories == [memory, memory]
    assert not any("text of" in each for each in (*desk.questions, title, text))


@pytest.mark.parametrize("error", [OSError("no pipe"), Mem0TrayError("no program", "Install one.")])
def test_an_id_that_was_not_copied_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(clipboard, "copy", mock.Mock(side_effect=error))
    letter = DeadLetter("bb-1234-5", b"", "bb", 0.0, reasons.NONE)
    assert desk.click(Verb.COPY_ID, letter=letter) == []
    ((title, text, _close),) = desk.told
    assert title == "The ID was not copied"
    assert text.startswith("bb-1234-5\n\nNo p")
    assert text.endswith(".")


def test_a_window_holds_up_no_other_click(desk: Desk, letters: list[Item]) -> None:
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    asked = threading.Semaphore(0)

    def answer() -> bool:
        asked.release()
        return answers.get(timeout=PATIENCE)

    desk.answer = answer
    shown = desk.letters()
    for project in ("aa", "bb"):
        desk.controller.do(MenuCommand(Verb.DELETE, shown[project]))
    assert asked.acquire(timeout=PATIENCE)
    desk.click(Verb.PAUSE)
    assert orders.read_pause(desk.paths) is not None
    desk.controller.do(MenuCommand(Verb.QUIT))
    assert (desk.quit.call_count, len(desk.questions)) == (1, 1)
    answers.put(item=False)
    assert asked.acquire(timeout=PATIENCE)
    answers.put(item=False)
    for _ in range(2):
        desk.done.get(timeout=PATIENCE)
    assert len(contents(desk.paths)) == len(letters)


def test_the_level_is_written_into_the_settings(desk: Desk) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text("# mine\n[notifications]\nlevel = 'all'  # for now\n")
    desk.click(Verb.LEVEL, value="problems")
    assert config_file().read_text() == '# mine\n[notifications]\nlevel = "problems"  # for now\n'


@pytest.mark.parametrize(
    "error", [OSError("disk"), RuntimeError("odd\nthing"), Mem0TrayError("odd")]
)
def test_no_click_ends_the_later_ones(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(session, "show", mock.Mock(side_effect=error))
    ((title, text),) = desk.click(Verb.OPEN_LOG)
    assert title == "That did not work"
    assert str(error).split("\n", maxsplit=1)[0] in text.lower()
    assert "\n" not in text
    assert desk.click(Verb.RETRY)[0][0] == "That did not work"
