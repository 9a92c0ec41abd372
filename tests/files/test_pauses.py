"""The user's pause is a file, and survives a restart."""

import json
import math
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import orders
from mem0tray.system.paths import Paths

NOW = 1_764_513_120.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A home without a pause."""
    return Paths(tmp_path / "claude", tmp_path / "data")


def test_without_a_file_there_is_no_pause(paths: Paths) -> None:
    """And nothing to clear."""
    assert orders.read_pause(paths, NOW) is None
    assert orders.clear_pause(paths) is False


def test_a_pause_ends_at_its_time(paths: Paths) -> None:
    """At that very moment it is over."""
    orders.write_pause(paths, NOW + 60)
    assert json.loads(paths.pause.read_bytes()) == {"until": NOW + 60}
    assert orders.read_pause(paths, NOW) == NOW + 60
    assert orders.read_pause(paths, NOW + 59.9) == NOW + 60
    assert orders.read_pause(paths, NOW + 60) is None


def test_a_pause_without_a_time_has_no_end(paths: Paths) -> None:
    """It lasts until it is cleared."""
    orders.write_pause(paths, None)
    assert orders.read_pause(paths, NOW) == math.inf
    assert orders.clear_pause(paths) is True
    assert orders.read_pause(paths, NOW) is None


def test_the_time_is_that_of_the_clock_unless_it_is_given(paths: Paths) -> None:
    """Both a pause that is over and one that is not."""
    orders.write_pause(paths, 1.0)
    assert orders.read_pause(paths) is None
    orders.write_pause(paths, 1e12)
    assert orders.read_pause(paths) == 1e12


@pytest.mark.parametrize("text", ["", "[]", "5", "{", '{"other": 1}', '{"until": null}'])
def test_a_file_that_says_nothing_pauses_all_the_same(paths: Paths, text: str) -> None:
    """Who made it wanted a pause; deliveries go on when it is cleared."""
    paths.orders.mkdir(parents=True)
    paths.pause.write_text(text, encoding="utf-8")
    assert orders.read_pause(paths, NOW) == math.inf


@pytest.mark.parametrize("text", ['{"until": "soon"}', '{"until": true}', '{"until": NaN}'])
def test_a_time_that_makes_no_sense_is_over(paths: Paths, text: str) -> None:
    """It counts as 0, like every time that is none."""
    paths.orders.mkdir(parents=True)
    paths.pause.write_text(text, encoding="utf-8")
    assert orders.read_pause(paths, NOW) is None


def test_what_is_no_file_is_named(paths: Paths) -> None:
    """A folder in its place can be neither read nor cleared."""
    paths.pause.mkdir(parents=True)
    with pytest.raises(FileUnavailableError, match="is a folder"):
        orders.read_pause(paths, NOW)
    with pytest.raises(FileUnavailableError):
        orders.clear_pause(paths)
