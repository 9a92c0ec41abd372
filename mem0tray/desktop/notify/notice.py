"""What a notice shows, whichever way it goes. Plain data."""

import sys
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from mem0tray.core.text import one_line

_LINES: Final = 12
# Characters that a daemon may take for markup, with similar ones.
_PLAIN: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆"})
_ESCAPED: Final = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})


class Urgency(IntEnum):
    """How urgent a notice is, in the numbers of the desktops' specification."""

    LOW = 0
    NORMAL = 1
    CRITICAL = 2  # stays on the screen until somebody closes it


class Offer(Enum):
    """What a click can do; the value is its name for a notification daemon."""

    STATUS = "default"  # a click on the notice itself
    RETRY = "retry"
    RESTORE = "restore"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class NoticeAction:
    """What a click does, and the label of its button."""

    offer: Offer
    label: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is shown. `name` is the English title, for the log.

    `base` says which icon stands beside it (one of `icon.BASES`), `category` is one of the
    desktops' specification. A notice replaces the one of the same `kind` that is still
    there; with an empty kind it replaces none. `clicked` is what a click on the notice itself does.
    """

    name: str
    title: str
    body: str
    base: str = "healthy"
    urgency: Urgency = Urgency.NORMAL
    category: str = ""
    kind: str = ""
    clicked: NoticeAction | None = None
    buttons: tuple[NoticeAction, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long title and body may be, in UTF-16 units."""

    title: int
    body: int


def limits(platform: str = sys.platform) -> Limits:
    """The platform's limits; on Windows a longer text raises."""
    if platform == "win32":
        return Limits(63, 255)
    return Limits(63, 256) if platform == "darwin" else Limits(100, 500)


def fitted(notice: Notice, platform: str = sys.platform) -> tuple[str, str]:
    """Title and body, short enough, and without characters that no daemon can take."""
    room = limits(platform)
    lines = [one_line(line, room.body) for line in notice.body.split("\n")[:_LINES]]
    body = "\n".join(line for line in lines if line)
    return clipped(one_line(notice.title, room.title), room.title), clipped(body, room.body)


def escaped(text: str) -> str:
    """The text escaped for a daemon that renders markup."""
    return text.translate(_ESCAPED)


def plain(text: str) -> str:
    """The text with similar characters in place of those that could be markup."""
    return text.translate(_PLAIN)


def clipped(text: str, units: int) -> str:
    """At most `units` UTF-16 units of the text, with no character cut in two."""
    encoded = text.encode("utf-16-le", "replace")
    if len(encoded) <= 2 * units:
        return text
    return encoded[: 2 * (units - 1)].decode("utf-16-le", "ignore").rstrip() + "…"
