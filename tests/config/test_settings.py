"""The settings file: privacy, links, and where values come from."""

import json
import re
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.config import settings
from mem0tray.core.errors import SettingsError
from tests.support import needs
from tests.support.needs import has_mode

KEY = '[server]\napi_key = "sesame"\n'


def _file(folder: Path, text: str, mode: int = 0o644) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.mark.row(44)
def test_a_file_with_a_key_is_made_private(tmp_path: Path) -> None:
    file = _file(tmp_path, KEY)
    loaded = settings.load(file, {})
    assert loaded.warnings == ()
    assert has_mode(file, 0o600)
    assert loaded.settings.server.api_key == "sesame"
    file = _file(tmp_path, '[server]\napi_key = ""\n')
    settings.load(file, {})
    assert has_mode(file, 0o644)


@needs.MODES
def test_a_file_that_cannot_be_made_private_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, KEY)
    refused = PermissionError(1, "Operation not permitted")
    monkeypatch.setattr(Path, "chmod", mock.Mock(side_effect=refused))
    (warning,) = settings.load(file, {}).warnings
    assert str(file) in warning
    assert "sesame" not in warning


def test_unknown_keys_and_variables_are_named(tmp_path: Path) -> None:
    file = _file(tmp_path, "bare = 1\nurl = 'x'\n[sync]\ntimeoutt = 4\n[other]\nx = 1\n")
    wrong = ("MEM0TRAY_SERVER_ULR", "MEM0TRAY_PATHS_FOLDR")
    environ = dict.fromkeys([*wrong, "MEM0TRAY_HOME", "MEM0_PROJECT_ID"], "x")
    *keys, first, second = settings.load(file, environ).warnings
    assert len(keys) == 4
    assert all(name in str(keys) for name in ("'bare'", "'sync.timeoutt'", "'other.x'"))
    assert sum("Did you mean `sync.timeout`?" in each for each in keys) == 1
    assert sum("Did you mean `server.url`?" in each for each in keys) == 1
    assert first == (
        "The variable MEM0TRAY_SERVER_ULR is unknown and ignored."
        " Did you mean `MEM0TRAY_SERVER_URL`?"
    )
    assert second.startswith("The variable MEM0TRAY_PATHS_FOLDR is unknown and ignored.")


_TEXTS = [key for key, kind in settings.keys().items() if kind is str]
_NUMBERS = [key for key, kind in settings.keys().items() if kind in (int, float)]


@pytest.mark.parametrize(
    "value", [" ", "a\nb", "a\x00b", "a\x7f", "a\x85b", "a\u2028b", "x" * 9000]
)
def test_no_text_is_blank_or_holds_control_characters(tmp_path: Path, value: str) -> None:
    written = json.dumps(value).replace("\x7f", "\\u007f")
    for key in _TEXTS:
        section, name = key.split(".")
        verb = "must be" if key in settings.SECRETS else "is"
        file = _file(tmp_path, f"[{section}]\n{name} = {written}\n")
        with pytest.raises(SettingsError, match=re.escape(f"{key} in {file} {verb} ")) as caught:
            settings.load(file, {})
        assert f"`mem0tray config unset {key}`" in caught.value.remedy
        variable = settings.variable(key)
        with pytest.raises(SettingsError, match=re.escape(f"{key} ({variable}) {verb} ")) as caught:
            settings.load(tmp_path / "none", {variable: value})
        assert variable in caught.value.remedy


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e999", " ", "ten"])
def test_no_number_is_endless_or_negative(tmp_path: Path, value: str) -> None:
    for key in _NUMBERS:
        with pytest.raises(SettingsError, match=re.escape(f"{key} (")):
            settings.load(tmp_path / "none", {settings.variable(key): value})
        if value in ("nan", "inf", "-inf", "-1"):
            section, name = key.split(".")
            with pytest.raises(SettingsError, match=re.escape(f"{key} in ")):
                settings.load(_file(tmp_path, f"[{section}]\n{name} = {value}\n"), {})


@pytest.mark.parametrize(
    ("key", "like"),
    [
        ("timeout", "sync.timeout"), ("url", "server.url"), ("sync.timeoutt", "sync.timeout"),
        ("SERVER.url", None), ("nothing.like.it", None), ("servers.url", "server.url"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_gets_a_guess(key: str, like: str | None) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.kind_of(key)
    guess = f" Did you mean `{like}`?" if like else ""
    assert caught.value.message == f"There is no setting {key!r}.{guess}"


def test_what_is_right_beside_what_is_wrong_can_be_read(tmp_path: Path) -> None:
    text = '[server]\nurl = "local"\n[sync]\ntimeout = "x"\n[ui]\nlanguage = "de"\n'
    file = _file(tmp_path, text)
    found = settings.read(file, {"MEM0TRAY_SYNC_CONCURRENCY": "many"})
    assert found.settings.server.url == "local"
    assert found.settings.sync.timeout == settings.Settings().sync.timeout
    assert found.unknown == {"sync.timeout", "ui.language", "sync.concurrency"}
    assert [each.message.split()[0] for each in found.wrong] == [
        "sync.timeout",
        "ui.language",
        "sync.concurrency",
    ]
    with pytest.raises(SettingsError) as caught:
        settings.load(file, {})
    assert str(caught.value) == " ".join(map(str, found.wrong[:2]))


@pytest.mark.parametrize("text", ["[server", "server = 1"])
def test_what_stands_in_a_variable_is_known_whatever_the_file_is(tmp_path: Path, text: str) -> None:
    found = settings.read(_file(tmp_path, text), {"MEM0TRAY_SERVER_URL": "local"})
    assert found.settings.server.url == "local"
    assert "server.url" not in found.unknown
    assert "server.api_key" in found.unknown
    assert ("paths.claude_dir" in found.unknown) == (text == "[server")


@pytest.mark.parametrize("key", ["server.url", "server.api_key", "sync.timeout"])
def test_an_empty_variable_counts_as_not_set(tmp_path: Path, key: str) -> None:
    section, name = key.split(".")
    value = {"server.url": "local", "server.api_key": "k", "sync.timeout": 7}[key]
    file = _file(tmp_path, f"[{section}]\n{name} = {json.dumps(value)}\n", 0o600)
    loaded = settings.load(file, {settings.variable(key): ""})
    assert settings.get(loaded.settings, key) == value
    assert loaded.sources == {key: settings.FILE}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"server = 5\n", "server in {file} is a value, but it must be a section."),
        (b"server = \n", "The settings file {file} is not valid TOML: Invalid value"),
        (b"\xff", "The settings file {file} is not valid TOML: 'utf-8' codec can't decode"),
        (b"a = " + b"[" * 100_000, "The settings file {file} is not valid TOML: "),
    ],
    ids=["no section", "no TOML", "no UTF-8", "too deep"],
)
def test_a_file_that_makes_no_sense_is_named_with_a_remedy(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    (error,) = settings.read(file, {}).wrong
    assert error.message.startswith(message.format(file=file))
    assert not error.message.endswith("..")
    assert error.remedy == "Mend it with `mem0tray config edit`."


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("folder", "is a folder, not a file"),
        pytest.param("link", "No such file or directory", marks=needs.LINKS),
        pytest.param(
            "forbidden",
            "Permission denied",
            marks=[needs.READING_RIGHTS, needs.no_root("it may read everything")],
        ),
    ],
)
def test_a_file_that_cannot_be_read_leaves_its_settings_unknown(
    tmp_path: Path, kind: str, why: str
) -> None:
    """Settings that are elsewhere, and not there now, are not the defaults."""
    file = tmp_path / "config.toml"
    if kind == "folder":
        file.mkdir()
    elif kind == "link":
        file.symlink_to(tmp_path / "dotfiles" / "config.toml")
    else:
        _file(tmp_path, "", 0o000)
    found = settings.read(file, {})
    (error,) = found.wrong
    assert error.message == f"The settings file {file} cannot be read: {why}."
    assert error.remedy == "Mend its permissions, or remove it to use the defaults."
    assert "server.url" in found.unknown
