"""`mem0tray autostart`: whether the tray, or without a desktop the worker, starts at login."""

import sys
from typing import Final

import click

from mem0tray.cli import arguments, output
from mem0tray.core.errors import Mem0TrayError, UsageError
from mem0tray.desktop import autostart
from mem0tray.desktop.autostart import (
    BLOCKED,
    DESKTOP,
    DISABLED,
    ENABLED,
    SERVICE,
    STALE,
    Autostart,
    AutostartState,
    linux,
)

_SENTENCES: Final = {
    ENABLED: "mem0tray starts at login.",
    DISABLED: "mem0tray does not start at login.",
    BLOCKED: "mem0tray is set up to start at login, but the system skips it.",
    STALE: "mem0tray is set up to start at login, but cannot be started.",
}
_NOTHING: Final = "mem0tray did not start at login; nothing was changed."
_FROM_BOOT: Final = "mem0tray starts with the computer, as a service (lingering is on)."
_ENABLE: Final = "`mem0tray autostart enable` sets it up anew, or says what to do."
_FOREIGN: Final = "That file is not made by mem0tray, and stays as it is."


@click.group(
    "autostart",
    cls=arguments.CommandGroup,
    examples={
        "mem0tray autostart enable": "from the next login on",
        "mem0tray autostart status": "",
    },
)
def command() -> None:
    """Start mem0tray when you log in, or stop doing so.

    On a desktop the tray starts with the session; without one, on Linux, the
    worker is a service of your own systemd.
    """


@command.command(
    "enable",
    examples={
        "mem0tray autostart enable": "in the way that fits this computer",
        "mem0tray autostart enable --service": "also on a desktop: the worker without a tray",
    },
)
@click.option("--desktop", is_flag=True, help="The session of a desktop starts it.")
@click.option("--service", is_flag=True, help="systemd starts it (Linux).")
def enable(*, desktop: bool, service: bool) -> None:
    """Start this mem0tray at login, whatever was set up before.

    Without an option it uses the desktop's start if you log in to a desktop,
    else the service. Either replaces the other. On Linux the desktop's
    start comes with an entry in the applications menu.
    """
    if desktop and service:
        raise UsageError("`--desktop` and `--service` exclude each other.", "Leave one out.")
    if service and sys.platform in ("win32", "darwin"):
        raise UsageError("There is no systemd on this system.", "Leave out `--service`.")
    set_up(autostart.chosen(DESKTOP if desktop else SERVICE if service else ""))


def set_up(login: Autostart) -> None:
    """Set this way up, and say so. Raises Mem0TrayError if that is impossible."""
    changed = login.enable()
    state = login.state()
    if state.name != ENABLED:
        raise Mem0TrayError(f"{_SENTENCES[state.name]} {state.reason}".strip())
    output.say(f"{_sentence(state, login)} {login.where} runs {state.starts}.")
    if login.kind == DESKTOP and (entry := linux.application_entry()) is not None:
        try:
            entry.put()
        except Mem0TrayError as error:
            changed.append(f"It is not in the applications menu: {error}")
    for line in (*changed, *login.advice()):
        output.say_beside("", line)


@command.command("disable", examples={"mem0tray autostart disable": ""})
def disable() -> None:
    """No longer start at login; a running tray goes on, a service is stopped."""
    login = autostart.current()
    was_there = login.state().name != DISABLED
    changed = login.disable()
    if login.state().name == DISABLED:  # else a file that is not ours starts it
        output.say(_SENTENCES[DISABLED] if was_there else _NOTHING)
    for line in changed:
        output.say_beside("", line)


@command.command("status", examples={"mem0tray autostart status": ""})
@arguments.json_option()
def status(*, as_json: bool) -> None:
    """Show what the system will do at the next login, and which file says so."""
    login = autostart.current()
    state = login.state()
    advice = login.advice() if state.name in {ENABLED, STALE} else []
    if as_json:
        document = {"state": state.name, "reason": state.reason, "kind": login.kind}
        document |= {"where": login.where, "starts": state.starts}
        output.print_json(document | {"enable_would_start": login.command, "advice": advice})
        return
    output.say_beside("", sentence(state, login))
    if state.name == DISABLED:
        output.say_beside("", f"`mem0tray autostart enable` sets it up, at {login.where}.")
    else:
        output.print_facts([("where", login.where), ("starts", state.starts)])
    for line in advice:
        output.say_beside("", line)


def sentence(state: AutostartState, login: Autostart) -> str:
    """Word the state, with the command that changes what is odd about it."""
    said = f"{_sentence(state, login)} {state.reason}".strip()
    if login.is_foreign:
        return f"{said} {_FOREIGN}"
    if state.name in {BLOCKED, STALE}:
        return f"{said} {_ENABLE}"
    if state.name == ENABLED and state.starts != login.command:
        return f"{said} It is another mem0tray than this one; {_ENABLE}"
    return said


def _sentence(state: AutostartState, login: Autostart) -> str:
    if state.name == ENABLED and login.kind == SERVICE and linux.lingers():
        return _FROM_BOOT
    return _SENTENCES[state.name]
