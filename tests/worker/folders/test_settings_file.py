"""The settings file is read when it has changed, and when whoever writes it is done."""

import os
import time
from pathlib import Path
from typing import Final

import pytest

from mem0tray.config import settings as config
from mem0tray.core.errors import SettingsError
from mem0tray.files import atomic
from mem0tray.worker.folders import settings_file
from mem0tray.worker.folders.settings_file import SettingsFile

NOW: Final = 1_000.0  # a small number, to which a nap of any length can be added
GOOD: Final = "[log]\nbackups = 7\n"


class Editing:
    """A settings file, whose writer goes on while the worker sleeps; `naps` has the seconds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "config.toml"
        self.now = NOW
        self.naps: list[float] = []
        self.coming: list[str] = []  # what is written during the next naps
        self.goes_on = False  # whether each nap, and each reading, brings another change
        self._changes = self._saves = 0
        self._load = config.load
        monkeypatch.setattr(settings_file, "config_file", lambda: self.path)
        monkeypatch.setattr(time, "time", lambda: self.now)
        monkeypatch.setattr(time, "monotonic", lambda: self.now - NOW + 5_000.0)
        monkeypatch.setattr(time, "sleep", self._sleep)
        monkeypatch.setattr(config, "load", self._loaded)

    def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds
        if self.coming:
            self.save(self.coming.pop(0))
        else:
            self._go_on()

    def _loaded(self, path: Path) -> config.Loaded:
        try:
            return self._load(path)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        if self.goes_on:
            self._changes += 1
            self.save(f"# {self._changes}\n")

    def save(self, text: str, age: float = 0.0) -> None:
        """Write the file in place, `age` seconds ago; no two writes have the same time."""
        self._saves += 1
        self.path.write_text(text)
        os.utime(self.path, (self.now - age - self._saves * 1e-6,) * 2)


@pytest.fixture
def editing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editing:
    """Have no settings file yet."""
    return Editing(tmp_path, monkeypatch)


def test_settings_that_have_not_changed_are_not_read(editing: Editing) -> None:
    """Neither where there is no file, nor where there is one from before."""
    assert SettingsFile().changed() is None
    editing.save(GOOD, age=60.0)
    assert SettingsFile().changed() is None
    assert editing.naps == []


def test_a_change_is_read_once(editing: Editing) -> None:
    """A file that has held still for long is believed at once."""
    file = SettingsFile()
    editing.save(GOOD, age=60.0)
    loaded = file.changed()
    assert loaded is not None
    assert loaded.settings.log.backups == 7
    assert file.changed() is None
    assert editing.naps == []
    editing.path.unlink()
    loaded = file.changed()
    assert loaded is not None
    assert loaded.settings.log.backups == 5
    assert file.changed() is None


def test_a_change_of_just_now_is_waited_for(editing: Editing) -> None:
    """It must have held still for a tenth of a second."""
    file = SettingsFile()
    editing.save(GOOD, age=0.04)
    assert file.changed() is not None
    assert editing.naps == [pytest.approx(0.06, abs=1e-3)]


def test_an_empty_file_is_waited_for_longer(editing: Editing) -> None:
    """An editor empties a file before it writes it."""
    file = SettingsFile()
    editing.save("")
    editing.coming = ["", GOOD]
    loaded = file.changed()
    assert loaded is not None
    assert loaded.settings.log.backups == 7
    assert editing.naps == [pytest.approx(0.1, abs=1e-3)] * 3


def test_a_file_that_stays_empty_means_the_defaults(editing: Editing) -> None:
    """After seven tenths of a second that is what is meant."""
    editing.save(GOOD, age=60.0)
    file = SettingsFile()
    editing.save("")
    loaded = file.changed()
    assert loaded is not None
    assert loaded.settings.log.backups == 5
    assert sum(editing.naps) == pytest.approx(0.7, abs=0.01)
    assert max(editing.naps) == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("text", ["", GOOD])
def test_a_file_of_another_clock_is_not_waited_for(editing: Editing, text: str) -> None:
    """One from the future, of another computer or before the clock was set, is read at once."""
    file = SettingsFile()
    editing.save(text, age=-60.0)
    assert file.changed() is not None
    assert editing.naps == []


def test_wrong_settings_are_told_at_each_look(editing: Editing) -> None:
    """Until they are right; then they hold."""
    file = SettingsFile()
    editing.save("odd", age=60.0)
    for _ in range(2):
        with pytest.raises(SettingsError):
            file.changed()
    editing.save(GOOD, age=60.0)
    assert file.changed() is not None


def test_wrong_settings_that_change_while_they_are_read_are_read_again(
    editing: Editing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a file is not wrong: its other half comes."""
    file = SettingsFile()
    editing.save("odd", age=60.0)
    load, texts = config.load, [GOOD]

    def loaded(path: Path) -> config.Loaded:
        try:
            return load(path)
        finally:
            if texts:
                editing.save(texts.pop(), age=50.0)

    monkeypatch.setattr(config, "load", loaded)
    found = file.changed()
    assert found is not None
    assert found.settings.log.backups == 7


def test_one_that_does_not_hold_still_is_left_for_the_next_look(editing: Editing) -> None:
    """The worker waits for eight tenths of a second, and for two where that was in vain."""
    file = SettingsFile()
    editing.save("# 0\n")
    editing.goes_on = True
    assert file.changed() is None
    assert sum(editing.naps) == pytest.approx(0.8, abs=0.11)
    editing.naps.clear()
    assert file.changed() is None
    assert sum(editing.naps) == pytest.approx(0.2, abs=0.11)


def test_one_that_never_holds_still_is_told_after_ten_seconds(editing: Editing) -> None:
    """It names the file, and says what holds until that is mended."""
    file = SettingsFile()
    editing.save("# 0\n")
    editing.goes_on = True
    assert file.changed() is None
    began = editing.now
    while editing.now - began <= 9.7:
        assert file.changed() is None
    editing.now = began + 10.0
    with pytest.raises(SettingsError) as told:
        file.changed()
    assert str(told.value) == (
        f"The settings file {editing.path} does not hold still: another program writes it all"
        " the time. Find that program and end it."
    )
    with pytest.raises(SettingsError):
        file.changed()
    editing.goes_on = False
    assert file.changed() is not None
    editing.goes_on = True
    editing.save("# again\n")
    assert file.changed() is None  # ten seconds are counted anew


def test_the_worker_waits_in_full_again_after_the_file_held_still(editing: Editing) -> None:
    """A slow save is waited for, each time."""
    file = SettingsFile()
    editing.save("# 0\n")
    editing.goes_on = True
    assert file.changed() is None
    editing.goes_on = False
    assert file.changed() is not None
    assert file.changed() is None
    editing.naps.clear()
    editing.save("# 1\n")
    editing.goes_on = True
    assert file.changed() is None
    assert sum(editing.naps) > 0.6
    assert atomic.signature(editing.path) != file._signature
