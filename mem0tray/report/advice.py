"""What to do: about the worker and the server first, then about dead letters by cause. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mem0tray.actions import diagnose
from mem0tray.actions.cause import INVALID, NO_ANSWER, REJECTED, Cause
from mem0tray.actions.find import FoundItem
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.actions.surroundings import Surroundings
from mem0tray.config.settings import LOCAL_URL
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED
from mem0tray.report.gathering import Gathered
from mem0tray.report.model import Advice, Tone
from mem0tray.report.redaction import Cleaner
from mem0tray.report.state import no_server

_EXAMPLE: Final = 200
_SERVER: Final = 120
_ALONE: Final = Surroundings(())  # troubles of server and worker are told once, not for each


class _Group(NamedTuple):
    """Dead letters stuck for one cause."""

    title: str
    text: str
    tone: Tone = Tone.WARN


def advice(seen: Gathered, file: str, language: Language, cleaner: Cleaner) -> list[Advice]:
    """Everything there is to do; `file` is the name of the DLQ file."""
    return [
        *_about_deliveries(seen.overview, language),
        *_about_held(seen.overview, language),
        *_about_files(seen, file, language),
        *_about_letters(seen, file, language, cleaner),
        *_elsewhere(seen.overview, language, cleaner),
    ]


def _about_deliveries(seen: Overview, language: Language) -> Iterable[Advice]:
    _ = language.gettext
    if no_server(seen):
        yield Advice(
            Tone.BAD,
            _("No server is chosen"),
            _(
                "`mem0tray config set server.url ADDRESS` for your own server, or"
                " `mem0tray config set server.url local` to keep memories on this computer only."
            ),
        )
    elif seen.state == ACTION_NEEDED:
        text = _(
            "Put right what the reason above says; deliveries go on by themselves then."
            " `mem0tray doctor` checks everything they need."
        )
        yield Advice(Tone.BAD, _("Something stands in the way"), text)
    elif seen.state == DOWN:
        text = _(
            "Start the server, or correct its address: `mem0tray config set server.url ADDRESS`."
            " `mem0tray doctor` checks the way there."
        )
        if reasons.parted(seen.reason)[1]:
            text = _("Put right what the reason above says; deliveries go on by themselves then.")
        yield Advice(Tone.BAD, _("The server is down"), text)
    if seen.worker is None:
        text = _("Open the app, or type `mem0tray run`.")
        yield Advice(Tone.OFF, _("Start mem0tray"), text)
    if seen.pause is not None and seen.state in (PAUSED, NOT_RUNNING):
        yield Advice(Tone.CALM, _("End the pause"), _("Type `mem0tray resume`."))


def _about_held(seen: Overview, language: Language) -> Iterable[Advice]:
    """Advice on held entries, which wait for the user to decide."""
    _, ngettext = language.gettext, language.ngettext
    if not seen.held:
        return
    title = ngettext(
        "{count} memory is held: another worker has perhaps delivered it",
        "{count} memories are held: another worker has perhaps delivered them",
        seen.held,
    )
    if seen.beside:
        text = _("Stop that worker first; the server is asked then.")
    else:
        text = _("The server cannot tell. `mem0tray retry ID` sends, `mem0tray delete ID` drops.")
    yield Advice(Tone.WARN, title.format(count=language.number(seen.held)), text)


def _about_files(seen: Gathered, file: str, language: Language) -> Iterable[Advice]:
    _, ngettext = language.gettext, language.ngettext
    if seen.unreadable:
        text = _(
            "It is broken, or another program keeps writing it. What is listed here is what"
            " mem0tray remembers; it keeps what is in the file, and restores it."
        )
        yield Advice(Tone.BAD, _("{file} cannot be read").format(file=file), text)
    count = seen.overview.quarantine
    if count:
        title = ngettext("{count} file in quarantine", "{count} files in quarantine", count)
        text = _(
            "What could not be read was kept there. `mem0tray doctor` says where,"
            " `mem0tray restore --list` what can be put back."
        )
        yield Advice(Tone.WARN, title.format(count=language.number(count)), text)


def _about_letters(
    seen: Gathered, file: str, language: Language, cleaner: Cleaner
) -> Iterable[Advice]:
    """Advice on dead letters, one for each cause, the one that stops most of them first."""
    counts: Counter[tuple[_Group, int | None]] = Counter()
    examples: dict[tuple[_Group, int | None], str] = {}
    group_of = _groups(file, language.gettext)
    for found in seen.dead:
        attempt = seen.attempts.get(found.identity)
        cause = diagnose.causes(found, _ALONE, attempt, seen.now)[0]
        # Two answers may have one remedy and still be two troubles.
        like = group_of(found, cause), cause.status
        counts[like] += 1
        if like not in examples:
            words = cause.detail.said(language) if cause.name in _SPOKEN else ""
            name = cleaner.short_id(found.id)
            examples[like] = f"{name} · {cleaner.line(words, _EXAMPLE)}" if words else ""
    for like, count in counts.most_common():
        group = like[0]
        title = language.ngettext(
            "{count} dead letter: {cause}", "{count} dead letters: {cause}", count
        ).format(count=language.number(count), cause=group.title)
        yield Advice(group.tone, title, group.text, examples[like])


# Causes whose detail is the server's words, not a sentence of ours.
_SPOKEN: Final = frozenset({REJECTED, NO_ANSWER})


def _groups(file: str, _: Callable[[str], str]) -> Callable[[FoundItem, Cause], _Group]:
    """A function from a dead letter and its cause to the words for it."""
    mend = _("Correct it in `{file}`, or delete it: `mem0tray delete ID`.").format(file=file)
    no_text = _Group(_("the content is not text"), _reword(_))
    no_project = _Group(_("no project is named"), mend)
    nul = _Group(_("the text holds the character NUL"), _reword(_))
    unencodable = _Group(_("the text holds half a character"), _reword(_))
    no_answer = _Group(
        _("no usable answer came"),
        _(
            "mem0tray asks the server for the memory before it sends it again."
            " If it stays so, see the server’s log."
        ),
    )
    idle = _Group(
        _("nothing to do"),
        _("Each is tried again automatically. At once: `mem0tray retry --all`."),
        Tone.CALM,
    )
    rejected = _rejections(_)

    def group(found: FoundItem, cause: Cause) -> _Group:
        if cause.name == INVALID:
            if found.item is None:
                return no_text
            if not found.item.project.strip():
                return no_project
            return nul if "\0" in found.item.content + found.item.project else unencodable
        if cause.name == NO_ANSWER:
            return no_answer
        if cause.name == REJECTED:
            return rejected(cause.status)
        return idle

    return group


def _reword(_: Callable[[str], str]) -> str:
    text = _("Change it with `mem0tray edit {id}`, or delete it with `mem0tray delete {id}`.")
    return text.format(id="ID")


def _rejections(_: Callable[[str], str]) -> Callable[[int | None], _Group]:
    unauthorized = _Group(
        _("the server does not allow it"),
        _("Check `server.api_key`, and what the server allows for this project."),
    )
    unknown = _Group(
        _("the server does not know the address"),
        _("Check `server.url`, and whether the server knows this project."),
    )
    busy = _Group(
        _("the server asks for a break"), _("Each is tried again automatically."), Tone.CALM
    )
    faulty = _Group(
        _("the server has a fault"),
        _("Its log says more. Each is tried again automatically; at once: `mem0tray retry --all`."),
    )
    more = _("The server’s log may say more.")
    refused = _Group(_("the server rejects it"), f"{_reword(_)} {more}")

    def group(status: int | None) -> _Group:
        match status:
            case 401 | 403:
                return unauthorized
            case 404 | 405:
                return unknown
            case 429:
                return busy
            case int() if status >= 500:  # noqa: PLR2004  (the server's own faults)
                return faulty
        return refused

    return group


def _elsewhere(seen: Overview, language: Language, cleaner: Cleaner) -> Iterable[Advice]:
    """Advice on memories that only a former server has."""
    _, ngettext = language.gettext, language.ngettext
    for server, count in seen.only_elsewhere.items():
        title = ngettext(
            "{count} memory only on a former server",
            "{count} memories only on a former server",
            count,
        )
        if server == LOCAL_URL:  # a sentence of its own: French says "au", not "à le"
            text = _(
                "Delivered to the embedded server of this computer before the server was changed."
            )
        else:
            text = _("Delivered to {server} before the server was changed.").format(
                server=cleaner.line(server, _SERVER)
            )
        again = _(
            "`mem0tray migrate --from {server}` brings it over. To use what is there, set that"
            " address again: `mem0tray config set server.url {server}`."
        ).format(server=cleaner.line(server, _SERVER))
        yield Advice(Tone.CALM, title.format(count=language.number(count)), f"{text} {again}")
