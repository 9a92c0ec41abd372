"""Typed settings, from `config.toml` and the environment (which wins).

Every key `section.key` can also be given as `MEM0TRAY_<SECTION>_<KEY>`.
"""

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mem0tray.config import setting_rules
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.system import plain
from mem0tray.system.paths import Paths, config_file

ENV_PREFIX = "MEM0TRAY_"
LOCAL_URL = setting_rules.LOCAL_URL
FILE = "file"
ENVIRONMENT = "environment"
SECRETS = setting_rules.SECRETS


class PathSettings(msgspec.Struct, frozen=True):
    """`[paths]`."""

    claude_dir: str = "~/.claude"


class ServerSettings(msgspec.Struct, frozen=True):
    """`[server]`: an empty `url` means that none has been chosen."""

    url: str = ""
    dialect: str = "auto"
    api_key: str = ""
    user: str = ""
    infer: bool = False
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


_LONGEST_KEY = 100  # characters of a wrong key that are shown
_EDIT = Reason("Mend it with `mem0tray config edit`.")


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
        if name not in environ:
            continue
        text = environ[name]
        if not text and get(Settings(), key) == "":
            # As `config set` does: a text is not taken away by a variable that came out empty.
            if values.get(key):
                warnings.append(f"{name} is empty and ignored; what {file} says of {key} holds.")
            continue
        values[key] = setting_rules.checked(
            key,
            setting_rules.parse(text, kind),
            kind,
            reasons.quoted(f"{key} ({name})"),
            _mend(name),
        )
        sources[key] = ENVIRONMENT
    return Loaded(_build(values), tuple(warnings), sources)


def _mend(name: str) -> Reason:
    return Reason("Correct the variable {name}, or unset it.", name=name)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A warning for each variable that looks like a setting and is none.

    Whoever runs a command hears of it, whether that command has a use for settings or not:
    it is no part of `Loaded.warnings`.
    """
    names = [variable(key) for key in keys()]
    sections = tuple({name[: name.index("_", len(ENV_PREFIX)) + 1] for name in names})
    ends = [name.removeprefix(ENV_PREFIX) for name in names]
    odd = [name for name in environ if name.startswith(ENV_PREFIX) and name not in names]
    return [
        f"The variable {name} is unknown and ignored.{_guess(name, names)}"
        for name in odd
        if name.startswith(sections) or _guess(name.removeprefix(ENV_PREFIX), ends)
    ]


def variable(key: str) -> str:
    """The environment variable that stands for `section.key`."""
    return ENV_PREFIX + key.replace(".", "_").upper()


def check(key: str, text: str) -> Any:
    """The value that `text` stands for under `key`, checked; SettingsError if it cannot be."""
    kind = kind_of(key)
    return setting_rules.checked(key, setting_rules.parse(text, kind), kind, reasons.quoted(key))


def kind_of(key: str) -> type:
    """The type of `section.key`; SettingsError, with a guess, when there is none."""
    known = keys()
    if key not in known:
        raise SettingsError(
            f"There is no setting {key[:_LONGEST_KEY]!r}.{_meant(key, known)}",
            "`mem0tray config show` lists the settings.",
        )
    return known[key]


def _meant(key: str, known: Mapping[str, type]) -> str:
    """A guess at what was meant: by the key's own name, or by what is written like it."""
    ending = [each for each in known if each.partition(".")[2] == key]
    return f" Did you mean `{ending[0]}`?" if ending else _guess(key, known)


def _guess(name: str, known: Iterable[str]) -> str:
    from mem0tray.core.text import did_you_mean  # only those pay for it who mistyped

    return did_you_mean(name, known)


def _from_file(file: Path, known: Mapping[str, type]) -> tuple[dict[str, Any], list[str]]:
    try:
        text = plain.read_bytes(file)
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        raise unreadable(file, error) from error
    document = parsed(file, text)
    values: dict[str, Any] = {}
    warnings: list[str] = []
    sections = {key.partition(".")[0] for key in known}
    for section, content in document.items():
        if not isinstance(content, dict):
            if section in sections:
                place = Reason("{key} in {path}", key=section, path=file)
                raise setting_rules.wrong_value(
                    place, Reason("a value"), Reason("a section"), _EDIT
                )
            warnings.append(f"{file}: unknown key {section!r} is ignored.{_meant(section, known)}")
            continue
        for name, value in content.items():
            key = f"{section}.{name}"
            if key in known:
                where, mend = Reason("{key} in {path}", key=key, path=file), _mend_in_file(key)
                values[key] = setting_rules.checked(key, value, known[key], where, mend)
            else:
                warnings.append(f"{file}: unknown key {key!r} is ignored.{_meant(key, known)}")
    if any(values.get(key) for key in SECRETS):
        warnings += tighten(file)
    return values, warnings


def _mend_in_file(key: str) -> Reason:
    return Reason(
        "Set it with `mem0tray config set {key} VALUE`, or `mem0tray config unset {key}`.", key=key
    )


def parsed(file: Path, data: bytes) -> dict[str, Any]:
    """The settings file's bytes as TOML. Raises SettingsError, the same for all who read it."""
    import tomllib  # an import that only those pay who have a file

    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"{error}"
        raise SettingsError(
            Reason(
                "The settings file {path} is not valid TOML: {why}.",
                path=file,
                why=reason.rstrip("."),
            ),
            _EDIT,
        ) from error


def unreadable(file: Path, error: OSError) -> SettingsError:
    """Why the settings file cannot be read, in words for a person."""
    if isinstance(error, plain.NotPlainError):
        return SettingsError(
            Reason("The settings file {path} is {kind}.", path=file, kind=error.kind),
            Reason("Move it away; `mem0tray config edit` makes the file."),
        )
    return SettingsError(
        Reason(
            "The settings file {path} cannot be read: {why}.",
            path=file,
            why=reasons.of_system(error),
        ),
        Reason("Mend its permissions, or remove it to use the defaults."),
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


def _build(values: Mapping[str, Any]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = value
    return msgspec.convert(sections, Settings)
