"""The words of a notice, in the user's language. Of a memory they tell only project and short id.

A desktop shows at first only one line of a body, of some sixty characters: it says what
happened and what to do, the lines below say the rest.
"""

from collections.abc import Callable, Iterable
from typing import Final

from mem0tray.core import events, reasons
from mem0tray.core.language import Language
from mem0tray.core.text import one_line, short_id
from mem0tray.desktop.notify.notice import Notice, NoticeAction, Offer, Urgency
from mem0tray.desktop.notify.notices import Due, NoticeGroup, Subject, held_since

NEEDS_USER: Final = "action-needed"  # the base beside bad news
_GOOD: Final = "healthy"
_SHOWN: Final = 4  # names in a list; the rest are counted
_REASON: Final = 200
_BUTTONS: Final = 3  # desktops have no room for more


def compose(due: Due, language: Language) -> Notice:
    """The notice in words."""
    lead = due.lead
    lines = [_BODIES[lead.subject](lead, language)]
    _ = language.gettext
    lines += [
        _("{name}: {count}").format(
            name=title(each.subject, language), count=_brief(each, language)
        )
        for each in due.rest
    ]
    since = held_since((lead, *due.rest))
    if since is not None:
        lines.append(_("Summed up since {time}.").format(time=language.time(since)))
    offers = dict.fromkeys(offer for each in (lead, *due.rest) for offer in _helpful(each))
    return Notice(
        name=title(lead.subject, Language("en")),
        title=title(lead.subject, language),
        body="\n".join(lines),
        base=_base(lead.subject),
        urgency=_URGENCIES.get(lead.subject, Urgency.NORMAL),
        category=_CATEGORIES.get(lead.subject, ""),
        kind=kind(lead.subject),
        clicked=show_status(language),
        buttons=buttons(list(offers)[:_BUTTONS], language),
    )


def _base(subject: Subject) -> str:
    """The base of the icon: a tick only for good news."""
    if subject is Subject.DOWN:
        return "down"
    needs_user = subject.is_problem and subject is not Subject.DELETED
    return NEEDS_USER if needs_user else _GOOD


def kind(subject: Subject) -> str:
    """The kind, by which a notice replaces another: its former text, or "Server down".

    A deletion's notice replaces an earlier one's, as its offer undoes only the last deletion.
    """
    return _KINDS.get(subject, "")


_URGENCIES: Final = {Subject.ACTION: Urgency.CRITICAL, Subject.RECOVERED: Urgency.LOW}
_CATEGORIES: Final = {
    Subject.DOWN: "network.disconnected",
    Subject.BACK: "network.connected",
    Subject.MOVED: "transfer.error",
    Subject.RECOVERED: "transfer.complete",
}
_KINDS: Final = {
    Subject.ACTION: "action",
    Subject.DOWN: "server",
    Subject.BACK: "server",
    Subject.ALERT_SIZE: "size",
    Subject.ALERT_AGE: "age",
    Subject.REMOVED: "deletion",
    Subject.DELETED: "deletion",
}


def answer(
    title: str, text: str, language: Language, *, good: bool = True, clickable: bool = True
) -> Notice:
    """The result of a click: it replaces an earlier one. With a tick if it is `good`.

    A click shows the status if it is `clickable`.
    """
    base = _GOOD if good else NEEDS_USER
    clicked = show_status(language) if clickable else None
    return Notice(title, title, text, base=base, kind="answer", clicked=clicked)


def test_notice(language: Language) -> Notice:
    """The notice that `doctor` sends."""
    _ = language.gettext
    return Notice(
        name="Test notification",
        title=_("Test notification"),
        body=_("mem0tray can show notifications here."),
    )


# What a click does ------------------------------------------------------------------------


def show_status(language: Language) -> NoticeAction:
    """The action of a click on a notice that asks nothing."""
    _ = language.gettext
    return NoticeAction(Offer.STATUS, _("Show status"))


def buttons(offers: Iterable[Offer], language: Language) -> tuple[NoticeAction, ...]:
    """These offers with their labels."""
    _ = language.gettext
    labels = {
        Offer.RESTORE: _("Restore"),
        Offer.RETRY: _("Retry"),
        Offer.SETTINGS: _("Settings"),
    }
    return tuple(NoticeAction(offer, labels[offer]) for offer in offers)


def _helpful(group: NoticeGroup) -> tuple[Offer, ...]:
    """The offers that help with a subject, besides a look at the status."""
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


# Words --------------------------------------------------------------------------------------


def title(subject: Subject, language: Language) -> str:
    """The title of every notice about a subject."""
    _ = language.gettext
    return {
        Subject.ACTION: _("Action needed"),
        Subject.DOWN: _("Server down"),
        Subject.ALERT_SIZE: _("DLQ alert"),
        Subject.ALERT_AGE: _("DLQ alert"),
        Subject.BROKEN: _("File broken"),
        Subject.REMOVED: _("Removed from the DLQ"),
        Subject.BACK: _("Server back"),
        Subject.DELETED: _("Deleted"),
        Subject.MOVED: _("Moved to DLQ"),
        Subject.RECOVERED: _("DLQ recovered"),
    }[subject]


def _brief(group: NoticeGroup, language: Language) -> str:
    """A line of a summary: the counts, or the text where nothing can be counted."""
    if group.names and any(group.names):
        return f"{language.number(group.count)} ({_by_name(group, language)})"
    return _BODIES[group.subject](group, language).partition("\n")[0]


def _by_name(group: NoticeGroup, language: Language) -> str:
    """`alpha: 3, beta: 2, others: 4`, the largest first."""
    _ = language.gettext
    ranked = sorted(group.names.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [
        _("{name}: {count}").format(name=name or _("(no project)"), count=language.number(number))
        for name, number in ranked[:_SHOWN]
    ]
    others = group.others + sum(number for _name, number in ranked[_SHOWN:])
    if others:
        parts.append(_("{name}: {count}").format(name=_("others"), count=language.number(others)))
    return ", ".join(parts)


def _memories(number: int, language: Language) -> str:
    ngettext = language.ngettext
    text = ngettext("{count} memory", "{count} memories", number)
    return text.format(count=language.number(number))


def _dead_letters(number: int, language: Language) -> str:
    ngettext = language.ngettext
    text = ngettext("{count} dead letter", "{count} dead letters", number)
    return text.format(count=language.number(number))


def _named(project: str, item_id: str, language: Language) -> str:
    _ = language.gettext
    name = one_line(project, 60) or _("(no project)")
    return _("{project} (ID: {id}…)").format(project=name, id=short_id(item_id))


def _moved(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    event = group.event
    if group.count == 1 and isinstance(event, events.MovedToDlq):
        text = ngettext(
            "Will be retried: {name}, {count} attempt failed.",
            "Will be retried: {name}, {count} attempts failed.",
            event.retries,
        )
        name = _named(event.project, event.item_id, language)
        return text.format(name=name, count=language.number(event.retries))
    text = _("{memories}: they are retried automatically.")
    return f"{text.format(memories=_memories(group.count, language))}\n{_by_name(group, language)}"


def _recovered(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    event = group.event
    if group.count == 1 and isinstance(event, events.DlqRecovered):
        text = ngettext(
            "Delivered after {count} failed retry: {name}.",
            "Delivered after {count} failed retries: {name}.",
            event.retries,
        )
        if not event.retries:
            text = _("Delivered at the first retry: {name}.")
        name = _named(event.project, event.item_id, language)
        return text.format(name=name, count=language.number(event.retries))
    text = ngettext("{count} memory delivered.", "{count} memories delivered.", group.count)
    return f"{text.format(count=language.number(group.count))}\n{_by_name(group, language)}"


def _down(group: NoticeGroup, language: Language) -> str:
    _ = language.gettext
    reason = _reason(group, language)
    since = language.time(group.wall)
    line = _("Undelivered memories wait until it is back.")
    if group.counts is not None:
        line = _("{memories} and {letters} wait until it is back.").format(
            memories=_memories(group.counts.queue, language),
            letters=_dead_letters(group.counts.dlq, language),
        )
    text = _("Since {time}: {reason}") if reason else _("Since {time}.")
    return f"{line}\n{text.format(time=since, reason=reason)}"


def _back(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    begin, end = language.time(group.wall), language.time(group.until)
    if group.count == 1:
        text = _("Down from {begin} to {end}; what waited is being sent.")
    else:
        text = ngettext(
            "Down {count} time from {begin} to {end}; what waited is being sent.",
            "Down {count} times from {begin} to {end}; what waited is being sent.",
            group.count,
        )
    lines = [text.format(begin=begin, end=end, count=language.number(group.count))]
    if group.counts is not None:
        waiting = _("Waiting: {memories}, {letters}.").format(
            memories=_memories(group.counts.queue, language),
            letters=_dead_letters(group.counts.dlq, language),
        )
        lines.append(waiting)
    return "\n".join(lines)


def _action(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    if not isinstance(event, events.StateChanged) or not event.reason:
        return _("“Show status” in the menu says what to do.")
    parts = [reasons.sentence(part) for part in reasons.parted(event.reason) if part]
    return "\n".join(one_line(part.said(language), _REASON) for part in parts)


def _reason(group: NoticeGroup, language: Language) -> str:
    event = group.event
    if not isinstance(event, events.StateChanged):
        return ""
    return one_line(reasons.sentence(event.reason).said(language), _REASON)


def _alert_size(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    if not isinstance(event, events.AlertBegan):
        return ""
    text = _("{letters}: retry, or ask `mem0tray diagnose` why.")
    more = _("More than {limit} for {minutes} min.")
    return "\n".join(
        [
            text.format(letters=_dead_letters(event.dlq, language)),
            more.format(limit=language.number(event.limit), minutes=language.number(event.minutes)),
        ]
    )


def _alert_age(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    if not isinstance(event, events.AlertBegan):
        return ""
    text = _("A memory has waited since {day}: see `mem0tray diagnose`.")
    return text.format(day=language.day(event.oldest or 0.0))


def _removed(group: NoticeGroup, language: Language) -> str:
    return _undo(_dead_letters(group.count, language), "", language)


def _deleted(group: NoticeGroup, language: Language) -> str:
    """What the user deleted by a command or in the menu; one deletion with its backup."""
    _, event = language.gettext, group.event
    backup = ""
    if isinstance(event, events.UserAction) and event.dead + event.fresh == group.count:
        backup = one_line(event.backup, 80)
    return _undo(_memories(group.count, language), backup, language)


def _undo(what: str, backup: str, language: Language) -> str:
    _ = language.gettext
    text = _("{what}. Undo: “Restore last deletion” in the menu.").format(what=what)
    lines = [text, _("Or in a terminal: `mem0tray restore`.")]
    if backup:
        lines.append(_("The backup is {name}.").format(name=backup))
    return "\n".join(lines)


def _broken(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    names = ", ".join(name for name in group.names if name)
    lines = [_("What is known is put back into {file}.").format(file=names)]
    lines.append(_("It could not be read whole."))
    if isinstance(event, events.FileBroken) and event.kept_as:
        kept = _("What it held is kept as {name}; `mem0tray restore --list` shows it.")
        lines.append(kept.format(name=one_line(event.kept_as, 80)))
    return "\n".join(lines)


_BODIES: Final[dict[Subject, Callable[[NoticeGroup, Language], str]]] = {
    Subject.ACTION: _action,
    Subject.DOWN: _down,
    Subject.ALERT_SIZE: _alert_size,
    Subject.ALERT_AGE: _alert_age,
    Subject.BROKEN: _broken,
    Subject.REMOVED: _removed,
    Subject.BACK: _back,
    Subject.DELETED: _deleted,
    Subject.MOVED: _moved,
    Subject.RECOVERED: _recovered,
}
