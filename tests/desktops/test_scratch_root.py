"""The folder in which a scratch root is made."""

from pathlib import Path

import pytest

from tests.desktops.scratch_root import ScratchRoot


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    """A folder that was not made here is neither removed nor used, with what is in it."""
    (tmp_path / "letter").touch()
    root = ScratchRoot(tmp_path, tmp_path / "output")
    with pytest.raises(OSError, match="not empty"):
        root.make()
    assert (tmp_path / "letter").exists()
    assert not root.is_made
