"""Typed settings, from `config.toml` and the environment (which wins).

Every key `section.key` can also be given as `MEM0TRAY_<SECTION>_<KEY>`.
"""

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mem0tray.config import setting_rules
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths, config_file, data_root, last_served

ENV_PREFIX = "MEM0TRAY_"
LOCAL_URL = setting_rules.LOCAL_URL
FILE = "file"
ENVIRONMENT = "environment"
SECRETS = setting_rules.SECRETS
CLAUDE_DIR, SERVER_URL, API_KEY = "paths.claude_dir", "server.url", "server.api_key"
_SHOWN = 100  # characters of a wrong key


class PathSettings(msgspec.Struct, frozen=True):
    """The section `[paths]`."""

    claude_dir: str = "~/.claude"


class ServerSettings(msgspec.Struct, frozen=True):
    """`[server]`: an empty `url` means that none has been chosen."""

    url: str = ""
    dialect: str = "auto"
    api_key: str = ""
    keyring: bool = False
    user: str = ""
    infer: bool = False
    allow_plain_key: bool = False
    ca_file: str = ""
    local_port: int = 6360


class SyncSettings(msgspec.Struct, frozen=True):
    """`[sync]`: intervals and time-outs in seconds."""

    probe_interval: float = 30.0
    idle_probe_interval: float = 600.0
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
    """`[ui]`: an empty `language` means the system's; `show_texts`: in the menu and in windows."""

    language: str = ""
    show_texts: bool = True


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


class ClaudeSettings(msgspec.Struct, frozen=True):
    """`[claude]`: what is queued from Claude Code besides what the model marks."""

    save_summaries: bool = False
    auto_memory: bool = False


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
    claude: ClaudeSettings = ClaudeSettings()

    def locations(self) -> Paths:
        return Paths.for_claude_dir(Path(self.paths.claude_dir))


class Loaded(msgspec.Struct, frozen=True):
    """Settings, with what was noticed while reading them.

    `sources`: `file` or `environment` for each key that is not at its default. `wrong` values leave
    keys `unknown`: these are at their defaults, which may not be what is meant.
    """

    settings: Settings
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, str] = msgspec.field(default_factory=dict)
    wrong: tuple[SettingsError, ...] = ()
    unknown: frozenset[str] = frozenset()

    def in_last_folder(self) -> Settings:
        """Return the settings; if they leave the folder unknown, with the one served last."""
        served = last_served(data_root()) if CLAUDE_DIR in self.unknown else None
        if served is None:
            return self.settings
        return msgspec.structs.replace(self.settings, paths=PathSettings(str(served)))


# Keys and values ------------------------------------------------------------------------------


def keys() -> dict[str, type]:
    """Return every known key, `section.key`, with its type."""
    return {
        f"{section.name}.{field.name}": field.type
        for section in msgspec.structs.fields(Settings)
        for field in msgspec.structs.fields(section.type)
    }


def get(settings: Settings, key: str) -> Any:
    """Return the value of `section.key`."""
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def variable(key: str) -> str:
    """Return the environment variable that stands for `section.key`."""
    return ENV_PREFIX + key.replace(".", "_").upper()


def kind_of(key: str) -> type:
    """Return the type of `section.key`; SettingsError, with a guess, when there is none."""
    known = keys()
    if key not in known:
        raise SettingsError(
            f"There is no setting {key[:_SHOWN]!r}.{_guess(key, known)}",
            "`mem0tray config show` lists the settings.",
        )
    return known[key]


def _guess(key: str, known: Iterable[str]) -> str:
    """Guess the key that was meant: one with the same last part, or with a similar name."""
    for each in known:
        if each.partition(".")[2] == key:
            return f" Did you mean `{each}`?"
    from mem0tray.core.text import did_you_mean  # slow to import, and only a mistyped key needs it

    return did_you_mean(key, known)


# Reading --------------------------------------------------------------------------------------

_EDIT = Reason("Mend it with `mem0tray config edit`.")


def load(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the settings file (it may be absent) and the environment.

    Raises SettingsError that names, for all that is wrong, key, value and what is expected.
    """
    loaded = read(file, environ)
    if loaded.wrong:
        raise together(loaded.wrong)
    return loaded


def together(wrong: Sequence[SettingsError]) -> SettingsError:
    """Return one error for everything that is wrong, each with its remedy."""
    *others, last = wrong
    message, remedy = reasons.parted(last.reason)
    for each in reversed(others):
        message = reasons.advised(each.reason, message)
    return SettingsError(message, remedy)


def read(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the settings as `load` does, as far as possible; errors are in `Loaded.wrong`."""
    found = _Reading(file or config_file())
    found.take_file()
    found.take_environment(os.environ if environ is None else environ)
    sections: dict[str, dict[str, Any]] = {}
    for key, value in found.values.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = value
    return Loaded(
        msgspec.convert(sections, Settings),
        tuple(found.warnings),
        found.sources,
        tuple(found.wrong),
        frozenset(found.unknown),
    )


class _Reading:
    """What has been read of the settings so far, from the `file` and then the environment."""

    def __init__(self, file: Path) -> None:
        self._file, self._known = file, keys()
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.warnings: list[str] = []
        self.wrong: list[SettingsError] = []
        self.unknown: set[str] = set()

    def take_file(self) -> None:
        try:
            document = parsed(self._file, regular_file.read_bytes(self._file))
        except OSError as error:
            # The target of a link may be back in a moment.
            if not isinstance(error, FileNotFoundError) or self._file.is_symlink():
                self._is_wrong(unreadable(self._file, error), self._known)
            return
        except SettingsError as error:
            self._is_wrong(error, self._known)
            return
        for section, content in document.items():
            self._take_section(section, content)
        if any(self.values.get(key) for key in SECRETS):
            self.warnings += tighten(self._file)

    def take_environment(self, environ: Mapping[str, str]) -> None:
        """Read the variables, which win over the file; an empty one counts as not set."""
        names = {variable(key): key for key in self._known}
        sections = tuple({name[: name.index("_", len(ENV_PREFIX)) + 1] for name in names})
        self.warnings += [
            f"The variable {name} is unknown and ignored.{_guess(name, names)}"
            for name in environ
            if name.startswith(sections) and name not in names
        ]
        for name, key in names.items():
            if text := environ.get(name, ""):
                where = reasons.quoted(f"{key} ({name})")
                mend = Reason("Correct the variable {name}, or unset it.", name=name)
                self._take(
                    key, setting_rules.parse(text, self._known[key]), where, mend, ENVIRONMENT
                )

    def _take_section(self, section: str, content: object) -> None:
        inside = [key for key in self._known if key.partition(".")[0] == section]
        if inside and not isinstance(content, dict):
            where = Reason("{key} in {path}", key=section, path=self._file)
            error = setting_rules.wrong_value(where, Reason("a value"), Reason("a section"), _EDIT)
            self._is_wrong(error, inside)
            return
        given = content if isinstance(content, dict) else {"": content}
        for name, value in given.items():
            key = f"{section}.{name}".rstrip(".")
            if key in inside:
                where = Reason("{key} in {path}", key=key, path=self._file)
                mend = Reason(
                    "Set it with `mem0tray config set {key} VALUE`, or `mem0tray config unset"
                    " {key}`.",
                    key=key,
                )
                self._take(key, value, where, mend, FILE)
            else:
                guess = _guess(key, self._known)
                self.warnings.append(f"{self._file}: unknown key {key!r} is ignored.{guess}")

    def _take(self, key: str, value: object, where: Reason, mend: Reason, source: str) -> None:
        try:
            found = setting_rules.checked(key, value, self._known[key], where, mend)
        except SettingsError as error:
            self._is_wrong(error, [key])
            self.values.pop(key, None)
            self.sources.pop(key, None)
        else:
            self.values[key], self.sources[key] = found, source
            self.unknown.discard(key)

    def _is_wrong(self, error: SettingsError, unknown: Iterable[str]) -> None:
        self.wrong.append(error)
        self.unknown.update(unknown)


def parsed(file: Path, data: bytes) -> dict[str, Any]:
    """Return the settings file as TOML. Raises SettingsError, the same for all readers."""
    import tomllib  # slow to import, and only needed with a file

    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            Reason("The settings file {path} is not valid TOML: {why}.", path=file, why=str(error)),
            _EDIT,
        ) from error


def unreadable(file: Path, error: OSError) -> SettingsError:
    """Return the error that says why the settings file cannot be read."""
    why = reasons.of_system(error)
    return SettingsError(
        Reason("The settings file {path} cannot be read: {why}.", path=file, why=why),
        Reason("Mend its permissions, or remove it to use the defaults."),
    )


def tighten(file: Path) -> list[str]:
    """Make a file with a secret in it private (a link is followed); a warning where we cannot."""
    if sys.platform == "win32":
        return []  # there a user's folder is private anyway
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            file.chmod(mode & ~0o077)
    except OSError:
        return [f"{file} holds a secret and can be read by others: make it yours and mode 0600."]
    return []
