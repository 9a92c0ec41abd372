"""What a notice shows, whichever way it goes. Plain data."""

from dataclasses import dataclass
from enum import Enum, IntEnum


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
