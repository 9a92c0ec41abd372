"""The settings file: privacy, links, and where values come from."""

import os
from pathlib import Path

import pytest

from mem0tray import settings
from mem0tray.errors import SettingsError

KEY = '[server]\napi_key = "sesame"\n'


def _file(folder: Path, text: str, mode: int = 0o644) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_file_with_a_key_is_made_private(tmp_path: Path) -> None:
    """Reading takes away what others may do with a file that holds a secret."""
    file = _file(tmp_path, KEY)
    loaded = settings.load(file, {})
    assert loaded.warnings == ()
    assert file.stat().st_mode & 0o777 == 0o600
    assert loaded.settings.server.api_key == "sesame"


def test_a_file_without_a_key_keeps_its_mode(tmp_path: Path) -> None:
    """What holds no secret is the user's business; an empty key is none."""
    file = _file(tmp_path, '[server]\napi_key = ""\n')
    settings.load(file, {})
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_link_is_followed_when_tightening(tmp_path: Path) -> None:
    """The file behind a symbolic link is made private, the link stays."""
    file = _file(tmp_path, KEY)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    settings.load(link, {})
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_made_private_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's file is named, and used."""
    file = _file(tmp_path, KEY)

    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(self), mode)

    monkeypatch.setattr(Path, "chmod", refuse)
    (warning,) = settings.load(file, {}).warnings
    assert str(file) in warning
    assert "sesame" not in warning


def test_a_folder_in_its_place_is_a_clear_error(tmp_path: Path) -> None:
    """A folder is no settings file."""
    with pytest.raises(SettingsError, match="is a folder"):
        settings.load(tmp_path, {})


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable to root")
def test_an_unreadable_file_is_a_clear_error(tmp_path: Path) -> None:
    """A file that may not be read is named."""
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(_file(tmp_path, "", 0o000), {})


def test_sources_tell_file_and_environment_apart(tmp_path: Path) -> None:
    """Keys at their default have no source; the environment wins over the file."""
    file = _file(tmp_path, "[sync]\ntimeout = 4\nconcurrency = 2\n")
    loaded = settings.load(file, {"MEM0TRAY_SYNC_TIMEOUT": "5"})
    assert loaded.sources == {
        "sync.timeout": settings.ENVIRONMENT,
        "sync.concurrency": settings.FILE,
    }
    assert loaded.settings.sync.timeout == 5.0


def test_unknown_keys_are_named(tmp_path: Path) -> None:
    """Unknown sections, keys and bare values warn; the rest holds."""
    file = _file(tmp_path, "bare = 1\n[sync]\ntimeoutt = 4\n[other]\nx = 1\n")
    warnings = settings.load(file, {}).warnings
    assert len(warnings) == 3
    assert all(name in str(warnings) for name in ("'bare'", "'sync.timeoutt'", "'other.x'"))


def test_every_key_has_a_variable(tmp_path: Path) -> None:
    """Each setting can be given in the environment."""
    for key, kind in settings.keys().items():
        value = settings.get(settings.Settings(), key)
        text = str(value).lower() if kind is bool else str(value)
        loaded = settings.load(tmp_path / "none", {settings.variable(key): text})
        assert settings.get(loaded.settings, key) == value
        assert loaded.sources == {key: settings.ENVIRONMENT}
