"""Advice: about the worker and the server first, then about dead letters by cause. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from mem0tray.actions import diagnose
from mem0tray.actions.diagnose import DUE, WAITING, Cause, Surroundings
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.config import server_choice
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED
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


def advice(seen: Gathered, file: str, language: Language) -> list[Message]:
    """Say everything there is to do; `file` is the name of the DLQ file."""
    return [
        *_about_deliveries(seen.overview, language),
        *_about_held(seen.overview, language),
        *_about_files(seen, file, language),
        *_about_letters(seen, language),
        *_elsewhere(seen.overview, language),
    ]


def no_server(seen: Overview) -> bool:
    """Return whether the user has yet to choose a server."""
    return seen.state == ACTION_NEEDED and seen.reason == server_choice.CHOOSE


def _about_deliveries(seen: Overview, language: Language) -> Iterable[Message]:
    _ = language.gettext
    mend = _("Put right what the reason above says; deliveries go on by themselves then.")
    if no_server(seen):
        text = _(
            "`mem0tray config set server.url ADDRESS` for your own server, or"
            " `mem0tray config set server.url local` to keep memories on this computer only."
        )
        yield Message("bad", _("No server is chosen"), text)
    elif seen.state == ACTION_NEEDED:
        text = _("`mem0tray doctor` checks everything they need.")
        yield Message("bad", _("Something stands in the way"), f"{mend} {text}")
    elif seen.state == DOWN:
        text = _(
            "Start the server, or correct its address: `mem0tray config set server.url ADDRESS`."
            " `mem0tray doctor` checks the way there."
        )
        text = mend if reasons.parted(seen.reason)[1] else text
        yield Message("bad", _("The server is down"), text)
    if seen.worker is None:
        yield Message("off", _("Start mem0tray"), _("Open the app, or type `mem0tray run`."))
    if seen.pause is not None and seen.state in (PAUSED, NOT_RUNNING):
        yield Message("calm", _("End the pause"), _("Type `mem0tray resume`."))


def _about_held(seen: Overview, language: Language) -> Iterable[Message]:
    """Advice on held entries, which wait for the user to decide."""
    _, ngettext = language.gettext, language.ngettext
    if not seen.held:
        return
    title = ngettext(
        "{count} memory is held: another worker has perhaps delivered it",
        "{count} memories are held: another worker has perhaps delivered them",
        seen.held,
    )
    text = _("The server cannot tell. `mem0tray retry ID` sends, `mem0tray delete ID` drops.")
    yield Message("warn", title.format(count=language.number(seen.held)), text)


def _about_files(seen: Gathered, file: str, language: Language) -> Iterable[Message]:
    _, ngettext = language.gettext, language.ngettext
    if seen.unreadable:
        text = _(
            "It is broken, or another program keeps writing it. What is listed here is what"
            " mem0tray remembers; it keeps what is in the file, and restores it."
        )
        yield Message("bad", _("{file} cannot be read").format(file=file), text)
    count = seen.overview.quarantine
    if count:
        title = ngettext("{count} file in quarantine", "{count} files in quarantine", count)
        text = _(
            "What could not be read was kept there. `mem0tray doctor` says where,"
            " `mem0tray restore --list` what can be put back."
        )
        yield Message("warn", title.format(count=language.number(count)), text)


def _about_letters(seen: Gathered, language: Language) -> Iterable[Message]:
    """Advice on dead letters, one for each cause, the one that stops most of them first."""
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


def _elsewhere(seen: Overview, language: Language) -> Iterable[Message]:
    """Advice on memories that only a former server has."""
    _, ngettext = language.gettext, language.ngettext
    for server, count in seen.only_elsewhere.items():
        title = ngettext(
            "{count} memory only on a former server",
            "{count} memories only on a former server",
            count,
        )
        text = _(
            "Delivered before the server was changed. `mem0tray migrate --from {server}` brings it"
            " over. To use what is there, set that address again:"
            " `mem0tray config set server.url {server}`."
        ).format(server=server)
        yield Message("calm", title.format(count=language.number(count)), text)
