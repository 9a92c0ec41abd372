"""`mem0tray doctor`: everything that deliveries need, one line a check."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import click

from mem0tray.actions.server_test import FAIL, OK, SKIP, WARN, Check
from mem0tray.cli import arguments, output
from mem0tray.cli.doctor import HANGS, Examined, disk, machine, server
from mem0tray.cli.output import Style
from mem0tray.config import settings
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.system import threads

_DEFAULTS: Final = "Below, each setting that cannot be read is at its default."
_REMEDY: Final = "Its line above says what to do."
_LIMIT: Final = 20.0  # seconds for one part; what it asks has shorter limits of its own
_DESKTOP: Final = ("the tray", "notifications")
_DESKTOP_LIMIT: Final = 10.0  # seconds for each of these
_LEAST: Final = 2.0  # seconds for each further part, once one has hung
_STYLES: Final = {FAIL: Style.BAD, WARN: Style.WARNING, OK: Style.GOOD, SKIP: Style.DIM}

_Look = Callable[[Examined], Iterable[Check]]  # looks as soon as it is iterated
# Checks that are made together, by what follows "Checking …".
_PARTS: Final[dict[str, _Look]] = {
    "the folders": disk.folders,
    "the queue lock": disk.lock,
    "the files": disk.files,
    "the ledger": disk.ledger,
    "the server": server.server,
    "former servers": server.former,
    "the worker": machine.worker,
    "the start at login": machine.autostart,
    "the deliveries": server.deliveries,
    "other workers": server.other_workers,
    "the coding agents": machine.agents,
    "the notes": machine.notes,
    "the tray": machine.tray,
}


@arguments.command(
    "doctor",
    {
        "mem0tray doctor": "",
        "mem0tray doctor --no-notify": "without the test notification",
        "mem0tray doctor --stop-other": "and stop another worker, where it is known for sure",
    },
)
@arguments.json_option()
@click.option(
    "--notify/--no-notify",
    default=None,
    help="Send a test notification, or none. Default: one, but none with --json.",
)
@click.option("--stop-other", is_flag=True, help="Stop another worker without asking.")
def command(*, as_json: bool, notify: bool | None, stop_other: bool) -> None:
    """Check everything that deliveries need, and say how to mend it, failures first.

    The server is asked step by step, and nothing is stored there. At a terminal it offers to stop
    another worker, if it is known for sure which process that is.

    Exits with 1 if something is wrong that stops deliveries, with 2 if the settings are wrong: the
    checks then use the default of each that cannot be read.
    """
    loaded = settings.read()
    output.remark(*loaded.warnings)
    wrong = [Check("settings", FAIL, each.message, each.remedy) for each in loaded.wrong]
    if wrong:
        wrong[-1] = wrong[-1]._replace(remedy=f"{wrong[-1].remedy} {_DEFAULTS}".strip())
    examined = Examined(loaded)
    send = not as_json if notify is None else notify
    parts = _PARTS | {"notifications": partial(machine.notifications, send=send)}
    found = [*(wrong or disk.settings_file(loaded)), *_all(examined, parts, told=not as_json)]
    failed = list(dict.fromkeys(each.name for each in found if each.level == FAIL))
    if as_json:
        output.print_json({"ok": not failed, "checks": [each._asdict() for each in found]})
    else:
        _print(found)
    if stop_other or not (as_json or wrong):
        server.stop_other(examined, ask=not stop_other, told=not as_json)
    for each in wrong:
        raise SettingsError(each.message, _REMEDY)
    if failed:
        raise Mem0TrayError(f"What failed: {', '.join(failed)}.", _REMEDY)


def _all(examined: Examined, parts: dict[str, _Look], *, told: bool) -> Iterator[Check]:
    """Make the checks part by part, waiting for none without end, and less after one that hung."""
    limit, said = _LIMIT, set[str]()
    for what, look in parts.items():
        looked: list[Check] = []
        name, desktop = what.removeprefix("the "), what in _DESKTOP
        level, limit = (WARN, min(limit, _DESKTOP_LIMIT)) if desktop else (FAIL, limit)
        try:
            with output.waiting(f"Checking {what}", told=told):
                looked += threads.within(partial(list[Check], look(examined)), limit)
        except threads.HangsError:
            within = f"could not be checked within {limit:.0f} s: something does not answer."
            remedy = f"`ls -l {examined.settings.paths.claude_dir}` shows whether the disk answers."
            remedy, limit = HANGS if desktop else remedy, min(limit, _LEAST)
            looked.append(Check(name, level, f"{what.capitalize()} {within}", remedy))
        except Exception as error:
            if not (desktop or isinstance(error, Mem0TrayError | OSError)):
                raise
            why = f"{error}." if isinstance(error, OSError) else f"{error!r}."
            message, remedy = getattr(error, "message", why), getattr(error, "remedy", "")
            looked.append(Check(name, level, message, remedy))
        for check in looked:  # a trouble of two parts is told once
            if check.level in (OK, SKIP) or check.message not in said:
                yield check
            said.add(check.message)


def _print(found: Sequence[Check]) -> None:
    longest = max(len(each.name) for each in found)
    levels = (FAIL, WARN, OK, SKIP)
    for check in sorted(found, key=lambda each: levels.index(each.level)):
        begin = f"{check.level:<4}  {check.name:<{longest}}  "
        output.say_beside(begin, f"{check.message} {check.remedy}", _STYLES[check.level])
    parts = []
    for level, what in ((FAIL, "failed"), (WARN, "to look at")):
        names = [each.name for each in found if each.level == level]
        which = f" ({', '.join(dict.fromkeys(names))})" if names else ""
        parts.append(f"{len(names)} {what}{which}")
    worst = min((each.level for each in found), key=levels.index)
    output.say(f"{len(found)} checks: {', '.join(parts)}.", _STYLES[worst])
