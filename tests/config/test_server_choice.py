"""Which server is used where the settings name none."""

from pathlib import Path

import pytest

from mem0tray.config import server_choice
from mem0tray.config.server_choice import chosen, remember_if_first
from mem0tray.config.settings import LOCAL_URL
from mem0tray.system.paths import Paths
from tests.support.needs import has_mode


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "claude", tmp_path / "data")
    paths.claude_dir.mkdir()
    return paths


def test_the_setting_is_what_is_used(paths: Paths) -> None:
    remember_if_first("http://mem0.test", paths)
    paths.queue.touch()
    assert chosen("http://mem0.test", paths) == "http://mem0.test"
    assert chosen("", paths) is None


def test_a_choice_is_asked_for_with_its_commands() -> None:
    assert str(server_choice.CHOOSE) == f"choose a server: {server_choice.HOW}"
    assert "`mem0tray config set server.url local`" in str(server_choice.HOW)


@pytest.mark.parametrize("name", ["queue", "dlq", "metrics", "emergency"])
def test_a_file_of_others_asks_for_a_choice(paths: Paths, name: str) -> None:
    getattr(paths, name).touch()
    assert chosen("", paths) is None
    remember_if_first("", paths)
    assert chosen("", paths) is None


def test_the_embedded_server_is_our_choice_where_no_file_of_others_is_and_remembered(
    paths: Paths,
) -> None:
    assert chosen("", paths) == LOCAL_URL
    remember_if_first("", paths)
    paths.queue.touch()
    assert chosen("", paths) == LOCAL_URL
    (file,) = paths.data_dir.iterdir()
    assert (file.name, file.read_text(encoding="utf-8")) == ("server-choice", "local\n")
    assert has_mode(file, 0o600)
    assert has_mode(file.parent, 0o700)


def test_a_server_is_named_in_words() -> None:
    named = {"local": "this computer only", "https://mem0.test": "https://mem0.test"}
    assert {server: server_choice.in_words(server) for server in named} == named
    assert server_choice.in_words(None) == "the server"
