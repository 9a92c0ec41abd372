"""What the window says of an edit and its undo, when a server has, or may have, the other text."""

from pathlib import Path

import pytest

from mem0tray.actions import server_memories, verbs
from mem0tray.actions.one_writer import Answer
from mem0tray.actions.server_memories import Corrected
from mem0tray.actions.verbs import Deleted
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.files.orders import DELIVERED, DONE, IN_FLIGHT, PERHAPS, Order
from mem0tray.system.paths import Paths
from mem0tray.window.acts import Acts, Form, Said
from tests.actions.scene import chosen, write_dlq
from tests.support.shapes import waiting

BUSY = "mem0tray is busy; it does this before it sends anything."


@pytest.fixture
def kept(paths: Paths) -> str:
    """Edit a dead letter; return the name of the file with its old text."""
    write_dlq(paths, [waiting("old", id="xx-1")])
    (found,) = chosen(paths, "xx-1")
    return verbs.edit_text(paths, Settings(), found, "new").kept.name


def _do(act: str, **fields: object) -> Said:
    return Acts(lambda: Language("en")).by_name[act](Form(fields))


def _answer(monkeypatch: pytest.MonkeyPatch, outcome: str, *, heard: bool = True) -> None:
    def submit(_paths: Paths, _settings: Settings, order: Order, _copy: object = None) -> Answer:
        return Answer(dict.fromkeys(order.names, outcome) if heard else {}, heard)

    monkeypatch.setattr(verbs, "submit", submit)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (DONE, ""),
        (DELIVERED, " The text before had been sent already: the server gets both."),
        (
            IN_FLIGHT,
            " The text before is being sent at this moment: if the server takes it, it gets both.",
        ),
        (PERHAPS, " The server may have the text before: it gets this one in any case."),
    ],
)
def test_an_edit_and_its_undo_say_whether_the_server_has_the_former_text(
    paths: Paths, kept: str, monkeypatch: pytest.MonkeyPatch, outcome: str, said: str
) -> None:
    (found,) = chosen(paths, "xx-1")
    assert found.known is not None
    _answer(monkeypatch, outcome)
    seen = found.identity[1].hex()
    edited = _do("edit", key=str(found.known.key), seen=seen, content="newer")
    undone = _do("restore", backup=kept)
    assert edited.text == f"Changed, and tried again; the old text is kept.{said}"
    assert undone.text == f"The memory has its old text again.{said}"
    assert kept not in (edited.undo, undone.undo)
    assert edited.undo.startswith("edited-")
    assert undone.undo.startswith("edited-")


@pytest.mark.parametrize("is_edit", [True, False])
def test_what_the_worker_has_not_heard_of_is_not_said_to_be_done(
    paths: Paths, kept: str, monkeypatch: pytest.MonkeyPatch, *, is_edit: bool
) -> None:
    if not is_edit:
        verbs.delete(paths, Settings(), chosen(paths, "xx-1"))
    _answer(monkeypatch, DONE, heard=False)
    assert _do("restore", backup=kept if is_edit else "").text == BUSY


def test_a_correction_that_is_undone_says_if_the_server_may_have_its_text_still(
    paths: Paths, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dlq(paths, [])
    trouble = Mem0TrayError("It did not say.", "Look.")
    done = Corrected(Path("edited-2.json"), "xx-1", Deleted(trouble=trouble))
    monkeypatch.setattr(server_memories, "undo", lambda *_: done)
    with pytest.raises(Mem0TrayError) as said:
        _do("restore", backup=kept)
    assert str(said.value.reason) == "The text waits to be delivered. It did not say. Look."
