"""What the page says first, and what to do, most urgent first. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple

from mem0tray.actions import diagnose
from mem0tray.actions.diagnose import DUE, WAITING, Cause, Surroundings
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.config import server_choice
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED
from mem0tray.report.gathering import Gathered
from mem0tray.server.remedy import ID, asks_nothing

# How good something is: each tone has its colour and sign in the style sheet.
Tone = Literal["good", "warn", "bad", "calm", "off"]

_ALONE: Final = Surroundings(())  # faults of server and worker stand on the page once


class Message(NamedTuple):
    """How things stand, or what to do; text between backticks is for typing.

    `detail` is foreign text, and `memory` the whole id of the one that it is about.
    """

    tone: Tone
    title: str
    text: str
    detail: str = ""
    memory: str = ""


def headline(seen: Overview, clock: Callable[[float], str], language: Language) -> Message:
    """Say what a person should know first, and what to do; `clock` words a time of day."""
    _ = language.gettext
    if seen.state == ACTION_NEEDED and seen.reason == server_choice.CHOOSE:
        text = _(
            "`mem0tray config set server.url ADDRESS` for your own server, or"
            " `mem0tray config set server.url local` to keep memories on this computer only."
        )
        return Message("bad", _("Choose a server"), f"{_('Nothing is sent before you do.')} {text}")
    if seen.state in (DOWN, ACTION_NEEDED):
        return _blocked(seen, language)
    if seen.state == NOT_RUNNING:
        text = _("What waits is kept safe, and is sent once it runs again.")
        how = _("Open the app, or type `mem0tray run`.")
        resume = "" if seen.pause is None else f" {_('Type `mem0tray resume`.')}"
        return Message("off", _("mem0tray is not running"), f"{text} {how}{resume}")
    if seen.state == PAUSED:
        return _paused(seen.pause, clock, language)
    if seen.state == HEALTHY:
        return _healthy(seen, language)
    return Message("off", _("mem0tray is starting"), _("The server has not been heard from yet."))


def _blocked(seen: Overview, language: Language) -> Message:
    _, reason = language.gettext, seen.reason.said(language)
    if seen.state == ACTION_NEEDED:
        text = _("Deliveries may be held up until this is put right. Nothing is lost.")
        how = _("`mem0tray doctor` checks everything they need.")
        return Message("bad", _("Action needed"), f"{text} {how}", reason)
    text = _(
        "Nothing is lost, and no attempt is counted meanwhile."
        " Deliveries go on by themselves once it is back."
    )
    if not reasons.parted(seen.reason)[1]:
        how = _(
            "Start the server, or correct its address: `mem0tray config set server.url ADDRESS`."
            " `mem0tray doctor` checks the way there."
        )
        text = f"{text} {how}"
    return Message("bad", _("The server is down"), text, reason)


def _paused(until: float | None, clock: Callable[[float], str], language: Language) -> Message:
    _ = language.gettext
    if until is None:
        sentence = _("The server asked for a break. Deliveries go on by themselves.")
        return Message("calm", _("Deliveries take a break"), sentence)
    if math.isinf(until):
        sentence = _("You paused them until you resume. Memories are taken in and kept.")
    else:
        sentence = _("You paused them until {time}. Memories are taken in and kept.")
        sentence = sentence.format(time=clock(until))
    return Message("calm", _("Deliveries are paused"), f"{sentence} {_('Type `mem0tray resume`.')}")


def _healthy(seen: Overview, language: Language) -> Message:
    _, ngettext, number = language.gettext, language.ngettext, language.number
    if seen.dlq:
        title = ngettext(
            "{count} memory is not delivered yet",
            "{count} memories are not delivered yet",
            seen.dlq,
        )
        sentence = _(
            "The server answers. None is lost: each is tried again automatically,"
            " at intervals that grow up to an hour."
        )
        return Message("warn", title.format(count=number(seen.dlq)), sentence)
    if seen.queue and seen.queue == seen.held:
        sentence = _("What waits is held until you decide; new memories are sent as they arrive.")
        return Message("warn", _("Held memories wait for you"), sentence)
    if seen.queue:
        sentence = ngettext(
            "{count} memory is on its way.", "{count} memories are on their way.", seen.queue
        )
        text = sentence.format(count=number(seen.queue))
        return Message("good", _("Memories are being delivered"), text)
    is_new = seen.last_delivery is None and not seen.totals.get("synced")
    title = _("Ready for the first memory") if is_new else _("Every memory is delivered")
    return Message("good", title, _("Nothing waits. New memories are sent as soon as they arrive."))


def advice(seen: Gathered, file: str, language: Language) -> list[Message]:
    """Say everything there is to do besides; `file` is the name of the DLQ file."""
    _, ngettext, number = language.gettext, language.ngettext, language.number
    found: list[Message] = []
    if held := seen.overview.held:
        title = ngettext(
            "{count} memory is held: another worker has perhaps delivered it",
            "{count} memories are held: another worker has perhaps delivered them",
            held,
        )
        text = _("The server cannot tell. `mem0tray retry ID` sends, `mem0tray delete ID` drops.")
        found.append(Message("warn", title.format(count=number(held)), text))
    if seen.unreadable:
        text = _(
            "It is broken, or another program keeps writing it. What is listed here is what"
            " mem0tray remembers; it keeps what is in the file, and restores it."
        )
        found.append(Message("bad", _("{file} cannot be read").format(file=file), text))
    return [*found, *_about_letters(seen, language)]


def _about_letters(seen: Gathered, language: Language) -> Iterable[Message]:
    """Advise on dead letters, once for each cause, the one that stops most of them first."""
    counts: Counter[tuple[object, ...]] = Counter()
    firsts: dict[tuple[object, ...], tuple[str, Cause]] = {}
    for found in seen.dead:
        attempt = seen.attempts.get(found.identity)
        cause = diagnose.causes(found, _ALONE, attempt, seen.now, ID)[0]
        counts[cause.likeness] += 1
        firsts.setdefault(cause.likeness, (found.id, cause))
    for likeness, count in counts.most_common():
        item_id, cause = firsts[likeness]
        title = language.ngettext(
            "{count} memory not delivered: {cause}",
            "{count} memories not delivered: {cause}",
            count,
        ).format(count=language.number(count), cause=cause.name.said(language))
        detail = "" if cause.name in (WAITING, DUE) else cause.detail.said(language)
        tone: Tone = "calm" if asks_nothing(cause.remedy) else "warn"
        yield Message(tone, title, cause.remedy.said(language), detail, item_id)
