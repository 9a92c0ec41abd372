"""What cannot stand in a file is kept once, byte for byte."""

import hashlib
import re
import time
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import private_folders
from tests.support.needs import has_mode

NOW = 1_764_513_120.0
ODD = b'{"x": [[[['


def test_the_bytes_are_kept_under_their_file_and_time(tmp_path: Path) -> None:
    """The name says where they stood, when that was seen, and what they are."""
    kept = private_folders.quarantine(tmp_path / "quarantine", Path("/x/mem0_queue.json"), ODD, NOW)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(NOW))
    digest = hashlib.sha256(ODD).hexdigest()[:12]
    assert kept == tmp_path / "quarantine" / f"mem0_queue-{stamp}-{digest}.json"
    assert kept.read_bytes() == ODD
    assert has_mode(kept, 0o600)
    assert has_mode(kept.parent, 0o700)


def test_what_stood_in_a_hidden_file_counts(tmp_path: Path) -> None:
    """As in the emergency file once it was renamed."""
    kept = private_folders.quarantine(tmp_path, Path("/x/.mem0_emergency.1.read.json"), ODD, NOW)
    assert kept.name.startswith("mem0_emergency.1.read-")
    assert private_folders.quarantined(tmp_path) == [kept]


def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    """Whatever the time and the file in which they were found again."""
    first = private_folders.quarantine(tmp_path, Path("a.json"), ODD, NOW)
    assert private_folders.quarantine(tmp_path, Path("b.json"), ODD, NOW + 3600) == first
    other = private_folders.quarantine(tmp_path, Path("a.json"), ODD + b"x", NOW)
    assert other != first
    assert private_folders.quarantined(tmp_path) == sorted([first, other])


def test_hidden_files_are_not_counted(tmp_path: Path) -> None:
    """Nor is what has another ending; a folder that is not there holds nothing."""
    (tmp_path / ".hidden.json").touch()
    (tmp_path / "notes.txt").touch()
    kept = private_folders.quarantine(tmp_path, Path("a.json"), ODD, NOW)
    assert re.match(r"a-\d{8}T\d{6}-", kept.name)
    assert private_folders.quarantined(tmp_path) == [kept]
    assert private_folders.quarantined(tmp_path / "none") == []


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    """It is not taken for an empty quarantine."""
    (tmp_path / "quarantine").touch()
    with pytest.raises(FileUnavailableError, match="is no folder"):
        private_folders.quarantine(tmp_path / "quarantine", Path("a.json"), ODD, NOW)
