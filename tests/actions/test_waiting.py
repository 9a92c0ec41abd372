"""What waits, to views and verbs."""

from collections.abc import Iterator

import pytest

from mem0tray.actions import waiting
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, WaitingItems
from mem0tray.config.settings import Settings
from mem0tray.core.errors import FileUnavailableError, NotFoundError
from mem0tray.files.lock import COMMAND
from mem0tray.system.paths import Paths
from tests.actions.scene import holding, write, write_dlq
from tests.support.shapes import dead, emergency_lines, entry, queue_document

FIRST = "c32d38ba-544f-4d1c-9b0f-02dedff8ec3f"
AGAIN = f"{FIRST}-again-1"
HOSTILE = "\x1b[31mred\n\u202e 1"


@pytest.fixture
def seen(paths: Paths) -> Iterator[WaitingItems]:
    """Two dead letters, three entries, and things without sense in both files."""
    letters = [dead("a", "p", id=FIRST), dead("b", "q", id=AGAIN), None]
    write_dlq(paths, [*letters, {"id": "odd-dead", "project_id": "p", "content": 5}])
    entries = [entry("c", "p", id="cccc"), entry("d", "r", id=HOSTILE), {"id": "odd-queued"}]
    write(paths.queue, queue_document(entries))
    paths.emergency.write_text(emergency_lines([entry("e", "r", id="eeee")]))
    with waiting.opened(Settings()) as found:
        yield found


@pytest.mark.parametrize("name", ["zz", "c32d", ""])
def test_what_names_nothing_or_too_much_is_an_error(seen: WaitingItems, name: str) -> None:
    both = f"2 ids begin with 'c32d': {FIRST}, {AGAIN}[.]"
    with pytest.raises(NotFoundError, match=both if name == "c32d" else repr(name)):
        seen.resolve([name], seen.candidates([name]))


def test_a_name_in_a_command_is_as_short_as_it_can_be(seen: WaitingItems) -> None:
    called = seen.handles([*seen.items(DLQ_LIST), *seen.items(QUEUE_LIST)])
    assert (called[FIRST], called[AGAIN], called["cccc"]) == (FIRST, AGAIN, "cccc")
    assert not set("\x1b\n") & set(called[HOSTILE])


def test_a_file_that_cannot_be_read_is_not_taken_for_empty(paths: Paths) -> None:
    paths.dlq.mkdir()
    write(paths.queue, queue_document([entry("c", id="cccc")]))
    with waiting.opened(Settings()) as seen:
        assert [each.id for each in seen.items(QUEUE_LIST)] == ["cccc"]
        assert len(seen.resolve(["cc"], seen.candidates(["cc"]))) == 1
        with pytest.raises(FileUnavailableError, match=paths.dlq.name):
            seen.items(DLQ_LIST)
        with pytest.raises(FileUnavailableError, match=paths.dlq.name):
            seen.resolve(["aa"], seen.candidates(["aa"]))


def test_without_a_ledger_nothing_is_listed_that_could_not_be_taken_in(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("c")]))
    paths.data_dir.parent.mkdir(parents=True, exist_ok=True)
    paths.data_dir.write_text("no folder")
    not_taken_in = pytest.raises(FileUnavailableError, match="could not be taken in")
    with not_taken_in, waiting.opened(Settings()):
        pass


def test_an_id_is_not_called_unknown_while_a_command_keeps_the_ledger_behind(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("c", id="cccc")]))
    with waiting.opened(Settings()) as seen:
        assert len(seen.resolve(["cccc"], seen.candidates(["cccc"]))) == 1
    write(paths.queue, queue_document([entry("c", id="cccc"), entry("d", id="dddd")]))
    with holding(paths, COMMAND), waiting.opened(Settings()) as seen:
        for known in ("cccc", "dddd"):
            assert len(seen.resolve([known], seen.candidates([known]))) == 1
        with pytest.raises(FileUnavailableError):
            seen.resolve(["eeee"], seen.candidates(["eeee"]))
