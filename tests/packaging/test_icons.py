"""The committed icons are those that `packaging/update-icons` draws."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("icons", "packaging"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "packaging" / "update_icons.py"), "--check"]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_the_committed_icons_are_drawn_from_their_masters() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


def test_a_changed_missing_or_foreign_file_is_noticed(copy: Path) -> None:
    drawn = copy / "icons" / "png"
    (drawn / "down-16.png").unlink()
    shutil.copy(drawn / "healthy-22.png", drawn / "down-22.png")
    shutil.copy(drawn / "healthy-22.png", drawn / "new-22.png")
    done = check(copy)
    assert done.returncode == 1
    for name in ("png/down-16.png", "png/down-22.png", "png/new-22.png"):
        assert name in done.stderr
