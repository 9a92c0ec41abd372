"""One memory that is large: delivered, at most six times its size in memory."""

from pathlib import Path

import pytest

from mem0tray.localserver.endpoint import BODY_MAX
from tests.support.home import Home, one_line
from tests.support.large import WAYS, body_hash, delivered, text
from tests.support.swallower import Swallower
from tests.support.variants import variants

pytestmark = pytest.mark.row(59)
_MOST = 6.0  # times its size
_SIZES = (10, pytest.param(50, marks=pytest.mark.slow))  # megabytes


@pytest.mark.timeout(300)
@pytest.mark.parametrize("megabytes", _SIZES)
@pytest.mark.parametrize("way", variants(WAYS))
def test_a_large_memory_is_delivered(tmp_path: Path, way: str, megabytes: int) -> None:
    """By whatever way it comes, as it is, and no process takes many times its size."""
    content = text(megabytes)
    with Swallower() as server, Home(tmp_path / "home", server.url) as home:
        use = delivered(home, content, way, server)
        assert server.hashes[1:] == [body_hash(content)]
    assert max(use.times.values()) <= _MOST, use


@pytest.mark.timeout(300)
@pytest.mark.parametrize("megabytes", _SIZES)
def test_the_embedded_server_takes_a_large_memory(tmp_path: Path, megabytes: int) -> None:
    """It and the worker take at most six times its size, each for itself."""
    with Home(tmp_path / "home", "local") as home:
        use = delivered(home, text(megabytes), "add", None)
    assert set(use.times) == {"add", "worker", "server"}
    assert max(use.times.values()) <= _MOST, use


def test_what_the_embedded_server_would_refuse_is_not_queued(tmp_path: Path) -> None:
    """`add` says so at once, with what to do."""
    with Home(tmp_path / "home", "local") as home:
        # Six bytes of JSON for each of these characters.
        escaped = "\x01" * (BODY_MAX // 6)
        done = home.run("add", "--project", "p", "-", stdin=escaped, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        assert "the text is too large" in one_line(done.stderr)
        assert "mem0tray config set server.url ADDRESS" in done.stderr
        assert not home.queue.exists()
