"""The settings file as a text: what a new one says, and what becomes of the old one's comments."""

import threading
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from mem0tray.config import config_file
from mem0tray.core.errors import SettingsError
from tests.support.needs import has_mode

NEW = Path(__file__).with_name("new_config.toml")


def test_a_new_file_says_what_can_be_set(tmp_path: Path) -> None:
    """Every key with its default and what it is for, as in `new_config.toml`."""
    file = tmp_path / "folder" / "config.toml"
    config_file.create(file)
    assert file.read_text(encoding="utf-8") == NEW.read_text(encoding="utf-8")
    assert has_mode(file, 0o600)
    assert has_mode(file.parent, 0o700)


def test_a_file_that_is_there_is_not_made(tmp_path: Path) -> None:
    """It belongs to the user, even when it is empty."""
    file = tmp_path / "config.toml"
    file.touch()
    config_file.create(file)
    assert file.read_bytes() == b""


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    """By `create` and by whoever changes it."""
    for work in (
        lambda: config_file.create(tmp_path),
        lambda: config_file.change(tmp_path, "sync.timeout", 5.0),
        lambda: config_file.remove(tmp_path, "sync.timeout"),
    ):
        with pytest.raises(SettingsError) as caught:
            work()
        assert caught.value.message == f"The settings file {tmp_path} is a folder."
        assert caught.value.remedy == "Move it away; `mem0tray config edit` makes the file."


def test_a_huge_file_is_not_changed_by_a_command(tmp_path: Path) -> None:
    """It would take minutes; the user's editor can do it."""
    file = tmp_path / "config.toml"
    file.write_text("# a remark\n" * 100_000)
    for work in (
        lambda: config_file.change(file, "sync.timeout", 5.0),
        lambda: config_file.remove(file, "sync.timeout"),
    ):
        with pytest.raises(SettingsError, match="too large to be changed by a command"):
            work()
    assert file.read_text() == "# a remark\n" * 100_000


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5, "5"), (5.0, "5"), (0.5, "0.5"), (True, "true"), (False, "false"),
        ("é\n", '"é\\n"'), ("", '""'),
    ],
)  # fmt: skip
def test_a_value_is_written_as_toml(value: object, written: str) -> None:
    """A whole number has no fraction."""
    assert config_file.as_toml(value) == written


def test_a_value_is_put_where_the_others_are(tmp_path: Path) -> None:
    """A new section comes last; what stands there is changed in its place."""
    file = tmp_path / "config.toml"
    config_file.change(file, "sync.timeout", 5.0)
    assert file.read_text(encoding="utf-8") == "[sync]\ntimeout = 5\n"
    config_file.change(file, "ui.language", "fr")
    config_file.change(file, "sync.timeout", 0.5)
    config_file.change(file, "sync.concurrency", 3)
    assert file.read_text(encoding="utf-8") == (
        '[sync]\ntimeout = 0.5\nconcurrency = 3\n\n[ui]\nlanguage = "fr"\n'
    )


def test_a_comment_behind_a_value_outlives_it(tmp_path: Path) -> None:
    """It stands behind the default then, in a line that is a comment."""
    file = tmp_path / "config.toml"
    file.write_text("[sync]\na = 1\ntimeout = 5 # slow\nb = 2\n", encoding="utf-8")
    assert config_file.remove(file, "sync.timeout") is True
    assert file.read_text(encoding="utf-8") == "[sync]\na = 1\n# timeout = 60  # slow\nb = 2\n"
    assert config_file.remove(file, "sync.timeout") is False


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("sync.timeout", " 5 ", 5.0),
        ("alerts.command", " x ", " x "),
        ("server.url", "local", "local"),
    ],
)
def test_a_value_from_a_person_is_checked(key: str, text: str, value: object) -> None:
    """Blanks around a number are not part of it; a text is taken as it is."""
    assert config_file.checked(key, text) == value


def test_an_empty_value_is_refused_with_both_ways_out() -> None:
    """It is more likely a mistake of a script than a wish."""
    with pytest.raises(SettingsError) as caught:
        config_file.checked("sync.timeout", " ")
    assert caught.value.message == "The new value of sync.timeout is empty; nothing was changed."
    assert caught.value.remedy == (
        "Give one, or take the setting away with `mem0tray config unset sync.timeout`."
    )


def test_a_value_that_is_no_text_is_refused() -> None:
    """Half a character cannot be written, be it the first that there is or the last."""
    for sign in map(chr, (0xD800, 0xDFFF)):
        with pytest.raises(SettingsError, match="is no valid text"):
            config_file.checked("alerts.command", f"a{sign}")


def test_an_address_is_checked_as_the_client_does() -> None:
    """What passes the rule may still be no address."""
    with pytest.raises(SettingsError, match="user name or password"):
        config_file.checked("server.url", "http://me@mem0.test")


def test_a_file_of_authorities_is_read_before_it_is_set(tmp_path: Path) -> None:
    """One that is missing is said now, and not at the next delivery."""
    with pytest.raises(SettingsError, match=r"gone\.pem.* holds no certificate"):
        config_file.checked("server.ca_file", str(tmp_path / "gone.pem"))


def test_two_changes_at_once_are_both_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command replaces the file by what it read before another one's change."""
    file = tmp_path / "config.toml"
    both, read = threading.Barrier(2, timeout=1), config_file._read

    def reading(path: Path) -> object:
        found = read(path)
        with suppress(threading.BrokenBarrierError):  # nobody else reads before we have written
            both.wait()
        return found

    monkeypatch.setattr(config_file, "_read", reading)
    changes = [("server.url", "http://127.0.0.1:9"), ("sync.timeout", 90)]
    threads = [
        threading.Thread(target=config_file.change, args=(file, *change)) for change in changes
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert tomllib.loads(file.read_text("utf-8")) == {
        "server": {"url": "http://127.0.0.1:9"},
        "sync": {"timeout": 90},
    }
