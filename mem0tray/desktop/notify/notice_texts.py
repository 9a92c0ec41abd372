"""The words of a notice, in the user's language. Of a memory they name only project and short id.

The first line of a body, all that some desktops show, says what happened and what to do.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from mem0tray.core import events, reasons
from mem0tray.core.language import Language
from mem0tray.core.text import one_line, short_id
from mem0tray.desktop.notify import NEEDS_USER, Notice, Offer, Urgency
from mem0tray.desktop.notify.notices import NoticeGroup, Subject
from mem0tray.server import answers

_GOOD: Final = "healthy"  # the base beside good news
_SHOWN: Final = 4  # names in a list; the rest are counted
_REASON: Final = 200
_NOT_BAD: Final = (Subject.BACK, Subject.RECOVERED, Subject.DELETED)
_MANNERS: Final = {  # urgency, and kind, by which a notice replaces its former text
    Subject.ACTION: (Urgency.CRITICAL, "action"),
    Subject.DOWN: (Urgency.NORMAL, "server"),
    Subject.BACK: (Urgency.NORMAL, "server"),
    Subject.ALERT_SIZE: (Urgency.NORMAL, "size"),
    Subject.ALERT_AGE: (Urgency.NORMAL, "age"),
    Subject.BROKEN: (Urgency.NORMAL, ""),
    Subject.REMOVED: (Urgency.NORMAL, "deletion"),  # "Restore" takes back the last one alone
    Subject.DELETED: (Urgency.NORMAL, "deletion"),
    Subject.MOVED: (Urgency.NORMAL, ""),
    Subject.RECOVERED: (Urgency.LOW, ""),
}


def compose(group: NoticeGroup, language: Language) -> Notice:
    """Return the notice in words."""
    subject = group.subject
    bad = "down" if subject is Subject.DOWN else NEEDS_USER
    urgency, kind = _MANNERS[subject]
    return Notice(
        name=title(subject, Language("en")),
        title=title(subject, language),
        body=_BODIES[subject](group, language),
        base=_GOOD if subject in _NOT_BAD else bad,
        urgency=urgency,
        kind=kind,
        actions=_actions((Offer.STATUS, *_helpful(group)), language),
    )


def kind(subject: Subject) -> str:
    """Return the kind, by which a notice replaces another, or is withdrawn."""
    return _MANNERS[subject][1]


def answer(
    title: str, text: str, language: Language, *, good: bool = True, clickable: bool = True
) -> Notice:
    """Return the result of a click, with a tick if it is `good`; it replaces an earlier one."""
    actions = _actions((Offer.STATUS,), language) if clickable else ()
    base = _GOOD if good else NEEDS_USER
    return Notice(title, title, text, base=base, kind="answer", actions=actions)


def test_notice(language: Language) -> Notice:
    """Return the notice that `doctor` sends."""
    title = language.gettext("Test notification")
    text = language.gettext("mem0tray can show notifications here.")
    return Notice("Test notification", title, text)


def _actions(offers: tuple[Offer, ...], language: Language) -> tuple[tuple[Offer, str], ...]:
    _ = language.gettext
    labels = {
        Offer.STATUS: _("Open mem0tray"),
        Offer.RESTORE: _("Restore"),
        Offer.RETRY: _("Try again"),
        Offer.SETTINGS: _("Settings"),
    }
    return tuple((offer, labels[offer]) for offer in offers)


def _helpful(group: NoticeGroup) -> tuple[Offer, ...]:
    match group.subject, group.event:
        case Subject.ACTION, events.StateChanged(told=False):
            return (Offer.SETTINGS,)
        case ((Subject.ALERT_SIZE | Subject.ALERT_AGE), events.AlertBegan(dlq=dlq)) if dlq:
            return (Offer.RETRY,)
        case Subject.BACK, _ if group.counts is not None and group.counts.dlq:
            return (Offer.RETRY,)
        case Subject.MOVED, _:
            return (Offer.RETRY,)
        case ((Subject.REMOVED | Subject.DELETED), _):
            return (Offer.RESTORE,)
    return ()


def title(subject: Subject, language: Language) -> str:
    """Return the title of every notice about a subject."""
    _ = language.gettext
    return {
        Subject.ACTION: _("Action needed"),
        Subject.DOWN: _("Server down"),
        Subject.ALERT_SIZE: _("Memories not delivered"),
        Subject.ALERT_AGE: _("A memory waits long"),
        Subject.BROKEN: _("File broken"),
        Subject.REMOVED: _("Removed by hand"),
        Subject.BACK: _("Server back"),
        Subject.DELETED: _("Deleted"),
        Subject.MOVED: _("Moved to DLQ"),
        Subject.RECOVERED: _("DLQ recovered"),
    }[subject]


def _by_name(group: NoticeGroup, language: Language) -> str:
    _ = language.gettext
    ranked = sorted(group.names.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [(name or _("(no project)"), number) for name, number in ranked[:_SHOWN]]
    if others := sum(number for _name, number in ranked[_SHOWN:]):
        shown.append((_("others"), others))
    text = _("{name}: {count}")
    return ", ".join(text.format(name=name, count=language.number(each)) for name, each in shown)


def _memories(number: int, language: Language) -> str:
    text = language.ngettext("{count} memory", "{count} memories", number)
    return text.format(count=language.number(number))


def _letters(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    one, many = _("Delivered after all: {name}."), _("{memories} delivered after all.")
    if group.subject is Subject.MOVED:
        one = _("Not delivered, tried again later: {name}.")
        many = _("{memories} not delivered, tried again later.")
    if group.count == 1 and isinstance(event, events.MovedToDlq | events.DlqRecovered):
        project = one_line(event.project, 60) or _("(no project)")
        name = _("{project} (ID: {id}…)").format(project=project, id=short_id(event.item_id))
        return "\n".join((one.format(name=name), *_why(group, language)))
    first = many.format(memories=_memories(group.count, language))
    return "\n".join((first, _by_name(group, language), *_why(group, language)))


def _why(group: NoticeGroup, language: Language) -> list[str]:
    """Say why in plain words, the most frequent reason first."""
    found = Counter(answers.in_plain_words(move.reason) for move in group.moves.values())
    said = [reasons.sentence(each).said(language) for each, _ in found.most_common(_SHOWN)]
    return [one_line(each, _REASON) for each in said if each]


def _down(group: NoticeGroup, language: Language) -> str:
    _, event, counts = language.gettext, group.event, group.counts
    line = _("Memories wait until it is back.")
    if counts is not None:
        line = _("{memories} waiting until it is back.").format(
            memories=_memories(counts.queue + counts.dlq, language)
        )
    reason = ""
    if isinstance(event, events.StateChanged):
        reason = one_line(reasons.sentence(event.reason).said(language), _REASON)
    text = _("Since {time}: {reason}") if reason else _("Since {time}.")
    return f"{line}\n{text.format(time=language.time(group.wall), reason=reason)}"


def _back(group: NoticeGroup, language: Language) -> str:
    _, counts = language.gettext, group.counts
    text = _("Down from {begin} to {end}; what waited is being sent.")
    lines = [text.format(begin=language.time(group.wall), end=language.time(group.until))]
    if counts is not None:
        waiting = _memories(counts.queue + counts.dlq, language)
        lines.append(_("Waiting: {memories}.").format(memories=waiting))
    return "\n".join(lines)


def _action(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    if not isinstance(event, events.StateChanged) or not event.reason:
        return _("“Open mem0tray” in the menu says what to do.")
    parts = [reasons.sentence(part) for part in reasons.parted(event.reason) if part]
    return "\n".join(one_line(part.said(language), _REASON) for part in parts)


def _alert(group: NoticeGroup, language: Language) -> str:
    _, n, event = language.gettext, language.number, group.event
    if not isinstance(event, events.AlertBegan):
        return ""
    if group.subject is Subject.ALERT_AGE:
        text = _("A memory has waited since {day}: see `mem0tray diagnose`.")
        return text.format(day=language.day(event.oldest or 0.0))
    text = _("{memories} not delivered: `mem0tray diagnose` says why.")
    more = _("More than {limit} for {minutes} min.")
    first = text.format(memories=_memories(event.dlq, language))
    return f"{first}\n{more.format(limit=n(event.limit), minutes=n(event.minutes))}"


def _removed(group: NoticeGroup, language: Language) -> str:
    _ = language.gettext
    text = _("{what}. Undo: “Restore last deletion” in the menu.")
    what = text.format(what=_memories(group.count, language))
    how = _("Or in a terminal: `mem0tray restore`.")
    return f"{what}\n{how}"


def _broken(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    names = ", ".join(filter(None, group.names))
    lines = [_("What is known is put back into {file}.").format(file=names)]
    lines.append(_("It could not be read whole."))
    if isinstance(event, events.FileBroken) and event.kept_as:
        kept = _("What it held is kept as {name}; `mem0tray restore --list` shows it.")
        lines.append(kept.format(name=one_line(event.kept_as, 80)))
    return "\n".join(lines)


_BODIES: Final[dict[Subject, Callable[[NoticeGroup, Language], str]]] = {
    Subject.ACTION: _action,
    Subject.DOWN: _down,
    Subject.ALERT_SIZE: _alert,
    Subject.ALERT_AGE: _alert,
    Subject.BROKEN: _broken,
    Subject.REMOVED: _removed,
    Subject.BACK: _back,
    Subject.DELETED: _removed,
    Subject.MOVED: _letters,
    Subject.RECOVERED: _letters,
}
