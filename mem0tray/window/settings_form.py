"""The settings that people change in the window, by the code that the commands use."""

from typing import Any, Final

from msgspec.structs import replace
from starlette.datastructures import ImmutableMultiDict

from mem0tray.actions import server_test
from mem0tray.actions.server_test import FAIL, Check
from mem0tray.agents import connecting
from mem0tray.agents.table import CLAUDE_CODE
from mem0tray.config import config_file, setting_rules
from mem0tray.config import settings as config
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import API_KEY, ENVIRONMENT, LOCAL_URL, SERVER_URL
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import without_password
from mem0tray.desktop import autostart
from mem0tray.desktop.autostart import DISABLED, ENABLED, Origin
from mem0tray.system.paths import config_file as location

_CHOICES: Final = {
    "notifications.level": setting_rules.CHOICES["notifications.level"],
    "ui.language": ("", *setting_rules.CHOICES["ui.language"]),
}
_KEYS: Final = (SERVER_URL, API_KEY, *_CHOICES)
_WAS: Final = "was:"  # before the name of what was shown
_SECONDS: Final = 5.0


def shown() -> dict[str, Any]:
    """Return what the template of the settings shows; a key is never shown."""
    loaded = config.read()
    server = loaded.settings.server
    changes = connecting.plan(CLAUDE_CODE, Origin.of_this_process().in_console())
    return {
        "url": without_password(server.url),
        "has_key": bool(server.api_key or server.keyring),
        "choices": {k: (config.get(loaded.settings, k), each) for k, each in _CHOICES.items()},
        "fixed": {k for k in _KEYS if loaded.sources.get(k) == ENVIRONMENT},
        "wrong": list(map(str, loaded.wrong)),
        "login": autostart.current().state(),
        "starts": ENABLED,
        "claude": not any(each.is_needed or each.refusal for each in changes),
        "has_claude": connecting.is_there(),
        "file": str(location()),
    }


def save(form: ImmutableMultiDict[str, Any]) -> None:
    """Write what the user has changed into the settings file, whose comments stay.

    What others have changed since the page was made stays too. Raises SettingsError, and writes
    nothing then.
    """
    given = {key: str(value).strip() for key, value in form.items() if not key.startswith(_WAS)}
    if unknown := given.keys() - {*_KEYS}:
        raise SettingsError(Reason("There is no setting {key} here.", key=repr(min(unknown))))
    new = {key: each for key, each in given.items() if each != form.get(f"{_WAS}{key}", "")}
    checked = {key: config_file.checked(key, each) if each else None for key, each in new.items()}
    server = config.read().settings.server
    wanted = replace(
        server, url=new.get(SERVER_URL, server.url), api_key=new.get(API_KEY, server.api_key)
    )
    if checked and wanted.url not in ("", LOCAL_URL):
        ServerAddress.from_settings(wanted, keyring_within=0)  # or it could not be used
    for key, each in checked.items():
        config_file.change(location(), key, each)


def test(form: ImmutableMultiDict[str, Any]) -> list[Check]:
    """Test the server as it is typed; nothing is stored, here or there."""
    loaded, url = config.read(), str(form.get(SERVER_URL, "")).strip()
    key = str(form.get(API_KEY, "")).strip()
    try:
        if url:
            config_file.checked(SERVER_URL, url)
        if key:
            config_file.checked(API_KEY, key)
    except SettingsError as error:
        return [Check(server_test.SERVER, FAIL, error.message, error.remedy)]
    return server_test.examine(server_test.as_typed(loaded, url, key), _SECONDS)


def start_at_login(*, wanted: bool) -> None:
    """Start at login, or stop doing so. Raises Mem0TrayError where that is impossible."""
    login = autostart.current()
    (login.enable if wanted else login.disable)()
    state = login.state()
    if wanted and state.name != ENABLED:
        raise Mem0TrayError(state.reason or "mem0tray does not start at login.")
    if not wanted and state.name != DISABLED:
        why = Reason("{file} still starts it: that file is not ours.", file=login.where)
        raise Mem0TrayError(why)


def connect_claude(*, wanted: bool) -> None:
    """Connect Claude Code with mem0tray, or undo that; a copy of each file is kept."""
    program = Origin.of_this_process().in_console() if wanted else ()
    changes = connecting.plan(CLAUDE_CODE, program)
    connecting.refuse(changes)
    for change in changes:
        if change.is_needed:
            connecting.carry_out(change)
