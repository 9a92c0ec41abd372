"""The part of `mem0tray setup` that chooses a server, stores its API key, and tests both."""

import sys
from pathlib import Path
from typing import Final, NamedTuple

import click

from mem0tray.actions import server_test
from mem0tray.cli import arguments, output
from mem0tray.cli.config import remark_key_goes_along, report_on, report_on_server
from mem0tray.config import config_file, keyring_key, server_choice, settings
from mem0tray.config.keyring_key import KeyringUnavailableError
from mem0tray.config.server_address import ServerAddress
from mem0tray.config.settings import API_KEY, LOCAL_URL, SERVER_URL, Loaded
from mem0tray.core.errors import SettingsError, UsageError
from mem0tray.server import AUTO
from mem0tray.system.paths import config_file as location

KEYRING: Final = "keyring"
SETTINGS: Final = "settings"
_SWITCH: Final = "server.keyring"
_DIALECT: Final = "server.dialect"
_OWN: Final = "vps"  # the dialect of a server of one's own making
_IS_OWN: Final = (
    "It is healthy, and does not say what it is. Is it a server of your own making, which takes"
    " `POST /memory` (`mem0tray help private`)?"
)
_SECONDS: Final = 5.0
_KEY_STEP: Final = "server key"  # of the server test


class Deciding(NamedTuple):
    """How decisions are made: by asking a person, by the defaults (`yes`), or only by options.

    `is_first`: no worker has served this folder yet. Otherwise the defaults are the present values.
    """

    asking: bool
    yes: bool
    is_first: bool

    def decide(self, given: bool | None, question: str) -> bool:  # noqa: FBT001  (an option)
        """Decide whether to do something: as an option says, or a person, or by default."""
        if given is not None:
            return given
        if self.asking:
            return click.confirm(question, default=self.is_first)
        return self.yes and self.is_first


def set_up(
    server: str | None, key_from: str | None, place: str | None, dialect: str | None, way: Deciding
) -> frozenset[str]:
    """Choose the server and its key as the options say, or a person, who may correct both.

    Nothing is set before all of it is answered. Returns the names of the test's steps that failed.
    Raises UsageError before any change.
    """
    if server is not None and not server.strip():
        raise UsageError(
            "--server is empty.",
            "Name the address of your Mem0 server, or `local` for this computer only.",
        )
    typed = _Typed(None, None if key_from is None else _read_key(key_from), dialect or "")
    failed, typed = _with_address(typed, server, way)
    if way.asking and typed.key is None and not arguments.is_in_environment(API_KEY):
        failed, typed = _with_key(typed, failed)
    _change(typed, place)
    now = arguments.load_all().settings.server
    if typed.address and typed.key is None and (now.api_key or now.keyring):
        failed = report_on_server(API_KEY)  # the key that is set goes there too
    if typed.key is None and place is not None:  # the key that is set moves there
        key = ServerAddress.from_settings(now).token if _address() else ""
        if not key:
            raise UsageError(
                "No API key is set that could be put there.", "Give it with `--key-from FILE`."
            )
        _change(typed._replace(address=None, key=key), place)
        failed = report_on_server(API_KEY)
    return failed


class _Typed(NamedTuple):
    """A server as it is to be set: None, or an empty dialect, leaves what is set."""

    address: str | None
    key: str | None
    dialect: str

    def test(self) -> frozenset[str]:
        """Test it before it is set, and say what came of it; return the steps that failed."""
        return report_on(self._settings())

    def answers(self) -> bool:
        """Return whether the server is healthy."""
        with output.waiting():
            steps = server_test.examine(self._settings(), _SECONDS)
        return (server_test.SERVER, server_test.OK) in {(each.name, each.level) for each in steps}

    def _settings(self) -> Loaded:
        loaded = settings.read()
        url = self.address or loaded.settings.server.url
        dialect = self.dialect or (AUTO if self.address else "")
        return server_test.as_typed(loaded, url, self.key or "", dialect)


def _with_address(typed: _Typed, given: str | None, way: Deciding) -> tuple[frozenset[str], _Typed]:
    failed = frozenset[str]()
    while True:
        address = _chosen(given, way, typed.address)
        if address is not None and address == typed.address:  # it is kept all the same
            return failed, typed
        typed = typed._replace(address=address)
        failed = typed.test()
        asks = way.asking and given is None and address is not None
        if not asks or not failed - {_KEY_STEP}:
            return failed, typed
        own = typed._replace(dialect=_OWN)
        if not typed.dialect and own.answers() and click.confirm(_IS_OWN):
            return own.test(), own
        output.say("Enter keeps this address all the same; or type another.")


def _with_key(typed: _Typed, failed: frozenset[str]) -> tuple[frozenset[str], _Typed]:
    now = arguments.load_all().settings.server
    kept = "the one that is set" if now.api_key or now.keyring else "none"
    while _address(typed.address):
        question = f"API key of the server, which is not shown (Enter: {kept})"
        key = click.prompt(question, hide_input=True, default="", show_default=False).strip()
        if not key:
            break
        typed = typed._replace(key=key)
        failed = typed.test()
        if _KEY_STEP not in failed:
            break
        output.say("Enter keeps this key all the same; or type another.")
        kept = "this one"
    return failed, typed


def _read_key(file: str) -> str:
    key, why = "", "it is empty"
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        key = data.decode("utf-8", "replace").strip()
    except OSError as error:
        why = error.strerror or str(error)
    if not key:
        name = "standard input" if file == "-" else file
        raise UsageError(
            f"The key cannot be read from {name}: {why}; nothing was changed.", "Name another file."
        )
    config_file.checked(API_KEY, key)
    return key


def _chosen(given: str | None, way: Deciding, typed: str | None) -> str | None:
    """Return the address to set, as the option or a person says; None if it stays as it is.

    `typed`: the one that the person has typed before.
    """
    now = arguments.load_all().settings
    there = server_choice.chosen(now.server.url, now.locations())
    if given is not None:
        return config_file.checked(SERVER_URL, given) if given != now.server.url else None
    if way.asking and not arguments.is_in_environment(SERVER_URL):
        question = "Server: the address of your Mem0 server, or `local` for this computer only"
        answer: str = click.prompt(question, default=typed or there, value_proc=_checked)
        return answer if answer != there else None
    if there is None:
        raise UsageError(
            "Memories of another program wait here, and no server is chosen for them.",
            "Name it with `--server ADDRESS`; `--server local`: this computer only.",
        )
    output.say(f"Server: {server_choice.in_words(there)}.")
    return None


def _checked(answer: str) -> str:
    try:
        return str(config_file.checked(SERVER_URL, answer.strip()))
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error


def _change(typed: _Typed, place: str | None) -> None:
    before, address, key = settings.read(), typed.address, typed.key
    if key is not None:
        _put(key, place, address)
    elif address is not None:
        config_file.change(location(), SERVER_URL, address)
    if typed.dialect or address is not None:  # that of the server before says nothing
        config_file.change(location(), _DIALECT, typed.dialect or None)
    stays = key is None or arguments.is_in_environment(API_KEY)  # the key that was set
    if address is not None and not arguments.warn_of_variable(SERVER_URL) and stays:
        remark_key_goes_along(before)
    if key is not None:
        arguments.warn_of_variable(API_KEY)


def _put(key: str, wanted: str | None, address: str | None) -> None:
    """Put the key where it is `wanted` (None: where it is safest here), and nowhere else.

    With an `address` that server is chosen too. Raises SettingsError: then nothing has changed.
    """
    value = config_file.checked(API_KEY, key).strip()
    url = _address(address)
    if not url and wanted == KEYRING:
        raise UsageError(
            "The keyring holds the key of a server at an address, and none is chosen.",
            "Name the server with `--server ADDRESS`.",
        )
    is_in_keyring = bool(url) and _keyring_takes(value, url, wanted)
    if address is not None:
        # A running worker may read the file in between: it must not send a former server's key.
        config_file.change(location(), API_KEY, "")
        config_file.change(location(), SERVER_URL, address)
    if is_in_keyring:
        config_file.change(location(), _SWITCH, value=True)
        config_file.change(location(), API_KEY, None)
        output.say("The API key is in the system's keyring, for this address alone.")
        return
    config_file.change(location(), API_KEY, value)
    if config_file.change(location(), _SWITCH, None) and url:
        try:
            keyring_key.remove(url)
        except KeyringUnavailableError as error:
            output.remark(f"The key may still be in the keyring too. {error.message}")
    output.say(f"The API key is in {location()}, which only you can read.")


def _keyring_takes(key: str, url: str, wanted: str | None) -> bool:
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


def _address(given: str | None = None) -> str:
    """Return the given or the chosen server's address in its normal form; empty if it has none."""
    now = arguments.load_all().settings
    url = given or server_choice.chosen(now.server.url, now.locations())
    return "" if url is None or url == LOCAL_URL else ServerAddress.of(url).url
