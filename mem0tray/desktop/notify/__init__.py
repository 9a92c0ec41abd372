"""Notifications: of which events, in which words, and by which way."""

import sys
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, Protocol

from mem0tray.core.text import one_line

NEEDS_USER: Final = "action-needed"  # the base beside bad news
_LINES: Final = 12
_REASON: Final = 160


class Urgency(IntEnum):
    """The urgency of a notice, in the numbers of the desktops' specification."""

    LOW = 0
    NORMAL = 1
    CRITICAL = 2  # stays on the screen until somebody closes it


class Offer(Enum):
    """The effect of a click; the value is its name for a notification daemon."""

    STATUS = "default"  # a click on the notice itself
    RETRY = "retry"
    RESTORE = "restore"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Notice:
    """A text to show. `name` is the English title, for the log.

    `base` names the icon beside it (one of `icon.BASES`). A notice replaces the one of the same
    `kind` that is still there; with an empty kind it replaces none. The first of `actions` may be
    `Offer.STATUS`, the others are buttons.
    """

    name: str
    title: str
    body: str
    base: str = "healthy"
    urgency: Urgency = Urgency.NORMAL
    kind: str = ""
    actions: tuple[tuple[Offer, str], ...] = ()  # with the labels


class NotShownError(Exception):
    """Nothing shows notifications here, or what does has refused; the message says why."""


class SilentDaemonError(NotShownError):
    """The program that shows notifications does not answer."""


class NoticeBackend(Protocol):
    """A way to show a notice; `name` is for `doctor` and the log."""

    name: str

    def show(self, notice: Notice) -> None:
        """Show the notice. Raises NotShownError, or any error of the library."""

    def withdraw(self, kind: str) -> None:
        """Remove the notice of that kind, if possible; at once, and without an error."""


def explained(error: Exception) -> str:
    """Return an error of a library in one line."""
    ours = isinstance(error, NotShownError)
    return one_line(str(error) if ours else f"{type(error).__name__}: {error}", _REASON)


def fitted(notice: Notice, platform: str = sys.platform) -> tuple[str, str]:
    """Title and body as the platform takes them: Windows raises for a longer text."""
    title, body = {"win32": (63, 255), "darwin": (63, 256)}.get(platform, (100, 500))
    lines = [one_line(line, body) for line in notice.body.split("\n")[:_LINES]]
    text = "\n".join(line for line in lines if line)
    return clipped(one_line(notice.title, title), title), clipped(text, body)


def clipped(text: str, units: int) -> str:
    """At most `units` UTF-16 units of the text, with no character cut in two."""
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) <= 2 * units:
        return text
    return encoded[: 2 * (units - 1)].decode("utf-16-le", "ignore").rstrip() + "…"
