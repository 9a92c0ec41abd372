"""The state in words: what a person should know first. Pure."""

import math
from typing import Final

from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.config import server_choice
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED
from mem0tray.report import times
from mem0tray.report.model import Headline, Tone
from mem0tray.report.redaction import Cleaner

_REASON: Final = 400


def no_server(seen: Overview) -> bool:
    """Whether the user has yet to choose a server."""
    return seen.state == ACTION_NEEDED and seen.reason == server_choice.CHOOSE


def headline(seen: Overview, now: float, language: Language, cleaner: Cleaner) -> Headline:
    """What stands at the top of the page."""
    _ = language.gettext
    match seen.state:
        case known if known == HEALTHY:
            return _healthy(seen, language)
        case known if known == PAUSED:
            return _paused(seen, now, language)
        case known if known == NOT_RUNNING:
            return Headline(Tone.OFF, _("mem0tray is not running"), _idle(seen, language))
        case known if known in (DOWN, ACTION_NEEDED):
            return _blocked(seen, language, cleaner)
    text = _("The server has not been heard from yet.")
    return Headline(Tone.OFF, _("mem0tray is starting"), text)


def _blocked(seen: Overview, language: Language, cleaner: Cleaner) -> Headline:
    _ = language.gettext
    reason = cleaner.line(seen.reason.said(language), _REASON)
    if no_server(seen):
        return Headline(Tone.BAD, _("Choose a server"), _("Nothing is sent before you do."))
    if seen.state == DOWN:
        sentence = _(
            "Nothing is lost, and no attempt is counted meanwhile."
            " Deliveries go on by themselves once it is back."
        )
        return Headline(Tone.BAD, _("The server is down"), sentence, reason)
    sentence = _("Deliveries may be held up until this is put right. Nothing is lost.")
    return Headline(Tone.BAD, _("Action needed"), sentence, reason)


def _idle(seen: Overview, language: Language) -> str:
    _ = language.gettext
    if seen.queue is None or seen.dlq is None:
        return _("What waits cannot be read just now.")
    if seen.queue + seen.dlq:
        return _("What waits is kept safe, and is sent once it runs again.")
    return _("Nothing waits to be sent.")


def _paused(seen: Overview, now: float, language: Language) -> Headline:
    _ = language.gettext
    if seen.pause is None:
        sentence = _("The server asked for a break. Deliveries go on by themselves.")
        return Headline(Tone.CALM, _("Deliveries take a break"), sentence)
    title = _("Deliveries are paused")
    if math.isinf(seen.pause):
        sentence = _("You paused them until you resume. Memories are taken in and kept.")
        return Headline(Tone.CALM, title, sentence)
    sentence = _("You paused them until {time}. Memories are taken in and kept.")
    until = times.clock(seen.pause, now, language)
    return Headline(Tone.CALM, title, sentence.format(time=until))


def _healthy(seen: Overview, language: Language) -> Headline:
    _, ngettext = language.gettext, language.ngettext
    if seen.dlq:
        title = ngettext(
            "{count} dead letter waits for its next try",
            "{count} dead letters wait for their next try",
            seen.dlq,
        )
        sentence = _(
            "The server answers. None is lost: each is tried again automatically,"
            " at intervals that grow up to an hour."
        )
        return Headline(Tone.WARN, title.format(count=language.number(seen.dlq)), sentence)
    if seen.queue and seen.queue == seen.held:
        sentence = _("What waits is held until you decide; new memories are sent as they arrive.")
        return Headline(Tone.WARN, _("Held memories wait for you"), sentence)
    if seen.queue:
        sentence = ngettext(
            "{count} memory is on its way.", "{count} memories are on their way.", seen.queue
        )
        text = sentence.format(count=language.number(seen.queue))
        return Headline(Tone.GOOD, _("Memories are being delivered"), text)
    sentence = _("Nothing waits. New memories are sent as soon as they arrive.")
    if seen.last_delivery is None and not seen.totals.get("synced"):
        return Headline(Tone.GOOD, _("Ready for the first memory"), sentence)
    return Headline(Tone.GOOD, _("Every memory is delivered"), sentence)
