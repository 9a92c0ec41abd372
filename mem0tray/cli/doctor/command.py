"""`mem0tray doctor`: everything that deliveries need, one line a check."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from time import monotonic
from typing import Any, Final, NamedTuple

import click

from mem0tray.actions import standing, worker_report
from mem0tray.actions.standing import Snapshot
from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.doctor import (
    checks_claude_code,
    checks_desktop,
    checks_files,
    checks_machine,
    checks_others,
    checks_server,
)
from mem0tray.cli.doctor.check import FAIL, OK, SKIP, WARN, Check
from mem0tray.cli.interaction import waiting
from mem0tray.cli.output import Style
from mem0tray.config import settings
from mem0tray.config.settings import Loaded
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.desktop.notify import sending

_DEFAULTS: Final = "Below, each setting that cannot be read is at its default."
_REMEDY: Final = "Its line above says what to do."
_LIMIT: Final = 20.0  # seconds for one part; what it asks has shorter limits of its own
_ALL: Final = 60.0  # seconds for all parts, so that a hanging disk is not waited for a dozen times
_LEAST: Final = 2.0
_NARROW: Final = 80  # columns; with fewer, names get no column of their own
_STYLES: Final = {FAIL: Style.BAD, WARN: Style.WARNING, OK: Style.GOOD, SKIP: Style.DIM}


class Examined:
    """What the checks are about: the settings, and how things stand, looked at once."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    @cached_property
    def snapshot(self) -> Snapshot:
        """How things stand, as of the first check that asks."""
        worker_report.ask_to_look(self.loaded.settings.locations())
        return standing.read(self.loaded.settings, time.time())


_Look = Callable[[Examined], Iterable[Check]]


def _by_settings(look: Callable[[Loaded], Iterable[Check]]) -> _Look:
    return lambda examined: look(examined.loaded)


def _by_state(look: Callable[[Snapshot], Iterable[Check]]) -> _Look:
    return lambda examined: look(examined.snapshot)


def _server(examined: Examined) -> Iterable[Check]:
    if checks_server.is_known(examined.loaded):
        return checks_server.server(examined.loaded)
    return checks_server.unknown(examined.snapshot)


class _Part(NamedTuple):
    """Checks that are made together; `what` follows "Checking …"."""

    what: str
    look: _Look


_PARTS: Final = (
    _Part("the folders", _by_settings(checks_files.folders)),
    _Part("the queue lock", _by_settings(checks_files.locks)),
    _Part("the files", _by_state(checks_files.files)),
    _Part("the ledger", _by_state(checks_files.ledger)),
    _Part("the server", _server),
    _Part("former servers", _by_state(checks_server.former)),
    _Part("the worker", _by_state(checks_machine.worker)),
    _Part("the start at login", _by_settings(checks_machine.autostart)),
    _Part("the desktop entry", _by_settings(checks_machine.desktop_entry)),
    _Part("the deliveries", _by_state(checks_server.deliveries)),
    _Part("other workers", _by_state(checks_others.other_workers)),
    _Part("Claude Code", _by_settings(checks_claude_code.claude_code)),
    _Part("file watching", _by_settings(checks_machine.watching)),
    _Part("the clock", _by_state(checks_machine.clock)),
    _Part("the tray", _by_settings(checks_desktop.tray)),
)


@click.command(
    "doctor",
    cls=Command,
    examples={
        "mem0tray doctor": "",
        "mem0tray doctor --no-notify": "without the test notification",
        "mem0tray doctor --stop-other": "and stop another worker, where it is known for sure",
    },
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--notify/--no-notify",
    default=None,
    help="Send a test notification, or none. Default: one, but none with --json.",
)
@click.option("--stop-other", is_flag=True, help="Stop another worker without asking.")
def command(*, as_json: bool, notify: bool | None, stop_other: bool) -> None:
    """Check everything that deliveries need, and say how to mend it.

    Looks at paths, permissions, locks, files, the server step by step (name,
    connection, TLS, health, key, reading; nothing is stored there), the tray,
    notifications, the start at login, the desktop entry, Claude Code, and other workers.
    Failures come first. At a terminal it offers to stop another worker, if it
    is known for sure which process that is.

    Exits with 1 if something is wrong that stops deliveries, with 2 if the
    settings are wrong: the checks then use the default of each that cannot be read.
    """
    loaded, wrong = _settings()
    send = not as_json if notify is None else notify
    examined = Examined(loaded)
    last = _Part("notifications", _by_settings(partial(checks_desktop.notifications, send=send)))
    found = [*(wrong or checks_files.settings_file(loaded))]
    found += _all(examined, (*_PARTS, last), told=not as_json)
    if as_json:
        failed = any(each.level == FAIL for each in found)
        output.print_json({"ok": not failed, "checks": [_as_object(each) for each in found]})
    else:
        _print(found)
    if stop_other:
        checks_others.stop(examined.snapshot, told=not as_json)
    elif not as_json and not wrong:
        checks_others.offer(examined.snapshot)
    _complain(found, wrong)


def _complain(found: Sequence[Check], wrong: Sequence[Check]) -> None:
    """Write a line on standard error where something failed, as every command does."""
    for each in wrong:
        raise SettingsError(each.message, _REMEDY)
    failed = list(dict.fromkeys(each.name for each in found if each.level == FAIL))
    if failed:
        raise Mem0TrayError(f"What failed: {', '.join(failed)}.", _REMEDY)


def _settings() -> tuple[Loaded, list[Check]]:
    """The settings as far as they can be read, and what is wrong with them."""
    loaded = settings.read()
    context.warn(loaded.warnings)
    wrong = [Check("settings", FAIL, each.message, each.remedy) for each in loaded.wrong]
    if wrong:
        wrong[-1] = wrong[-1]._replace(remedy=f"{wrong[-1].remedy} {_DEFAULTS}".strip())
    return loaded, wrong


# Looking --------------------------------------------------------------------------------


def _all(examined: Examined, parts: Sequence[_Part], *, told: bool) -> Iterator[Check]:
    """Make the checks part by part, waiting for none without end."""
    end = monotonic() + _ALL
    said: set[str] = set()
    for part in parts:
        limit = max(_LEAST, min(_LIMIT, end - monotonic()))
        with waiting(f"Checking {part.what}", told=told):
            looked = _looked(part, examined, limit)
        for check in looked:  # a trouble of two parts is told once
            if check.level in (OK, SKIP) or check.message not in said:
                yield check
            said.add(check.message)


def _looked(part: _Part, examined: Examined, limit: float) -> list[Check]:
    try:
        return sending.within(lambda: list(part.look(examined)), limit)
    except sending.HangsError:
        return [
            Check(
                part.what.removeprefix("the "),
                FAIL,
                f"{part.what.capitalize()} could not be checked within {limit:.0f} s: something"
                " that is asked there does not answer.",
                f"`ls -l {examined.loaded.settings.paths.claude_dir}` shows whether the disk"
                " answers.",
            )
        ]
    except (Mem0TrayError, OSError) as error:
        message = getattr(error, "message", f"{error}.")
        return [Check(part.what.removeprefix("the "), FAIL, message, getattr(error, "remedy", ""))]


# Showing --------------------------------------------------------------------------------


def _print(found: Sequence[Check]) -> None:
    """Print failures, what is worth a look, and what is well; then the count of each."""
    room = output.width()
    narrow = room is not None and room < _NARROW
    longest = 0 if narrow else max(len(each.name) for each in found)
    for level in (FAIL, WARN, OK, SKIP):
        for each in found:
            if each.level == level:
                _print_one(each, longest, apart=sys.stdout.isatty())
    output.say(_summary(found), _STYLES[_worst(found)])


def _print_one(check: Check, width: int, *, apart: bool) -> None:
    """Print a check, its name in `width` columns (0: none); `apart`: the remedy on its own line."""
    begin = f"{check.level:<4}  "
    message = check.message
    if width:
        begin += f"{check.name:<{width}}  "
    else:
        message = f"{check.name}: {message}"
    if not apart:
        message = f"{message} {check.remedy}"
    output.say_beside(begin, message, _STYLES[check.level])
    if apart and check.remedy:
        output.say_beside(" " * len(begin), check.remedy)


def _summary(found: Sequence[Check]) -> str:
    parts = []
    for level, what in ((FAIL, "failed"), (WARN, "to look at")):
        names = dict.fromkeys(each.name for each in found if each.level == level)
        number = sum(each.level == level for each in found)
        parts.append(f"{number} {what}" + (f" ({', '.join(names)})" if names else ""))
    return f"{len(found)} checks: {', '.join(parts)}."


def _worst(found: Sequence[Check]) -> str:
    levels = {each.level for each in found}
    return next(level for level in (FAIL, WARN, OK) if level in levels)


def _as_object(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "level": check.level,
        "message": check.message,
        "remedy": check.remedy,
    }
