"""Where the server's key is put: into the system's keyring, or into the settings file."""

from typing import Final

from mem0tray.cli import context, output
from mem0tray.cli.context import UsageError
from mem0tray.config import config_file, keyring_key, server_choice
from mem0tray.config.keyring_key import KeyringUnavailableError
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import LOCAL_URL
from mem0tray.system.paths import config_file as location

KEYRING: Final = "keyring"
SETTINGS: Final = "settings"
_KEY: Final = "server.api_key"
_SWITCH: Final = "server.keyring"


def put(key: str, wanted: str | None) -> None:
    """Put the key of the chosen server where it is `wanted`; None: where it is safest here.

    It then stands only there. Raises SettingsError for what cannot be a key, and if the
    wanted keyring does not take it: then nothing has changed.
    """
    value = config_file.checked(_KEY, key).strip()
    url = _address()
    if not url and wanted == KEYRING:
        raise UsageError(
            "The keyring holds the key of a server at an address, and none is chosen.",
            "Name the server with `--server ADDRESS`.",
        )
    if url and (wanted == KEYRING or (wanted is None and keyring_key.is_usable())):
        try:
            keyring_key.store(url, value)
        except KeyringUnavailableError as error:
            if wanted == KEYRING:
                raise
            output.remark(str(error))
        else:
            config_file.change(location(), _SWITCH, value=True)
            config_file.remove(location(), _KEY)
            output.say("The API key is in the system's keyring, for this address alone.")
            return
    config_file.change(location(), _KEY, value)
    if config_file.remove(location(), _SWITCH) and url:
        _forget(url)
    output.say(f"The API key is in {location()}, which only you can read.")


def present() -> str:
    """The key in use now, wherever it is. Raises UsageError if there is none."""
    url = _address()
    key = ServerAddress.from_settings(context.load_all().settings.server).token if url else ""
    if not key:
        raise UsageError(
            "No API key is set that could be put there.", "Give it with `--key-from FILE`."
        )
    return key


def _address() -> str:
    """The chosen server's address in its normal form; empty if it has none."""
    now = context.load_all().settings
    url = server_choice.chosen(now.server.url, now.locations())
    return "" if url in (None, LOCAL_URL) else ServerAddress.of(now.server.url).url


def _forget(url: str) -> None:
    try:
        keyring_key.remove(url)
    except KeyringUnavailableError as error:
        output.remark(f"The key may still be in the keyring too. {error.message}")
