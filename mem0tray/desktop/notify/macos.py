"""Notifications of macOS, as a backend of plyer's facade over `osascript`.

plyer's own backend needs the package pyobjus, and NSUserNotificationCenter, which recent
systems give to apps in a bundle only.
"""

from typing import Any, Final

from plyer.facades import Notification

from mem0tray.system import osascript

_PATIENCE: Final = 9.0  # seconds; less than the sender has, so that nothing is left behind
_SHOW: Final = """\
on run {myTitle, myText, myName}
  display notification myText with title myTitle subtitle myName
end run
"""


class ScriptNotification(Notification):  # type: ignore[misc]  # plyer has no types
    """Shows one and returns; the system shows it as Script Editor's, and tells of no click."""

    def _notify(self, **given: Any) -> None:
        osascript.run(_SHOW, (given["title"], given["message"], given["app_name"]), _PATIENCE)
