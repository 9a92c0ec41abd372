"""The server test after a change of what concerns the server, told in lines."""

from typing import Final

from mem0tray.cli import output
from mem0tray.cli.interaction import waiting
from mem0tray.config import settings
from mem0tray.config.setting_rules import LOCAL_URL
from mem0tray.config.settings import Loaded
from mem0tray.core.errors import SettingsError

# After these the server is asked.
TESTED: Final = frozenset(
    f"server.{name}" for name in ("url", "api_key", "dialect", "ca_file", "allow_plain_key")
)
_KEY: Final = "server.api_key"
_SECONDS: Final = 5.0


def tell(key: str, *, asks_for_key: bool = False) -> frozenset[str]:
    """Ask the server that the settings now choose, and say what is well, and what is not.

    `key` is the setting that was changed. With `asks_for_key` the caller asks for the server's key
    next, so that nothing is said of how to set it. Returns the names of the steps that failed.
    """
    loaded = settings.read()
    url = loaded.settings.server.url
    if loaded.wrong or not url or (url == LOCAL_URL and key != "server.url"):
        return frozenset()  # it is not known which server is meant, or nothing of it has changed
    from mem0tray.actions import server_test, server_test_step  # slow to import, as the network is

    with waiting():
        steps = server_test.examine(loaded, _SECONDS)
    for step in steps:
        if step.result in (server_test_step.FAILED, server_test_step.WARNING):
            has_remedy = not (asks_for_key and step.wants_key)
            output.remark(f"{step.seen} {step.remedy}" if has_remedy else step.seen)
        elif step.result == server_test_step.OK and step.name not in server_test_step.WAY:
            output.say(step.seen)
    return frozenset(step.name for step in steps if step.result == server_test_step.FAILED)


def remark_key_goes_along(before: Loaded) -> None:
    """Say it if the API key that is set goes to another host or port than `before` as well."""
    now = settings.read()
    there = _host_and_port(now)
    if not (now.settings.server.api_key and there and before.settings.server.url):
        return
    if there == _host_and_port(before):
        return
    if now.sources.get(_KEY) == settings.ENVIRONMENT:
        how = f"take {settings.variable(_KEY)} out of the environment"
    else:
        how = f"type `mem0tray config unset {_KEY}`"
    output.remark(
        f"The API key that is set goes to {there[0]}, port {there[1]}, too."
        f" Where it must not, {how} before you set the address."
    )


def _host_and_port(loaded: Loaded) -> tuple[str, int] | None:
    """Where the server is reached; None for this computer, and for what is no address."""
    from mem0tray.config.server_address import ServerAddress

    try:
        address = ServerAddress.from_settings(loaded.settings.server, keyring_within=0)
    except SettingsError:
        return None
    return address.hostname, address.port
