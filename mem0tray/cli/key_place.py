"""Where the server's key is put: into the system's keyring, or into the settings file."""

from typing import Final

from mem0tray.cli import context, output
from mem0tray.cli.command_help import UsageError
from mem0tray.config import config_file, keyring_key, server_choice
from mem0tray.config.keyring_key import KeyringUnavailableError
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import LOCAL_URL
from mem0tray.system.paths import config_file as location

KEYRING: Final = "keyring"
SETTINGS: Final = "settings"
_KEY: Final = "server.api_key"
_URL: Final = "server.url"
_SWITCH: Final = "server.keyring"


def put(key: str, wanted: str | None, address: str | None = None) -> None:
    """Put the key of the chosen server where it is `wanted`; None: where it is safest here.

    It then stands only there. With an `address` that server is chosen too. Raises SettingsError
    for what cannot be a key, and if the wanted keyring does not take it: then nothing has changed.
    """
    value = config_file.checked(_KEY, key).strip()
    url = _address(address)
    if not url and wanted == KEYRING:
        raise UsageError(
            "The keyring holds the key of a server at an address, and none is chosen.",
            "Name the server with `--server ADDRESS`.",
        )
    is_in_keyring = bool(url) and _has_keyring_taken(value, url, wanted)
    if address is not None:
        # A running worker may read the file in between: it must not send a former server's key.
        config_file.change(location(), _KEY, "")
        config_file.change(location(), _URL, address)
    if is_in_keyring:
        config_file.change(location(), _SWITCH, value=True)
        config_file.remove(location(), _KEY)
        output.say("The API key is in the system's keyring, for this address alone.")
        return
    config_file.change(location(), _KEY, value)
    if config_file.remove(location(), _SWITCH) and url:
        _forget(url)
    output.say(f"The API key is in {location()}, which only you can read.")


def _has_keyring_taken(key: str, url: str, wanted: str | None) -> bool:
    """Put the key into the keyring, if it is `wanted` there, or can be; whether it is there."""
    if wanted == SETTINGS or (wanted is None and not keyring_key.is_usable()):
        return False
    try:
        keyring_key.store(url, key)
    except KeyringUnavailableError as error:
        if wanted == KEYRING:
            raise
        output.remark(str(error))
        return False
    return True


def present() -> str:
    """The key in use now, wherever it is. Raises UsageError if there is none."""
    url = _address()
    key = ServerAddress.from_settings(context.load_all().settings.server).token if url else ""
    if not key:
        raise UsageError(
            "No API key is set that could be put there.", "Give it with `--key-from FILE`."
        )
    return key


def _address(given: str | None = None) -> str:
    """The given or the chosen server's address in its normal form; empty if it has none."""
    now = context.load_all().settings
    url = given or server_choice.chosen(now.server.url, now.locations())
    return "" if url is None or url == LOCAL_URL else ServerAddress.of(url).url


def _forget(url: str) -> None:
    try:
        keyring_key.remove(url)
    except KeyringUnavailableError as error:
        output.remark(f"The key may still be in the keyring too. {error.message}")
