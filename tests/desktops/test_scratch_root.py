"""The folder in which a scratch root is made."""

import contextlib
from pathlib import Path

import pytest

from tests.desktops.scratch_root import ScratchRoot


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    root = ScratchRoot(tmp_path, tmp_path / "output")
    with pytest.raises(OSError, match="not empty"):
        root.make()
    assert (tmp_path / "letter").exists()
    assert not root.is_made


@pytest.mark.parametrize(("place", "stays"), [("root/dev", True), ("", False), ("rooted", False)])
def test_what_is_mounted_in_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, *, stays: bool
) -> None:
    root = ScratchRoot(tmp_path / "root", tmp_path / "output")
    root.folder.mkdir()
    (root.folder / ".made-by-tests-desktops").write_text("whole")
    mounts = f"x {tmp_path / place} y z 0 0\n".encode()
    monkeypatch.setattr(Path, "read_bytes", lambda _: mounts)
    with pytest.raises(OSError, match="is mounted") if stays else contextlib.nullcontext():
        root.remove()
    assert root.is_made is stays
