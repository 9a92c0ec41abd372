"""The settings file as a text that belongs to the user: changed with its comments kept."""

import json
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from mem0tray.config import setting_rules, settings
from mem0tray.config.settings import SECRETS, Settings
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.files import atomic
from mem0tray.files.lock import FileLock
from mem0tray.system import regular_file

_HEADER: Final = """\
# Settings of mem0tray. Take away a "#" to change a value; what is shown is the default.
# A running worker reads this file again within a second of a change.
"""
_PATIENCE: Final = 10.0  # seconds for other commands that change the file
_MANUAL: Final = Path(__file__).parents[1] / "docs" / "manual" / "settings.md"
_ROW: Final = re.compile(r"^\| `(\w+\.\w+)` \| .+? \| (.+) \|$", re.MULTILINE)


def meanings() -> dict[str, str]:
    """Return what each setting means, from the table of the manual."""
    return dict(_ROW.findall(_MANUAL.read_text("utf-8")))


def checked(key: str, text: str) -> Any:
    """Return the value that `text` stands for; SettingsError when `key` cannot have it."""
    kind = settings.kind_of(key)
    if not text.strip():
        raise SettingsError(
            f"The new value of {key} is empty; nothing was changed.",
            f"Give one, or take the setting away with `mem0tray config unset {key}`.",
        )
    given = text if kind is str else setting_rules.parse(text.strip(), kind)
    value = setting_rules.checked(key, given, kind, reasons.quoted(key))
    if key in ("server.url", "server.ca_file") and value != settings.LOCAL_URL:
        from mem0tray.config import server_address  # slow to import

        if key == "server.url":
            server_address.ServerAddress.of(value)
        else:
            server_address.checked_ca_file(value.strip())
    return value


def as_toml(value: Any) -> str:
    """Return a value as TOML writes it, a whole number without a fraction."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def change(file: Path, key: str, value: Any) -> bool:
    """Set one value, or take it out (None); return whether one was set. A link is followed.

    A new file is 0600 in a folder 0700.
    """
    section, name = key.split(".")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    with _locked(file):
        document = _read(file)
        try:
            table: Any = document.setdefault(section, tomlkit.table())
            was_set = name in table
            if value is not None:
                table[name] = value
            elif was_set:
                del table[name]
            text = tomlkit.dumps(document)
        except (TOMLKitError, TypeError) as error:
            raise SettingsError(
                f"{key} cannot be changed in {file}: {section!r} is something else there.",
                "Mend it with `mem0tray config edit`.",
            ) from error
        if was_set or value is not None:
            atomic.replace(file, text.encode())
        if key in SECRETS:
            settings.tighten(file)
    return was_set


def create(file: Path) -> None:
    """Make a file in which every key stands as a comment, with its default, if there is none."""
    with _locked(file):
        try:
            there = regular_file.look(file)
        except OSError as error:
            raise settings.unreadable(file, error) from error
        if there is not None:
            return
        lines, about = [_HEADER], meanings()
        for section in msgspec.structs.fields(Settings):
            lines.append(f"\n[{section.name}]\n")
            for field in msgspec.structs.fields(section.type):
                meaning = about[f"{section.name}.{field.name}"]
                lines.append(f"# {field.name} = {as_toml(field.default)}  # {meaning}\n")
        atomic.replace(file, "".join(lines).encode())


def _locked(file: Path) -> AbstractContextManager[FileLock]:
    return FileLock(file.with_name(f".{file.name}.lock")).held(_PATIENCE)


def _read(file: Path) -> tomlkit.TOMLDocument:
    try:
        data = regular_file.read_bytes(file)
    except FileNotFoundError:
        return tomlkit.document()
    except OSError as error:
        raise settings.unreadable(file, error) from error
    settings.parsed(file, data)  # so that every reader reports an error in the same words
    return tomlkit.parse(data.decode("utf-8-sig"))
