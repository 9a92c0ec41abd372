"""What the page says first: how things stand, in one sentence, and what that means."""

import math
from typing import Final, Literal, NamedTuple

from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED

# How good something is: each tone has its colour and sign in the style sheet.
Tone = Literal["good", "warn", "bad", "calm", "off"]
NEVER: Final = "–"
_NOW: Final = 5.0


class Message(NamedTuple):
    """How things stand and what to do, with `detail` of others."""

    tone: Tone
    title: str
    text: str
    detail: str = ""


def headline(seen: Overview, language: Language, *, live: bool = False) -> Message:
    """Say what a person should know first, and what to do; a page that is `live` has buttons."""
    _ = language.gettext
    if seen.state in (DOWN, ACTION_NEEDED):
        title = _("Action needed")
        text = _("Deliveries may be held up until this is put right. Nothing is lost.")
        if seen.state == DOWN:
            title = _("The server is down")
            text = _(
                "Nothing is lost, and no attempt is counted meanwhile."
                " Deliveries go on by themselves once it is back."
            )
        how = _("`mem0tray doctor` checks everything they need.")
        return Message("bad", title, f"{text} {how}", seen.reason.said(language))
    resume = "" if live else " " + _("Type `mem0tray resume`.")
    if seen.state == NOT_RUNNING:
        text = _("What waits is kept safe, and is sent once it runs again.")
        how = _("Open the app, or type `mem0tray run`.")
        how = how if seen.pause is None else f"{how}{resume}"
        return Message("off", _("mem0tray is not running"), f"{text} {how}")
    if seen.state == PAUSED and seen.pause is None:
        text = _("The server asked for a break. Deliveries go on by themselves.")
        return Message("calm", _("Deliveries take a break"), text)
    if seen.state == PAUSED:
        text = _("You paused them until you resume. Memories are taken in and kept.")
        if seen.pause != math.inf:
            text = _("You paused them until {time}. Memories are taken in and kept.")
            text = text.format(time=absolute(seen.pause, language))
        return Message("calm", _("Deliveries are paused"), f"{text}{resume}")
    if seen.state == HEALTHY:
        return _healthy(seen, language)
    return Message("off", _("mem0tray is starting"), _("The server has not been heard from yet."))


def _healthy(seen: Overview, language: Language) -> Message:
    _, ngettext, number = language.gettext, language.ngettext, language.number
    if seen.reason:
        text = _("They are safe in the file. If this lasts, `mem0tray doctor` says why.")
        title = _("New memories are not taken in yet")
        return Message("warn", title, text, seen.reason.said(language))
    if seen.dlq:
        title = ngettext(
            "{count} memory is not delivered yet",
            "{count} memories are not delivered yet",
            seen.dlq,
        )
        text = _(
            "The server answers. None is lost: each is tried again automatically,"
            " at intervals that grow up to an hour."
        )
        return Message("warn", title.format(count=number(seen.dlq)), text)
    if seen.queue and seen.queue == seen.held:
        text = _("What waits is held until you decide; new memories are sent as they arrive.")
        return Message("warn", _("Held memories wait for you"), text)
    if seen.queue:
        text = ngettext(
            "{count} memory is on its way.", "{count} memories are on their way.", seen.queue
        )
        text = text.format(count=number(seen.queue))
        return Message("good", _("Memories are being delivered"), text)
    is_new = seen.last_delivery is None and not seen.totals.get("synced")
    title = _("Ready for the first memory") if is_new else _("Every memory is delivered")
    return Message("good", title, _("Nothing waits. New memories are sent as soon as they arrive."))


def absolute(at: float | None, language: Language) -> str:
    """Format local date and time of day; a dash for never, and for what no calendar has."""
    try:
        return language.date_and_time(at) if at and at > 0 else NEVER
    except (OverflowError, OSError, ValueError):
        return NEVER


def relative(at: float, now: float, language: Language) -> str:
    """Say how long ago, or how long until then."""
    _ = language.gettext
    return _("just now") if abs(at - now) < _NOW else language.distance(at - now)
