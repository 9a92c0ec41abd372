"""The settings file, and what the user wants by it."""

import os
import time
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

from mem0tray.config import settings as config
from mem0tray.config.settings import LogSettings, Settings
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import NONE, Reason, quoted
from mem0tray.files.atomic import TornError
from mem0tray.worker.folders import settings
from mem0tray.worker.folders.settings import SettingsFile, WantedSettings

NOW: Final = 1_000.0
GOOD: Final = "[log]\nbackups = 7\n"
OTHERS = Settings(log=LogSettings(backups=7))
WRONG = SettingsError("sync.timeout is wrong.", Reason("Mend it."))
NO_FOLDER = quoted("there is no folder")
AT_FIRST = quoted("wrong at first")


class Editing:
    """A settings file, and the time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "config.toml"
        self.now = NOW
        self._saves = 0
        monkeypatch.setattr(settings, "config_file", lambda: self.path)
        monkeypatch.setattr(time, "time", lambda: self.now)

    def save(self, text: str, age: float = 0.0) -> None:
        """Write the file in place, `age` seconds ago; no two writes have the same time."""
        self._saves += 1
        self.path.write_text(text)
        os.utime(self.path, (self.now - age - self._saves * 1e-6,) * 2)


@pytest.fixture
def editing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editing:
    return Editing(tmp_path, monkeypatch)


def backups(file: SettingsFile) -> int | None:
    loaded = file.changed()
    return None if loaded is None else loaded.settings.log.backups


def test_a_change_is_read_once(editing: Editing) -> None:
    editing.save(GOOD, age=60.0)
    assert SettingsFile().changed() is None
    editing.path.unlink()
    file = SettingsFile()
    assert backups(file) is None
    editing.save(GOOD, age=60.0)
    assert [backups(file), backups(file)] == [7, None]


@pytest.mark.parametrize(("text", "rest", "read"), [(GOOD, 0.1, 7), ("", 0.7, 5), (None, 0.7, 5)])
def test_a_file_is_read_once_it_has_not_changed_for_a_moment(
    editing: Editing, text: str | None, rest: float, read: int
) -> None:
    """One that is missing, for a moment longer: some editors move a file away and write anew."""
    editing.save("[log]\nbackups = 3\n", age=60.0)
    file = SettingsFile()
    if text is None:
        editing.path.unlink()
    else:
        editing.save(text)
    for _ in range(2):
        with pytest.raises(TornError):
            file.changed()
        editing.now += rest - 0.01
    editing.now += 0.02
    assert [backups(file), backups(file)] == [read, None]


def test_a_file_that_is_away_for_a_moment_brings_no_defaults(editing: Editing) -> None:
    editing.save(GOOD, age=60.0)
    file = SettingsFile()
    away = editing.path.rename(editing.path.with_suffix(".old"))
    for _ in range(2):
        with pytest.raises(TornError):
            file.changed()
        away.rename(editing.path)
        assert backups(file) in (7, None)
        editing.now += 60.0
        editing.path.rename(away)


@pytest.mark.parametrize("text", ["odd", "[log]\nbackups = 3\n"])
def test_a_file_that_changes_while_it_is_read_is_read_again(
    editing: Editing, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = SettingsFile()
    editing.save(text, age=60.0)
    load = config.load

    def loaded(path: Path) -> config.Loaded:
        try:
            return load(path)
        finally:
            editing.save(GOOD, age=50.0)

    with monkeypatch.context() as patch:
        patch.setattr(config, "load", loaded)
        with pytest.raises(TornError):
            file.changed()
    assert backups(file) == 7


class File:
    """The settings file and the folder, as they are found: `found` is returned or raised."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wrong: Reason) -> None:
        self.where: Any = mock.Mock(moves=False)
        self.where.look.return_value = NONE
        monkeypatch.setattr(settings, "ServedFolder", lambda _: self.where)
        self.found: Settings | Exception | None = None
        self.breaker = CircuitBreaker()
        self.wanted = WantedSettings(Settings(), self.read, wrong)
        self.wanted.follows = True
        if wrong:
            self.breaker.block("settings", wrong)

    def read(self) -> Any:
        found, self.found = self.found, None
        if isinstance(found, Exception):
            raise found
        return None if found is None else mock.Mock(settings=found)

    def look(self, found: Settings | Exception | None = None) -> Settings | None:
        self.found = found
        return self.wanted.look(self.breaker)

    def reason(self) -> Reason:
        state = self.breaker.state(NOW)
        return state.reason if state.name == "action needed" else NONE


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> File:
    return File(monkeypatch, NONE)


@pytest.fixture
def wrong_file(monkeypatch: pytest.MonkeyPatch) -> File:
    return File(monkeypatch, AT_FIRST)


def test_while_the_settings_are_wrong_the_last_good_ones_hold(file: File) -> None:
    assert file.look(WRONG) is None
    assert (
        str(file.reason()) == "sync.timeout is wrong. The former settings stay in force. Mend it."
    )
    assert not file.breaker.blocked_by("settings")
    assert file.wanted.settings == Settings()
    for found, torn in ((TornError(Path("config.toml")), True), (None, False)):
        assert file.look(found) is None
        assert file.wanted.torn is torn
    assert file.reason() == NONE


def test_settings_that_were_wrong_from_the_start_keep_everything_back(wrong_file: File) -> None:
    assert wrong_file.look() is None
    assert wrong_file.reason() == AT_FIRST
    assert wrong_file.look(WRONG) is None
    assert wrong_file.breaker.blocked_by("settings")
    assert wrong_file.reason() == WRONG.reason
    assert wrong_file.look(OTHERS) == OTHERS
    assert wrong_file.wanted.mended
    assert not wrong_file.breaker.blocked_by("settings")
    assert wrong_file.wanted.wrong == NONE
    assert wrong_file.look(OTHERS) == OTHERS
    assert not wrong_file.wanted.mended


def test_a_folder_that_cannot_be_served_is_reported_and_the_settings_hold(file: File) -> None:
    file.where.look.return_value = NO_FOLDER
    assert file.look(OTHERS) == OTHERS
    assert file.reason() == NO_FOLDER
    assert not file.breaker.blocked_by("settings")
    file.where.look.return_value = NONE
    assert file.look() is None
    assert file.reason() == NONE


def test_mended_settings_that_mean_another_folder_send_nothing_from_this_one(
    wrong_file: File,
) -> None:
    wrong_file.where.look.return_value = NO_FOLDER
    assert wrong_file.look(OTHERS) is None
    assert wrong_file.breaker.blocked_by("settings")
    assert wrong_file.reason() == NO_FOLDER
    assert wrong_file.wanted.wrong == AT_FIRST


def test_where_it_moves_the_settings_are_those_of_the_next_engine(
    file: File, wrong_file: File
) -> None:
    for each in (file, wrong_file):
        each.where.moves = True
        assert each.look(OTHERS) is None
        assert (each.wanted.settings, each.wanted.wrong) == (OTHERS, NONE)


def test_a_worker_that_does_not_follow_stays_where_it_is(file: File) -> None:
    file.wanted.follows = False
    file.where.look.return_value = NO_FOLDER
    assert file.look(OTHERS) == OTHERS
    assert file.reason() == NONE
    file.where.look.assert_not_called()
