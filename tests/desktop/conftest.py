"""Stand-ins for programs of the system, first on PATH."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.desktop.programs import Programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Make a folder for stand-ins."""
    return Programs(tmp_path / "programs", monkeypatch)
