"""Files that do not hold still: told after ten seconds, once, and over when they do."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError, SettingsError
from mem0tray.core.events import Event, Events
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from mem0tray.worker.folders import restless_file, settings_file
from mem0tray.worker.folders.restless_file import RestlessFile, is_stable
from mem0tray.worker.folders.settings_file import SettingsFile
from mem0tray.worker.troubles import Troubles
from tests.support import needs

if TYPE_CHECKING:
    from mem0tray.core.reasons import Reason

FILE = Path("/home/me/.claude/mem0_queue.json")


class Scene:
    """A file whose state is looked at, at times of a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[Event] = []
        self.marks: dict[str, Reason] = {}
        bus = Events()
        bus.subscribe(self.told.append)
        troubles = Troubles(bus, self.marks.__setitem__, alone=restless_file.READING)
        said = restless_file.cannot_read(FILE)
        part = restless_file.READING_QUEUE
        self.file = RestlessFile(troubles, part, said, 0.05, lambda: self.now)

    def look(self, after: float, *, restless: bool) -> None:
        """Look at the file so many seconds later."""
        self.now += after
        self.file.look(restless=restless)


@pytest.fixture
def scene() -> Scene:
    """Make a file at rest."""
    return Scene()


@pytest.mark.row(52)
def test_it_is_told_once_after_ten_seconds(scene: Scene) -> None:
    """A slow save of less than that is nobody's business; more is told, and not again."""
    for after in (0.0, 5.0, 5.0):
        scene.look(after, restless=True)
    assert scene.told == []
    for _ in range(3):
        scene.look(1.0, restless=True)
    (event,) = scene.told
    assert isinstance(event, events.PartFailed)
    assert f"{FILE} does not hold still" in event.error
    if not needs.WINDOWS:  # which has no such command
        assert f"`fuser {FILE}`" in str(scene.marks[restless_file.READING_QUEUE])


@pytest.mark.row(28, 52)
def test_a_file_that_rests_now_and_then_is_none(scene: Scene) -> None:
    """A script that rewrites it in a loop may, as long as it can be read in between."""
    for _ in range(20):
        scene.look(9.0, restless=True)
        scene.look(0.1, restless=False)
    assert scene.told == []


@pytest.mark.row(52)
def test_it_is_over_when_the_file_rests(scene: Scene) -> None:
    """What was told is taken back, and the next time told anew."""
    for _ in range(2):
        scene.look(0.0, restless=True)
        scene.look(11.0, restless=True)
        assert scene.marks[restless_file.READING_QUEUE]
        scene.look(1.0, restless=False)
        assert not scene.marks[restless_file.READING_QUEUE]
    assert [type(event) for event in scene.told] == [events.PartFailed, events.PartRecovered] * 2


@pytest.fixture
def restless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a settings file that another look always finds changed."""
    path = tmp_path / "config.toml"
    monkeypatch.setattr(settings_file, "config_file", lambda: path)
    signature, looks = atomic.signature, iter(range(10**9))

    def changed(where: Path) -> object:
        path.write_text(f"# {next(looks)}\n")
        return signature(where)

    monkeypatch.setattr(atomic, "signature", changed)
    return path


@pytest.mark.row(52)
@pytest.mark.timeout(20)
def test_restless_settings_keep_nobody_waiting(
    restless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody writes them all the time the worker goes on, and it is wrong after a while."""
    file = SettingsFile()
    assert file.changed() is None
    monkeypatch.setattr(settings_file, "PATIENCE", -1.0)
    with pytest.raises(SettingsError, match=f"{restless.name} does not hold still"):
        file.changed()


@needs.posix("it has no such command")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            restless_file.cannot_read,
            "does not hold still and cannot be read: another program writes it all the time.",
        ),
        (
            restless_file.cannot_write,
            "cannot be written: another program changes it all the time.",
        ),
    ],
)
def test_what_is_said_names_the_file_and_how_the_program_is_found(
    said: Callable[[Path], FileUnavailableError], why: str
) -> None:
    """The command is one to copy, whatever signs are in the name."""
    path = FILE.with_name("a file")
    assert str(said(path)) == (f"{path} {why} Find that program with `fuser '{path}'` and end it.")


def test_it_is_told_when_it_is_looked_at_again(scene: Scene) -> None:
    """Under the name of its part, which is one of those that keep a file from being read."""
    for _ in range(3):
        scene.look(5.5, restless=True)
    (event,) = scene.told
    assert isinstance(event, events.PartFailed)
    assert (event.part, event.delay) == ("reading the queue file while others write it", 0.05)
    parts = (
        "reading the queue file while others write it",
        "reading the DLQ file while others write it",
    )
    assert parts == restless_file.READING


@pytest.mark.parametrize(
    ("age", "stable"), [(1.4, False), (1.5, True), (-1.4, False), (-1.6, True), (3600, True)]
)
def test_a_file_holds_still_after_a_second_and_a_half(age: float, *, stable: bool) -> None:
    """Also when its clock is ahead of ours."""
    now = 1_800_000_000.0
    assert restless_file.STABLE_AFTER == 1.5
    assert is_stable(Signature(1, 2, int((now - age) * 1e9), 4), now) is stable
