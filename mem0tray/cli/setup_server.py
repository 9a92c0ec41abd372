"""The part of `mem0tray setup` that chooses a server and its API key, and tests both."""

import sys
from pathlib import Path
from typing import Final

import click

from mem0tray.actions import server_test_step
from mem0tray.cli import context, key_place, output, server_test
from mem0tray.cli.command_help import UsageError
from mem0tray.cli.interaction import Deciding
from mem0tray.config import config_file, server_choice, settings
from mem0tray.config.setting_rules import LOCAL_URL
from mem0tray.core.errors import SettingsError
from mem0tray.system.paths import config_file as location

_URL: Final = "server.url"
_KEY: Final = "server.api_key"


def set_up(
    server: str | None, key_from: str | None, key_in: str | None, way: Deciding
) -> frozenset[str]:
    """Have the server and its key chosen, stored and tested.

    `server`, `key_from` and `key_in` are the options of those names. Returns the names of the
    test's steps that failed. Raises UsageError, before anything is changed, if `server` is empty
    or the key cannot be read.
    """
    if server is not None and not server.strip():
        raise UsageError(
            "--server is empty.",
            "Name the address of your Mem0 server, or `local` for this computer only.",
        )
    key = None if key_from is None else _read_key(key_from)
    failed = _choose_server(server, key, key_in, way)
    return failed if key is not None else _set_key(key_in, way, failed)


def _choose_server(
    given: str | None, key: str | None, place: str | None, way: Deciding
) -> frozenset[str]:
    """Have a server chosen and tested; a person may correct an address that does not answer.

    A `key` is put in its `place` before the test. Returns the steps of the test that failed.
    """
    loaded = context.load_all()
    there = server_choice.chosen(loaded.settings.server.url, loaded.settings.locations())
    if given is None and (not way.asking or context.is_in_environment(_URL)):
        if there is None:
            raise UsageError(
                "Memories of another program wait here, and no server is chosen for them.",
                "Name it with `--server ADDRESS`; `--server local`: this computer only.",
            )
        output.say(f"Server: {server_choice.in_words(there)}.")
        _change(None, key, place, way)
        return server_test.tell(_URL)
    offered = there
    while True:
        answer = given or _asked_server(offered)
        is_new = answer != (loaded.settings.server.url if given else there)
        try:
            address = config_file.checked(_URL, answer) if is_new else None
        except SettingsError as error:
            if given:
                raise
            output.remark(str(error))
            continue
        _change(address, key, place, way)
        there = answer
        failed = server_test.tell(_URL, asks_for_key=key is None and _asks_for_key(way))
        # If the server wants another key, that is asked for next.
        if given or answer == offered or not failed or server_test_step.KEY in failed:
            return failed
        output.say("Enter keeps this address all the same; or type another.")
        offered = answer


def _asked_server(offered: str | None) -> str:
    question = "Server: the address of your Mem0 server, or `local` for this computer only"
    return str(click.prompt(question, default=offered)).strip()


def _change(address: str | None, key: str | None, place: str | None, way: Deciding) -> None:
    """Set the server's address and its key; None leaves the one or the other as it is."""
    before = settings.read()
    if key is not None:
        key_place.put(key, place, address)
    elif address is not None:
        config_file.change(location(), _URL, address)
    if address is not None:
        way.note("the server")
        if not context.warn_of_variable(_URL):
            server_test.remark_key_goes_along(before)
    if key is not None:
        way.note("the API key")
        context.warn_of_variable(_KEY)


def _set_key(place: str | None, way: Deciding, failed: frozenset[str]) -> frozenset[str]:
    """Set the key that a person types, or move the one that is set to another `place`.

    A person may correct a key that the server refuses. Returns the steps of the server test that
    fail with the key; `failed`, if it stays as it is.
    """
    before, is_typed = failed, False
    while _asks_for_key(way) and (key := _asked_key()):
        _change(None, key, place, way)
        is_typed = True
        failed = server_test.tell(_KEY, asks_for_key=True)
        if server_test_step.KEY not in failed and failed <= before:
            return failed
        output.say("Enter keeps this key all the same; or type another.")
    if is_typed or place is None:
        return failed
    _change(None, key_place.present(), place, way)
    return server_test.tell(_KEY)


def _asks_for_key(way: Deciding) -> bool:
    """Whether a person is asked for the key of the server that is chosen now."""
    now = context.load_all().settings
    is_local = server_choice.chosen(now.server.url, now.locations()) == LOCAL_URL
    return way.asking and not is_local and not context.is_in_environment(_KEY)


def _asked_key() -> str:
    """The key that a person types; empty for the one that is set, or none."""
    now = context.load_all().settings.server
    kept = "Enter: the one that is set" if now.api_key or now.keyring else "Enter: none"
    answer = click.prompt(
        f"API key of the server, which is not shown ({kept})",
        hide_input=True,
        default="",
        show_default=False,
    )
    return str(answer).strip()


def _read_key(file: str) -> str:
    """The key in a file, or on standard input. Raises UsageError if there is none."""
    name = "standard input" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        key, why = data.decode("utf-8").strip(), "it is empty"
    except OSError as error:
        key, why = "", error.strerror or str(error)
    except UnicodeDecodeError:
        key, why = "", "it is not UTF-8"
    if not key:
        raise UsageError(
            f"The key cannot be read from {name}: {why}; nothing was changed.", "Name another file."
        )
    config_file.checked(_KEY, key)
    return key
