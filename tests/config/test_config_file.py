"""The settings file as a text: what a new one says, and what becomes of the old one's comments."""

import re
import threading
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from mem0tray.config import config_file
from mem0tray.core.errors import SettingsError
from tests.support.needs import has_mode

change_timeout = partial(config_file.change, key="sync.timeout", value=5.0)
remove_timeout = partial(config_file.change, key="sync.timeout", value=None)
NEW = Path(__file__).with_name("new_config.toml")


def test_a_new_file_says_what_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "config.toml"
    config_file.create(file)
    assert file.read_text(encoding="utf-8") == NEW.read_text(encoding="utf-8")
    assert has_mode(file, 0o600)
    assert has_mode(file.parent, 0o700)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5, "5"), (5.0, "5"), (0.5, "0.5"), (True, "true"), (False, "false"),
        ("é\n", '"é\\n"'), ("", '""'),
    ],
)  # fmt: skip
def test_a_value_is_written_as_toml(value: object, written: str) -> None:
    assert config_file.as_toml(value) == written


@pytest.mark.parametrize("work", [config_file.create, change_timeout, remove_timeout])
def test_a_folder_in_its_place_is_named(tmp_path: Path, work: Callable[[Path], object]) -> None:
    with pytest.raises(SettingsError, match=f"{re.escape(str(tmp_path))} cannot be read: is a fol"):
        work(tmp_path)


def test_two_changes_at_once_are_both_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    both, read = threading.Barrier(2, timeout=1), config_file._read

    def reading(path: Path) -> object:
        found = read(path)
        with suppress(threading.BrokenBarrierError):  # nobody else reads before we have written
            both.wait()
        return found

    monkeypatch.setattr(config_file, "_read", reading)
    with ThreadPoolExecutor() as pool:
        for change in (("server.url", "http://127.0.0.1:9"), ("sync.timeout", 90)):
            pool.submit(config_file.change, file, *change)
    assert tomllib.loads(file.read_text("utf-8")) == {
        "server": {"url": "http://127.0.0.1:9"},
        "sync": {"timeout": 90},
    }
