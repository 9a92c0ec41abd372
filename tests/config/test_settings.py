"""The settings file: privacy, links, and where values come from."""

import errno
import json
import re
from pathlib import Path

import msgspec
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


def test_a_file_with_a_key_is_made_private(tmp_path: Path) -> None:
    """Reading takes away what others may do with a file that holds a secret."""
    file = _file(tmp_path, KEY)
    loaded = settings.load(file, {})
    assert loaded.warnings == ()
    assert has_mode(file, 0o600)
    assert loaded.settings.server.api_key == "sesame"


def test_a_file_without_a_key_keeps_its_mode(tmp_path: Path) -> None:
    """What holds no secret is the user's business; an empty key is none."""
    file = _file(tmp_path, '[server]\napi_key = ""\n')
    settings.load(file, {})
    assert has_mode(file, 0o644)


@needs.LINKS
def test_a_link_is_followed_when_tightening(tmp_path: Path) -> None:
    """The file behind a symbolic link is made private, the link stays."""
    file = _file(tmp_path, KEY)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    settings.load(link, {})
    assert link.is_symlink()
    assert has_mode(file, 0o600)


@needs.MODES
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


@needs.READING_RIGHTS
@needs.no_root("it may read everything")
def test_an_unreadable_file_is_a_clear_error(tmp_path: Path) -> None:
    """A file that may not be read is named."""
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(_file(tmp_path, "", 0o000), {})


def test_what_the_system_refuses_is_told_with_what_to_do(tmp_path: Path) -> None:
    """The file, the system's own words, and a remedy, a sentence each."""
    found = settings.unreadable(tmp_path, PermissionError(errno.EACCES, "Permission denied"))
    assert found.message == f"The settings file {tmp_path} cannot be read: Permission denied."
    assert found.remedy == "Mend its permissions, or remove it to use the defaults."


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
    """Unknown sections, keys and bare values warn, with a guess; the rest holds."""
    file = _file(tmp_path, "bare = 1\nurl = 'x'\n[sync]\ntimeoutt = 4\n[other]\nx = 1\n")
    warnings = settings.load(file, {}).warnings
    assert len(warnings) == 4
    assert all(name in str(warnings) for name in ("'bare'", "'sync.timeoutt'", "'other.x'"))
    assert sum("Did you mean `sync.timeout`?" in each for each in warnings) == 1
    assert sum("Did you mean `server.url`?" in each for each in warnings) == 1


def test_unknown_variables_are_named() -> None:
    """A variable that looks like a setting and is none warns; those of others do not."""
    environ = {"MEM0TRAY_SERVER_ULR": "x", "MEM0TRAY_HOME": "x", "MEM0_PROJECT_ID": "x"}
    (warning,) = settings.unknown_variables(environ)
    assert warning == (
        "The variable MEM0TRAY_SERVER_ULR is unknown and ignored."
        " Did you mean `MEM0TRAY_SERVER_URL`?"
    )


def test_a_section_may_be_mistyped_too() -> None:
    """Where the whole is like a variable of ours."""
    (warning,) = settings.unknown_variables({"MEM0TRAY_SNYC_TIMEOUT": "7"})
    assert warning.endswith("Did you mean `MEM0TRAY_SYNC_TIMEOUT`?")


def test_a_value_in_the_place_of_a_section_is_wrong(tmp_path: Path) -> None:
    """`server = "…"` is no setting, and says so instead of being ignored."""
    file = _file(tmp_path, 'server = "http://127.0.0.1:9"\n')
    with pytest.raises(SettingsError, match=r"server in .* but it must be a section"):
        settings.load(file, {})


@pytest.mark.parametrize("key", ["server.url", "server.api_key", "server.ca_file", "ui.language"])
def test_an_empty_variable_takes_no_text_away(tmp_path: Path, key: str) -> None:
    """What the file says holds, with a word about it; where the file says nothing, silently."""
    value = {"server.url": "local", "server.ca_file": "~/x", "ui.language": "fr"}.get(key, "k")
    section, name = key.split(".")
    file = _file(tmp_path, f'[{section}]\n{name} = "{value}"\n', 0o600)
    loaded = settings.load(file, {settings.variable(key): ""})
    assert settings.get(loaded.settings, key) == value
    assert loaded.sources == {key: settings.FILE}
    (warning,) = loaded.warnings
    assert f"{settings.variable(key)} is empty" in warning
    assert settings.load(tmp_path / "none", {settings.variable(key): ""}) == settings.Loaded(
        settings.Settings()
    )


_TEXTS = [key for key, kind in settings.keys().items() if kind is str]
_NUMBERS = [key for key, kind in settings.keys().items() if kind in (int, float)]


@pytest.mark.parametrize(
    "value", [" ", "a\nb", "a\x00b", "a\x7f", "a\x85b", "a\u2028b", "x" * 9000]
)
@pytest.mark.parametrize("key", _TEXTS)
def test_no_text_is_blank_or_holds_control_characters(tmp_path: Path, key: str, value: str) -> None:
    """File and environment are held to what `config set` takes, and the key is named."""
    section, name = key.split(".")
    verb = "must be" if key in settings.SECRETS else "is"
    written = json.dumps(value).replace("\x7f", "\\u007f")
    file = _file(tmp_path, f"[{section}]\n{name} = {written}\n")
    with pytest.raises(SettingsError, match=re.escape(f"{key} in {file} {verb} ")) as caught:
        settings.load(file, {})
    assert f"`mem0tray config unset {key}`" in caught.value.remedy
    variable = settings.variable(key)
    with pytest.raises(SettingsError, match=re.escape(f"{key} ({variable}) {verb} ")) as caught:
        settings.load(tmp_path / "none", {variable: value})
    assert variable in caught.value.remedy


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e999", "", " ", "ten"])
@pytest.mark.parametrize("key", _NUMBERS)
def test_no_number_is_endless_or_negative(tmp_path: Path, key: str, value: str) -> None:
    """Not a number, infinite and negative values are refused wherever they stand."""
    with pytest.raises(SettingsError, match=re.escape(f"{key} (")):
        settings.load(tmp_path / "none", {settings.variable(key): value})
    if value in ("nan", "inf", "-inf", "-1"):
        section, name = key.split(".")
        with pytest.raises(SettingsError, match=re.escape(f"{key} in ")):
            settings.load(_file(tmp_path, f"[{section}]\n{name} = {value}\n"), {})


def test_every_key_has_a_variable(tmp_path: Path) -> None:
    """Each setting can be given in the environment."""
    for key, kind in settings.keys().items():
        value = settings.get(settings.Settings(), key)
        if value == "":
            continue  # as if the variable were not there
        text = str(value).lower() if kind is bool else str(value)
        loaded = settings.load(tmp_path / "none", {settings.variable(key): text})
        assert settings.get(loaded.settings, key) == value
        assert loaded.sources == {key: settings.ENVIRONMENT}


# What holds where nobody has set anything: the contract, sections 3 and 5.
DEFAULTS = {
    "paths.claude_dir": "~/.claude",
    "server.url": "",
    "server.dialect": "auto",
    "server.api_key": "",
    "server.keyring": False,
    "server.user": "",
    "server.infer": False,
    "server.allow_plain_key": False,
    "server.ca_file": "",
    "server.local_port": 6360,
    "sync.probe_interval": 30.0,
    "sync.idle_probe_interval": 600.0,
    "sync.retry_interval": 30.0,
    "sync.max_attempts": 5,
    "sync.timeout": 60.0,
    "sync.concurrency": 8,
    "retention.discarded": 90.0,
    "log.max_bytes": 5_000_000,
    "log.backups": 5,
    "ui.language": "",
    "notifications.level": "all",
    "alerts.investigate": 5,
    "alerts.dlq_size": 10,
    "alerts.after": 30.0,
    "alerts.max_age": 1.0,
    "alerts.command": "",
    "claude.save_summaries": False,
    "claude.auto_memory": False,
}


def test_every_setting_has_its_default() -> None:
    """Whoever changes one changes what people rely on."""
    known = settings.keys()
    values = {key: settings.get(settings.Settings(), key) for key in known}
    assert values == DEFAULTS
    assert all(type(values[key]) is kind for key, kind in known.items())


@pytest.mark.parametrize(
    "section", [field.name for field in msgspec.structs.fields(settings.Settings)]
)
def test_settings_cannot_be_changed_in_place(section: str) -> None:
    """Threads share them; others are loaded anew."""
    found = settings.Settings()
    with pytest.raises(AttributeError):
        setattr(found, section, None)
    part = getattr(found, section)
    with pytest.raises(AttributeError):
        setattr(part, msgspec.structs.fields(part)[0].name, None)


def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path) -> None:
    """A value in the place of a section, broken TOML, a key that is none."""
    edit = "Mend it with `mem0tray config edit`."
    file = _file(tmp_path, "server = 5\n")
    with pytest.raises(SettingsError) as caught:
        settings.load(file, {})
    assert (caught.value.message, caught.value.remedy) == (
        f"server in {file} is a value, but it must be a section.", edit
    )  # fmt: skip
    with pytest.raises(SettingsError) as caught:
        settings.load(_file(tmp_path, "server = \n"), {})
    assert caught.value.message.startswith(f"The settings file {file} is not valid TOML: ")
    assert not caught.value.message.endswith("..")
    assert caught.value.remedy == edit
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError) as caught:
        settings.load(file, {})
    assert caught.value.message == f"The settings file {file} is not valid TOML: it is not UTF-8."
    with pytest.raises(SettingsError) as caught:
        settings.kind_of("x" * 101)
    assert caught.value.message == f"There is no setting {'x' * 100!r}."
    assert caught.value.remedy == "`mem0tray config show` lists the settings."


@pytest.mark.parametrize("table", ["server", "server.more"])
def test_a_table_that_stands_twice_is_named_as_in_the_file(tmp_path: Path, table: str) -> None:
    """Not as the library has it in Python."""
    with pytest.raises(SettingsError, match=rf"Cannot declare {table} twice \(at line 2"):
        settings.load(_file(tmp_path, f"[{table}]\n[{table}]\n"), {})


def test_a_reason_of_the_parser_ends_in_one_stop(tmp_path: Path) -> None:
    """Whether or not the parser's own words end in one."""
    import tomllib

    def refuse(_text: str) -> None:
        raise tomllib.TOMLDecodeError(".X..")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tomllib, "loads", refuse)
        with pytest.raises(SettingsError, match=r"is not valid TOML: \.X\. "):
            settings.parsed(tmp_path, b"")


@pytest.mark.parametrize(
    ("key", "like"),
    [
        ("timeout", "sync.timeout"), ("url", "server.url"), ("sync.timeoutt", "sync.timeout"),
        ("SERVER.url", None), ("nothing.like.it", None), ("other.url", "server.url"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_gets_a_guess(key: str, like: str | None) -> None:
    """By its own name alone, or by what is written like it."""
    with pytest.raises(SettingsError) as caught:
        settings.kind_of(key)
    guess = f" Did you mean `{like}`?" if like else ""
    assert caught.value.message == f"There is no setting {key!r}.{guess}"


def test_a_name_that_no_key_has_gives_a_key_error() -> None:
    """The value of a key that there is not is nobody's business to guess."""
    with pytest.raises(KeyError):
        settings.get(settings.Settings(), "sync.none")


def test_a_variable_that_is_empty_hides_no_other(tmp_path: Path) -> None:
    """Those behind it hold all the same."""
    environ = {settings.variable("server.url"): "", settings.variable("sync.timeout"): "5"}
    assert settings.load(tmp_path / "none", environ).settings.sync.timeout == 5.0


def test_what_is_right_beside_what_is_wrong_can_be_read(tmp_path: Path) -> None:
    """Each wrong value is told, and its key alone is unknown; `load` tells of all."""
    file = tmp_path / "config.toml"
    file.write_text('[server]\nurl = "local"\n[sync]\ntimeout = "x"\n[ui]\nlanguage = "de"\n')
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
    """A file that cannot be read leaves all the rest unknown; a section that is none, its keys."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    found = settings.read(file, {"MEM0TRAY_SERVER_URL": "local"})
    assert found.settings.server.url == "local"
    assert "server.url" not in found.unknown
    assert "server.api_key" in found.unknown
    assert ("paths.claude_dir" in found.unknown) == (text == "[server")


@needs.LINKS
def test_a_link_to_nothing_is_no_missing_file(tmp_path: Path) -> None:
    """Settings that are elsewhere, and not there now, are unknown, and not the defaults."""
    file = tmp_path / "config.toml"
    file.symlink_to(tmp_path / "dotfiles" / "config.toml")
    found = settings.read(file, {})
    (error,) = found.wrong
    assert error.message == f"{file} is a link to {file.readlink()}, which is not there."
    assert "server.url" in found.unknown


def test_a_file_that_is_nested_too_deep_is_told_so(tmp_path: Path) -> None:
    """What the parser says of it is about itself."""
    (error,) = settings.read(_file(tmp_path, "a = " + "[" * 100_000), {}).wrong
    assert error.message.endswith("not valid TOML: it is nested too deep.")
