"""What a click on a dead letter does, with real files; dialogs are stand-ins."""

import json
from collections.abc import Iterator

import pytest

from mem0tray.actions import backups
from mem0tray.actions import verbs as deleting
from mem0tray.actions.in_step import Answer
from mem0tray.core import item as items
from mem0tray.core.language import Language
from mem0tray.desktop.tray.menu import Verb
from mem0tray.files import atomic
from mem0tray.files.orders import IN_FLIGHT
from mem0tray.system.paths import Paths
from tests.actions.scene import contents, read, write_dlq
from tests.desktop.click_desk import Desk
from tests.support.shapes import Item, texts, waiting


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
    assert [each for each, _ in desk.warned] == [title]
    assert paths.dlq.read_bytes() == before
    assert (desk.questions, desk.told) == ([], [])


# Back up, then delete -----------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_deleting_asks_and_backs_up(desk: Desk, paths: Paths) -> None:
    """The question names project, ID and date; that it is done is told by the worker, once."""
    letter = desk.letters()["bb"]
    assert desk.click(Verb.DELETE, letter=letter) == []
    (question,) = desk.questions
    assert "Project: bb\nID: bb-1234-5\n" in question.text
    assert f"Dead letter since: {desk.language.date_and_time(letter.since)}" in question.text
    assert (question.confirm, question.cancel) == ("Back up and delete", "Cancel")
    assert contents(paths) == ["text of aa", "text of cc"]
    (backup,) = paths.claude_dir.glob("mem0_queue_dlq.backup-*.json")
    assert texts(read(backup)["items"]) == ["text of bb"]


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


def test_one_that_is_being_sent_is_not_said_to_be_deleted(
    desk: Desk, letters: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows yet whether the server takes it."""
    letter = desk.letters()["bb"]
    name = items.parse(json.dumps(letters[1]).encode())
    assert name is not None
    answer = Answer({name.name: IN_FLIGHT})
    monkeypatch.setattr(deleting, "apply", lambda *_: answer)
    ((title, text),) = desk.click(Verb.DELETE, letter=letter)
    assert (title, "being sent at this moment" in text) == ("That did not work", True)


HOSTILE = "\u202eevil\n\x00& <b>_%s{x}" + "y" * 1_000_000


def test_a_hostile_item_can_be_deleted(desk: Desk, paths: Paths) -> None:
    """Newlines, bidi marks, a megabyte and a date of no calendar stay out of the question."""
    write_dlq(paths, [waiting("a", HOSTILE, id=HOSTILE, moved_to_dlq_at=1e18)])
    (letter,) = desk.letters().values()
    assert desk.click(Verb.DELETE, letter=letter) == []
    (question,) = desk.questions
    project, name, since, *_ = question.text.split("\n")
    assert project.startswith("Project: evil & <b>_%s{x}yyy")
    assert name.startswith("ID: evil")
    assert since == "Dead letter since: ?"
    assert len(question.text) < 400
    assert "\u202e" not in question.text
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
    backups.write_dated(paths, [json.dumps(waiting("kept")).encode()], 1.7e9)
    backups.write_dated(paths, [], 1.8e9)
    assert desk.click(Verb.RESTORE) == [("Restored", "1 memory is back.")]
    assert contents(paths) == ["kept"]
