"""Which computer this is, by a hash of the system's own identity."""

from pathlib import Path

import pytest

from mem0tray.system import computer
from tests.support import needs

pytestmark = needs.linux("a file names the computer there")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(computer, "_PLACES", (tmp_path / "gone", tmp_path / "machine-id"))
    return tmp_path / "machine-id"


def test_two_computers_have_two_names_and_neither_shows_its_identity(place: Path) -> None:
    found = []
    for identity in ("0123456789abcdef" * 2, "fedcba9876543210" * 2):
        place.write_text(f"{identity}\n")
        found.append(computer.identity())
        assert identity not in found[-1]
        assert computer.identity() == found[-1]
    assert len(set(found)) == 2


@pytest.mark.parametrize("text", [None, "", "\n", "uninitialized\n"])
def test_a_system_without_an_identity_has_no_name(place: Path, text: str | None) -> None:
    if text is not None:
        place.write_text(text)
    assert computer.identity() == ""
