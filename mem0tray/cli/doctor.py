"""`mem0tray doctor`: everything that deliveries need, one line a check."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from mem0tray.cli import (
    checks_files,
    checks_machine,
    checks_notifications,
    checks_server,
    context,
    output,
)
from mem0tray.cli.check import FAIL, OK, Check
from mem0tray.errors import SettingsError
from mem0tray.settings import Loaded, Settings

_DEFAULTS: Final = "Everything below is checked with the default settings."
_CHECKS: tuple[Callable[[Loaded], Iterable[Check]], ...] = (
    checks_files.folders,
    checks_files.locks,
    checks_files.files,
    checks_files.ledger,
    checks_server.server,
    checks_machine.worker,
    checks_machine.autostart,
    checks_server.deliveries,
    checks_machine.other_workers,
    checks_machine.watching,
    checks_machine.clock,
)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
@click.option(
    "--notify/--no-notify",
    default=None,
    help="Send a test notification, or none. Default: one, but none with --json.",
)
def command(*, as_json: bool, notify: bool | None) -> int:
    """Check paths, permissions, locks, files, server, autostart, notifications.

    Exits with 1 if something is wrong that stops deliveries, with 2 if the
    settings are: the rest is then looked at as the defaults would have it.
    """
    loaded, wrong = _settings()
    found = [*(wrong or checks_files.settings_file(loaded))]
    found += [each for check in _CHECKS for each in check(loaded)]
    send = not as_json if notify is None else notify
    found += checks_notifications.notifications(loaded, send=send)
    failed = sum(each.level == FAIL for each in found)
    if as_json:
        output.print_json({"ok": not failed, "checks": [_as_object(each) for each in found]})
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            output.say_beside(f"{each.level:<4}  {each.name:<{width}}  ", each.sentence)
        odd = sum(each.level != OK for each in found) - failed
        output.say(f"{len(found)} checks: {failed} failed, {odd} to look at.")
    if wrong:
        return SettingsError.exit_code
    return 1 if failed else 0


def _settings() -> tuple[Loaded, list[Check]]:
    """The settings, or the defaults and what is wrong with them."""
    try:
        return context.load_all(), []
    except SettingsError as error:
        remedy = f"{error.remedy} {_DEFAULTS}".strip()
        return Loaded(Settings()), [Check("settings", FAIL, error.message, remedy)]


def _as_object(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "level": check.level,
        "message": check.message,
        "remedy": check.remedy,
    }
