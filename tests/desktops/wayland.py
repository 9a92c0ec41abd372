"""A Wayland compositor in a window of the X server, with an Xwayland of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.desktops.nested import START, Nested
from tests.support.processes import wait_until

_DISPLAYS: Final = Path("/tmp/.X11-unix")  # noqa: S108  (X has it there)


def start(
    nested: Nested, command: Sequence[str], name: str, socket: str, env: Mapping[str, str]
) -> None:
    """Start the compositor, with `env` in addition, and have the desktop's programs join it.

    `socket` is its name in the folder for sockets, which the command gives it.
    """
    file = Path(nested.env["XDG_RUNTIME_DIR"], socket)
    file.unlink(missing_ok=True)  # of one that was killed
    before = _displays()
    nested.start(command, name, {"DISPLAY": nested.display, **env})
    wait_until(file.exists, START, name, explain=nested.errors)
    wait_until(lambda: _displays() - before, START, "Xwayland", explain=nested.errors)
    display, _ = min(_displays() - before)
    nested.env |= {"WAYLAND_DISPLAY": socket, "DISPLAY": f":{display[1:]}"}
    # Without these the services that the bus starts have no display, and plasmashell gives up.
    nested.start(["dbus-update-activation-environment", "--all"], "variables").wait(START)


def _displays() -> set[tuple[str, int]]:
    """The sockets of X servers: names, and numbers that are others once one is made anew."""
    return {(each.name, each.stat().st_ino) for each in _DISPLAYS.iterdir()}
