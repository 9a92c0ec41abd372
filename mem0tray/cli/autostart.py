"""`mem0tray autostart`: whether the tray starts with the session."""

from typing import Final

import click

from mem0tray.cli import output
from mem0tray.cli.command_help import Group
from mem0tray.desktop.autostart import BLOCKED, DISABLED, ENABLED, STALE, Autostart, State
from mem0tray.errors import Mem0TrayError

_SENTENCES: Final = {
    ENABLED: "mem0tray starts at login.",
    DISABLED: "mem0tray does not start at login.",
    BLOCKED: "mem0tray is set up to start at login, and the system leaves it out.",
    STALE: "mem0tray is set up to start at login, and cannot be started.",
}
_ENABLE: Final = "`mem0tray autostart enable` sets it up anew."


@click.group(
    "autostart",
    cls=Group,
    examples={
        "mem0tray autostart enable": "from the next login on",
        "mem0tray autostart status": "",
    },
)
def command() -> None:
    """Start mem0tray when you log in, or no longer."""


@command.command("enable", examples={"mem0tray autostart enable": ""})
def enable() -> None:
    """Start this mem0tray at login, whatever was set up before."""
    login = this_system()
    login.enable()
    state = login.state()
    if state.name != ENABLED:
        raise Mem0TrayError(f"{_SENTENCES[state.name]} {state.reason}".strip())
    output.say(f"{_SENTENCES[ENABLED]} {login.where} runs {state.starts}.")


@command.command("disable", examples={"mem0tray autostart disable": ""})
def disable() -> None:
    """No longer start at login; what runs goes on running."""
    login = this_system()
    login.disable()
    output.say(_SENTENCES[DISABLED])


@command.command("status", examples={"mem0tray autostart status": ""})
@click.option("-j", "--json", "as_json", is_flag=True, help="As one JSON document.")
def status(*, as_json: bool) -> None:
    """Show what the system will do at the next login, and where that stands."""
    login = this_system()
    state = login.state()
    if as_json:
        output.print_json(
            {
                "state": state.name,
                "reason": state.reason,
                "where": login.where,
                "starts": state.starts,
                "enable_would_start": login.command,
            }
        )
        return
    output.say(sentence(state, login))
    output.print_facts([("where", login.where), ("starts", state.starts)])


def this_system() -> Autostart:
    """The one class that fits this system."""
    from mem0tray.desktop import autostart

    return autostart.for_this_system()


def sentence(state: State, login: Autostart) -> str:
    """How it is, and the command that changes what is odd about it."""
    said = f"{_SENTENCES[state.name]} {state.reason}".strip()
    if state.name in {BLOCKED, STALE}:
        return f"{said} {_ENABLE}"
    if state.name == ENABLED and state.starts != login.command:
        return f"{said} It is another mem0tray than this one; {_ENABLE}"
    return said
