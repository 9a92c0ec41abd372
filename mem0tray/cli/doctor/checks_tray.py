"""What `doctor` says about the tray: whether an icon can be made here, and what shows it."""

import os
import sys
from collections.abc import Iterable
from typing import Final

from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.config.settings import Loaded

_NAME: Final = "tray"
_TIMEOUT: Final = 8.0  # seconds
_WITHOUT: Final = "Until then `mem0tray run` is the worker without an icon."
_OLDER: Final = (
    "A panel shows tray icons of the older kind (XEmbed): a click shows the status, and there is no"
    " menu."
)
_ON_GNOME: Final = (
    "Install the GNOME extension “AppIndicator and KStatusNotifierItem Support” (on Debian and"
    " Ubuntu: `sudo apt-get install gnome-shell-extension-appindicator`), log in again, and type"
    " `gnome-extensions enable ubuntu-appindicators@ubuntu.com`."
)
_ON_XFCE: Final = "Add the tray to the panel: `xfce4-panel --add=systray`."
_ELSEWHERE: Final = (
    "Add a tray to the panel, or start one of its own, such as `stalonetray &`"
    " (on Debian and Ubuntu: `sudo apt-get install stalonetray`)."
)


def tray(loaded: Loaded) -> Iterable[Check]:
    """Session bus, and a panel that shows icons."""
    del loaded
    from mem0tray.desktop import session, trial

    system = sys.platform in ("win32", "darwin")
    if system and not session.missing():
        yield Check(_NAME, OK, "It is part of this system.")
        return
    if system or not session.names_display(os.environ):
        yield Check(_NAME, OK, "There is no desktop here: `mem0tray run` is the worker without it.")
        return
    found = trial.run("tray", timeout=_TIMEOUT)
    if found.hung_at:
        yield Check(
            _NAME,
            WARN,
            f"No icon can be shown: {found.hung_at} does not answer within {_TIMEOUT:.0f} s.",
            f"End what hangs, or log out and in again. {_WITHOUT}",
        )
    elif found.text("failed"):
        yield Check(_NAME, WARN, f"No icon can be shown: {found.text('failed')}.", _WITHOUT)
    elif found.text("missing"):
        yield Check(_NAME, WARN, found.text("missing"), _WITHOUT)
    elif found.text("shown_by") == "XEmbed":
        yield Check(_NAME, OK, _OLDER)
    elif found.text("shown_by"):
        yield Check(_NAME, OK, f"A panel shows tray icons ({found.text('shown_by')}).")
    else:
        yield Check(_NAME, WARN, "No panel here shows tray icons.", f"{_remedy()} {_WITHOUT}")


def _remedy() -> str:
    desktop = os.environ.get("XDG_CURRENT_DESKTOP", "").upper()
    if "GNOME" in desktop:
        return _ON_GNOME
    return _ON_XFCE if "XFCE" in desktop else _ELSEWHERE
