"""A memory of megabytes that a producer wrote into a file itself."""

from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.shapes import dead, entry
from tests.support.standin import Standin

pytestmark = pytest.mark.row(59)
_SIZES = (10, pytest.param(50, marks=pytest.mark.slow))  # megabytes
_PATIENCE = 120.0  # seconds


@pytest.mark.timeout(300)
@pytest.mark.parametrize("megabytes", _SIZES)
@pytest.mark.parametrize("file", ["queue", "emergency", "DLQ"])
def test_a_large_memory_is_delivered_as_any_other(
    home: Home, server: Standin, file: str, megabytes: int
) -> None:
    line = "Ein « längerer » Satz mit Zeilenende.\n"
    text = line * (megabytes * 1_000_000 // len(line.encode()) + 1)
    if file == "queue":
        home.write_queue([entry(text)])
    elif file == "emergency":
        home.write_emergency([entry(text)])
    else:
        home.write_dlq([dead(text)])
    home.drained(_PATIENCE)
    assert server.stored == [("alpha", text)]


@pytest.mark.timeout(300)
def test_the_embedded_server_takes_a_large_memory(tmp_path: Path) -> None:
    with Home(tmp_path / "home", "local") as home:
        home.write_queue([entry("oak " * 2_500_000)])
        home.drained(_PATIENCE)
        assert '"on_server": 1' in home.ok("projects", "--json")
