"""Opening what may be no file at all: it is said what it is, and nobody waits."""

import os
import threading
from pathlib import Path

import pytest

from mem0tray.system import plain
from mem0tray.system.plain import NotPlainError
from tests.support import needs, odd
from tests.support.needs import has_mode

pytestmark = pytest.mark.timeout(20)


@pytest.mark.row(49)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND | os.O_CREAT, os.O_RDWR])
@pytest.mark.parametrize("kind", odd.KINDS)
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, kind: str, flags: int) -> None:
    """A pipe, a socket, a device and a folder are refused at once, whatever is asked of them."""
    path = tmp_path / "file"
    with odd.put(kind, path), pytest.raises(NotPlainError, match=f"is a {kind}, not a file"):
        plain.open_fd(path, flags)


@needs.PIPES
@pytest.mark.row(49)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY])
def test_a_pipe_that_comes_at_the_last_moment_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int
) -> None:
    """What takes the place between the look and the opening keeps nobody waiting."""
    path = tmp_path / "file"
    real = plain.look

    def look(where: Path) -> os.stat_result | None:
        if path.exists():
            return real(where)
        os.mkfifo(path)
        return None

    monkeypatch.setattr(plain, "look", look)
    with pytest.raises(NotPlainError, match="named pipe"):
        plain.open_fd(path, flags)


@needs.PIPES
@pytest.mark.row(49)
def test_a_writer_at_a_pipe_goes_on_waiting(tmp_path: Path) -> None:
    """Looking breaks no pipe: who waits to write into it still finds a reader later."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("kept",), daemon=True)
    writer.start()
    for _ in range(50):
        with pytest.raises(NotPlainError):
            plain.read_bytes(path)
    assert path.read_text() == "kept"
    writer.join(10)


@needs.LINKS
def test_a_file_is_read_and_made(tmp_path: Path) -> None:
    """A regular file, or a link to one, is opened as ever; a new one is for its owner alone."""
    path = tmp_path / "file"
    fd = plain.open_fd(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"text")
    os.close(fd)
    (tmp_path / "link").symlink_to(path)
    assert plain.read_bytes(tmp_path / "link") == b"text"
    assert has_mode(path, 0o600)
    assert plain.look(tmp_path / "none") is None
