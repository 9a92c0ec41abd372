"""A scratch home a test, and no settings of the person who runs the tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from mem0tray.system.paths import Paths
from tests.support import folders


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """Make a scratch home."""
    for name in list(os.environ):
        if name.startswith("MEM0TRAY_"):
            monkeypatch.delenv(name)
    for name, value in folders.below(tmp_path).items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".claude").mkdir()
    return Paths.for_claude_dir(tmp_path / ".claude")
