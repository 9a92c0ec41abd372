"""Errors carry what a person reads, and what a command ends with."""

import pytest

from mem0tray.core import errors
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not Reason]


@pytest.mark.parametrize("kind", ALL)
def test_a_command_ends_with_1_or_with_2_for_wrong_settings(kind: type[Mem0TrayError]) -> None:
    """The codes of the contract."""
    error = kind("It broke.", "Mend it.")
    assert error.exit_code == (2 if kind is SettingsError else 1)
    assert not error.disk_failed
    assert (error.message, error.remedy, str(error)) == (
        "It broke.", "Mend it.", "It broke. Mend it.",
    )  # fmt: skip


def test_an_error_without_a_remedy_is_one_sentence() -> None:
    """With no blank behind it."""
    assert str(Mem0TrayError("It broke.")) == "It broke."
    assert Mem0TrayError("It broke.").remedy == ""
    assert Mem0TrayError("It broke.").args == ("It broke.",)
