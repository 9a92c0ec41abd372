"""The server test after a change of what concerns the server, told in lines."""

from typing import Final

from mem0tray.cli import output
from mem0tray.cli.progress import waiting
from mem0tray.config import settings
from mem0tray.config.setting_rules import LOCAL_URL

# After these the server is asked.
TESTED: Final = frozenset(
    f"server.{name}" for name in ("url", "api_key", "dialect", "ca_file", "allow_plain_key")
)
_SECONDS: Final = 5.0


def tell(key: str) -> frozenset[str]:
    """Ask the server that the settings now choose, and say what is well, and what is not.

    `key` is the setting that was changed. Returns the names of the steps that failed.
    """
    loaded = settings.read()
    url = loaded.settings.server.url
    if loaded.wrong or not url or (url == LOCAL_URL and key != "server.url"):
        return frozenset()  # it is not known which server is meant, or nothing of it has changed
    from mem0tray.actions import examine_server, server_step  # slow to import, as the network is

    with waiting():
        steps = examine_server.examine(loaded, _SECONDS)
    for step in steps:
        if step.result in (server_step.FAILED, server_step.WARNING):
            output.remark(f"{step.seen} {step.remedy}")
        elif step.result == server_step.OK and step.name not in server_step.WAY:
            output.say(step.seen)
    return frozenset(step.name for step in steps if step.result == server_step.FAILED)
