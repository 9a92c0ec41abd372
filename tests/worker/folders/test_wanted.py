"""What the settings want: what holds from now on, and what the circuit breaker is told."""

from typing import Any
from unittest import mock

import pytest

from mem0tray.config.settings import LogSettings, Settings
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import NONE, Reason, quoted
from mem0tray.worker.folders import wanted
from mem0tray.worker.folders.wanted import NewSettings, Wanted

OTHERS = Settings(log=LogSettings(backups=7))
WRONG = SettingsError("sync.timeout is wrong", "Mend it.")
AT_FIRST = quoted("wrong from the start")
NO_FOLDER = quoted("it is no folder")
NOW = 1_800_000_000.0


class File:
    """The settings file and the folder, as they are found: `found` is given or raised."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wrong: Reason = NONE) -> None:
        self.where: Any = mock.Mock(moves=False)
        self.where.look.return_value = NONE
        monkeypatch.setattr(wanted, "ServedFolder", lambda _: self.where)
        self.found: Settings | SettingsError | None = None
        self.breaker = CircuitBreaker()
        self.wanted = Wanted(Settings(), self.read, wrong)
        self.wanted.follows = True
        if wrong:
            self.breaker.block("settings", wrong)

    def read(self) -> Any:
        """Read the file."""
        found, self.found = self.found, None
        if isinstance(found, SettingsError):
            raise found
        return None if found is None else mock.Mock(settings=found)

    def look(self, found: Settings | SettingsError | None = None) -> NewSettings | None:
        """Look, as it is so now."""
        self.found = found
        return self.wanted.look(self.breaker)

    def reason(self) -> Reason:
        """Say what is the matter."""
        state = self.breaker.state(NOW)
        return state.reason if state.name == "action needed" else NONE


def test_a_file_that_has_not_changed_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the start are wanted still."""
    file = File(monkeypatch)
    assert file.look() is None
    assert file.wanted.settings == Settings()


def test_changed_settings_hold_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is looked for by the new ones."""
    file = File(monkeypatch)
    assert file.look(OTHERS) == NewSettings(OTHERS, mended=False)
    assert file.wanted.settings is OTHERS
    file.where.look.assert_called_once_with(OTHERS)


def test_wrong_settings_are_told_and_the_last_good_ones_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deliveries go on, and the trouble is over as soon as they are right."""
    file = File(monkeypatch)
    assert file.look(WRONG) is None
    assert (
        str(file.reason()) == "sync.timeout is wrong. The former settings stay in force. Mend it."
    )
    assert not file.breaker.blocked_by("settings")
    assert file.wanted.settings == Settings()
    assert file.look() is None
    assert file.reason() == NONE


def test_settings_that_were_wrong_from_the_start_keep_everything_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until they are mended: a new fault of them takes the place of the former one."""
    file = File(monkeypatch, AT_FIRST)
    assert file.look() is None
    assert file.reason() == AT_FIRST
    assert file.look(WRONG) is None
    assert file.breaker.blocked_by("settings")
    assert file.reason() == WRONG.reason
    assert file.look(OTHERS) == NewSettings(OTHERS, mended=True)
    assert not file.breaker.blocked_by("settings")
    assert file.wanted.wrong == NONE
    assert file.look(OTHERS) == NewSettings(OTHERS, mended=False)


def test_a_folder_that_cannot_be_served_is_told_and_the_settings_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker stays where it is, and says so until that is mended."""
    file = File(monkeypatch)
    file.where.look.return_value = NO_FOLDER
    assert file.look(OTHERS) == NewSettings(OTHERS, mended=False)
    assert file.reason() == NO_FOLDER
    assert file.look() is None
    assert not file.breaker.blocked_by("settings")
    file.where.look.return_value = NONE
    assert file.look() is None
    assert file.reason() == NONE


def test_mended_settings_that_mean_another_folder_send_nothing_from_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stands in the default folder is not what was meant to be sent."""
    file = File(monkeypatch, AT_FIRST)
    file.where.look.return_value = NO_FOLDER
    assert file.look(OTHERS) is None
    assert file.breaker.blocked_by("settings")
    assert file.reason() == NO_FOLDER
    assert file.wanted.wrong == AT_FIRST


@pytest.mark.parametrize("wrong", [NONE, AT_FIRST])
def test_where_it_moves_the_settings_are_those_of_the_next_engine(
    monkeypatch: pytest.MonkeyPatch, wrong: Reason
) -> None:
    """They are right by then."""
    file = File(monkeypatch, wrong)
    file.where.moves = True
    assert file.look(OTHERS) is None
    assert file.wanted.settings is OTHERS
    assert file.wanted.wrong == NONE


def test_one_that_does_not_follow_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends by itself serves the folder of its start."""
    file = File(monkeypatch)
    file.wanted.follows = False
    file.where.look.return_value = NO_FOLDER
    assert file.look(OTHERS) == NewSettings(OTHERS, mended=False)
    assert file.reason() == NONE
    file.where.look.assert_not_called()
