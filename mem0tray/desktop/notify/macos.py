"""Notifications of macOS, as a backend of plyer's facade over `osascript`.

plyer's own backend needs the package pyobjus, and NSUserNotificationCenter, which recent
systems offer only to apps in a bundle.
"""

from typing import Any, Final

from plyer.facades import Notification

from mem0tray.system import programs

_PATIENCE: Final = 9.0  # seconds; less than the sender's, so that no process is left behind
_SHOW: Final = """\
on run {myTitle, myText, myName}
  display notification myText with title myTitle subtitle myName
end run
"""


class ScriptNotification(Notification):  # type: ignore[misc]  # plyer has no types
    """Shows a notification and returns; the system shows it as Script Editor's, without clicks."""

    def _notify(self, **given: Any) -> None:
        programs.run_applescript(
            _SHOW, (given["title"], given["message"], given["app_name"]), _PATIENCE
        )
