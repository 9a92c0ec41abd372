"""Opening what may be no file at all: it is said what it is, and nobody waits."""

import os
import threading
from pathlib import Path

import pytest

from mem0tray.system import regular_file
from mem0tray.system.regular_file import NotRegularError
from tests.support import needs, odd
from tests.support.needs import has_mode
from tests.support.processes import PATIENCE


@pytest.mark.row(49)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND | os.O_CREAT, os.O_RDWR])
@pytest.mark.parametrize("kind", odd.KINDS)
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, kind: str, flags: int) -> None:
    path = tmp_path / "file"
    with odd.put(kind, path), pytest.raises(NotRegularError, match=f"is a {kind}, not a file"):
        regular_file.open_fd(path, flags)


@needs.PIPES
@pytest.mark.row(49)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY])
def test_a_pipe_that_comes_at_the_last_moment_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int
) -> None:
    path = tmp_path / "file"
    real = regular_file.look

    def look(where: Path) -> os.stat_result | None:
        if path.exists():
            return real(where)
        os.mkfifo(path)
        return None

    monkeypatch.setattr(regular_file, "look", look)
    with pytest.raises(NotRegularError, match="named pipe"):
        regular_file.open_fd(path, flags)


@needs.PIPES
@pytest.mark.row(49)
def test_a_writer_at_a_pipe_goes_on_waiting(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("kept",), daemon=True)
    writer.start()
    for _ in range(50):
        with pytest.raises(NotRegularError):
            regular_file.read_bytes(path)
    assert path.read_text() == "kept"
    writer.join(PATIENCE)


@needs.LINKS
def test_a_file_is_read_and_made(tmp_path: Path) -> None:
    path = tmp_path / "file"
    fd = regular_file.open_fd(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"text")
    os.close(fd)
    (tmp_path / "link").symlink_to(path)
    assert regular_file.read_bytes(tmp_path / "link") == b"text"
    assert has_mode(path, 0o600)
    assert regular_file.look(tmp_path / "none") is None
