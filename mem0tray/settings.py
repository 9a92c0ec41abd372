"""Typed settings, from `config.toml` and the environment (which wins).

Every key `section.key` can also be given as `MEM0TRAY_<SECTION>_<KEY>`.
"""

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mem0tray.errors import SettingsError
from mem0tray.paths import Paths, config_file

ENV_PREFIX = "MEM0TRAY_"
LOCAL_URL = "local"
FILE = "file"
ENVIRONMENT = "environment"
SECRETS = frozenset({"server.api_key"})
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class PathSettings(msgspec.Struct, frozen=True):
    """`[paths]`."""

    claude_dir: str = "~/.claude"


class ServerSettings(msgspec.Struct, frozen=True):
    """`[server]`: an empty `url` means that none has been chosen."""

    url: str = ""
    dialect: str = "vps"
    api_key: str = ""
    allow_plain_key: bool = False
    ca_file: str = ""
    local_port: int = 6360


class SyncSettings(msgspec.Struct, frozen=True):
    """`[sync]`: intervals and time-outs in seconds."""

    probe_interval: float = 30.0
    retry_interval: float = 30.0
    max_attempts: int = 5
    timeout: float = 60.0
    concurrency: int = 8


class RetentionSettings(msgspec.Struct, frozen=True):
    """`[retention]`: in days."""

    discarded: float = 90.0


class LogSettings(msgspec.Struct, frozen=True):
    """`[log]`: `max_bytes` a file, `backups` rotated ones kept."""

    max_bytes: int = 5_000_000
    backups: int = 5


class UiSettings(msgspec.Struct, frozen=True):
    """`[ui]`: an empty `language` means the system's."""

    language: str = ""


class NotificationSettings(msgspec.Struct, frozen=True):
    """`[notifications]`: `level` is `all`, `problems` or `none`."""

    level: str = "all"


class AlertSettings(msgspec.Struct, frozen=True):
    """`[alerts]`: `after` in minutes, `max_age` in days, `command` gets the text on stdin."""

    investigate: int = 5
    dlq_size: int = 10
    after: float = 30.0
    max_age: float = 1.0
    command: str = ""


class Settings(msgspec.Struct, frozen=True):
    """All settings, checked."""

    paths: PathSettings = PathSettings()
    server: ServerSettings = ServerSettings()
    sync: SyncSettings = SyncSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()
    ui: UiSettings = UiSettings()
    notifications: NotificationSettings = NotificationSettings()
    alerts: AlertSettings = AlertSettings()

    def locations(self) -> Paths:
        """The paths that follow from these settings."""
        return Paths.for_claude_dir(Path(self.paths.claude_dir))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with what was noticed while reading them.

    `sources` says of each key that is not at its default whether it stands in
    the `file` or in the `environment`.
    """

    settings: Settings
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


# One line for each rule: key, test, what is expected.
_RANGES: tuple[tuple[str, Any, str], ...] = (
    ("sync.probe_interval", lambda v: 0.01 <= v <= 86400, "seconds from 0.01 to 86400"),
    ("sync.retry_interval", lambda v: 0 <= v <= 86400, "seconds from 0 to 86400"),
    ("sync.max_attempts", lambda v: 1 <= v <= 1000, "a whole number from 1 to 1000"),
    ("sync.timeout", lambda v: 0.01 <= v <= 600, "seconds from 0.01 to 600"),
    ("sync.concurrency", lambda v: 1 <= v <= 64, "a whole number from 1 to 64"),
    ("server.local_port", lambda v: 0 <= v <= 65535, "a port from 0 to 65535"),
    ("server.dialect", lambda v: v == "vps", '"vps"'),
    ("server.url", lambda v: _is_url(v), '"local" or an http:// or https:// address'),  # noqa: PLW0108  (it stands below)
    ("retention.discarded", lambda v: 0 <= v <= 36500, "days from 0 to 36500"),
    ("log.max_bytes", lambda v: v >= 10_000, "10000 bytes or more"),
    ("log.backups", lambda v: 0 <= v <= 100, "a whole number from 0 to 100"),
    ("ui.language", lambda v: v in {"", "en", "fr"}, '"en", "fr", or "" for the system\'s'),
    (
        "notifications.level",
        lambda v: v in {"all", "problems", "none"},
        '"all", "problems" or "none"',
    ),
    ("alerts.investigate", lambda v: 0 <= v <= 10**6, "a whole number from 0 to 1000000"),
    ("alerts.dlq_size", lambda v: 0 <= v <= 10**6, "a whole number from 0 to 1000000"),
    ("alerts.after", lambda v: 0 <= v <= 525600, "minutes from 0 to 525600"),
    ("alerts.max_age", lambda v: 0 <= v <= 3650, "days from 0 to 3650"),
    ("paths.claude_dir", lambda v: bool(v.strip()) and "\0" not in v, "a folder"),
)


def keys() -> dict[str, type]:
    """Every known key, `section.key`, with its type."""
    return {
        f"{section.name}.{field.name}": field.type
        for section in msgspec.structs.fields(Settings)
        for field in msgspec.structs.fields(section.type)
    }


def get(settings: Settings, key: str) -> Any:
    """The value of `section.key`; KeyError when there is none."""
    if key not in keys():
        raise KeyError(key)
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def load(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the settings file (it may be absent) and the environment.

    Raises SettingsError that names key, value and what is expected.
    """
    file = file or config_file()
    environ = os.environ if environ is None else environ
    known = keys()
    values, warnings = _from_file(file, known)
    sources = dict.fromkeys(values, FILE)
    for key, kind in known.items():
        name = variable(key)
        if name in environ:
            values[key] = _checked(key, _parse(environ[name], kind), kind, name)
            sources[key] = ENVIRONMENT
    return Loaded(_build(values), tuple(warnings), sources)


def variable(key: str) -> str:
    """The environment variable that stands for `section.key`."""
    return ENV_PREFIX + key.replace(".", "_").upper()


def check(key: str, text: str) -> Any:
    """The value that `text` stands for under `key`, checked; SettingsError if it cannot be."""
    known = keys()
    if key not in known:
        raise SettingsError(
            f"There is no setting {key!r}.", "`mem0tray config show` lists the settings."
        )
    return _checked(key, _parse(text, known[key]), known[key], key)


def _from_file(file: Path, known: Mapping[str, type]) -> tuple[dict[str, Any], list[str]]:
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        raise unreadable(file, error) from error
    import tomllib  # an import that only those pay who have a file

    try:
        document = tomllib.loads(text.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {file} is not valid TOML: {error}.",
            "Mend it with `mem0tray config edit`.",
        ) from error
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for section, content in document.items():
        if not isinstance(content, dict):
            warnings.append(f"{file}: unknown key {section!r} is ignored.")
            continue
        for name, value in content.items():
            key = f"{section}.{name}"
            if key in known:
                values[key] = _checked(key, value, known[key], f"{key} in {file}")
            else:
                warnings.append(f"{file}: unknown key {key!r} is ignored.")
    if any(values.get(key) for key in SECRETS):
        warnings += tighten(file)
    return values, warnings


def unreadable(file: Path, error: OSError) -> SettingsError:
    """Why the settings file cannot be read, in words for a person."""
    if file.is_dir():
        return SettingsError(
            f"The settings file {file} is a folder.",
            "Move the folder away; `mem0tray config edit` makes the file.",
        )
    return SettingsError(
        f"The settings file {file} cannot be read: {error.strerror}.",
        "Mend its permissions, or remove it to use the defaults.",
    )


def tighten(file: Path) -> list[str]:
    """Make a file with a secret in it private (a link is followed); a warning where we cannot."""
    if sys.platform == "win32":
        return []  # there a user's folder is private as it is
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            file.chmod(mode & ~0o077)
    except OSError:
        return [f"{file} holds a secret and can be read by others: make it yours and mode 0600."]
    return []


def _parse(text: str, kind: type) -> Any:
    """An environment or command-line text as `kind`, or the text itself if it is none."""
    if kind is bool:
        lowered = text.strip().lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def _checked(key: str, value: Any, kind: type, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    expected = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]
    shown = "a value" if key in SECRETS else repr(value)
    if type(value) is not kind:
        raise SettingsError(f"{where} is {shown}, but it must be {expected}.")
    for name, test, wanted in _RANGES:
        if name == key and not test(value):
            raise SettingsError(f"{where} is {shown}, but it must be {wanted}.")
    return value


def _build(values: Mapping[str, Any]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = value
    return msgspec.convert(sections, Settings)


def _is_url(value: str) -> bool:
    if value in ("", LOCAL_URL):
        return True
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
