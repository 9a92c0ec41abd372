"""The words of a notice, in the user's language. Of a memory only project and short id are told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mem0tray.core import events
from mem0tray.core.language import Language
from mem0tray.core.text import one_line, short_id
from mem0tray.desktop.notify.notices import Due, NoticeGroup, Subject, held_since

if TYPE_CHECKING:
    from mem0tray.ledger.counters import Counts

_SHOWN: Final = 4  # names in a list; the others are counted
_REASON: Final = 200
_RESTORABLE: Final = frozenset({Subject.REMOVED, Subject.DELETED})


@dataclass(frozen=True, slots=True)
class Notice:
    """What is shown. `name` is its title in English, for the log.

    `restores` says that *Restore* belongs to it, `base` which icon (one of `icon.BASES`).
    """

    name: str
    title: str
    body: str
    restores: bool = False
    base: str = "healthy"


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
    return Notice(
        name=title(lead.subject, Language("en")),
        title=title(lead.subject, language),
        body="\n".join(lines),
        restores=any(each.subject in _RESTORABLE for each in (lead, *due.rest)),
        base=_base(lead.subject),
    )


def _base(subject: Subject) -> str:
    """A tick only beside what is good news."""
    if subject is Subject.DOWN:
        return "down"
    needs_user = subject.is_problem and subject is not Subject.DELETED
    return "action-needed" if needs_user else "healthy"


def test_notice(language: Language) -> Notice:
    """What `doctor` sends."""
    _ = language.gettext
    return Notice(
        name="Test notification",
        title=_("Test notification"),
        body=_("mem0tray can show notifications here."),
    )


def restore_label(language: Language) -> str:
    """What stands on the button of a notice that `restores`."""
    _ = language.gettext
    return _("Restore")


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
    """A line of a summary: the counts, or the text of what cannot be counted."""
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


def _reason(group: NoticeGroup, language: Language) -> str:
    event = group.event
    if not isinstance(event, events.StateChanged):
        return ""
    return one_line(event.reason.said(language), _REASON)


def _moved(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    event = group.event
    if group.count == 1 and isinstance(event, events.MovedToDlq):
        text = ngettext(
            "{name}: {count} attempt failed. It is retried by itself.",
            "{name}: {count} attempts failed. It is retried by itself.",
            event.retries,
        )
        name = _named(event.project, event.item_id, language)
        return text.format(name=name, count=language.number(event.retries))
    lines = [_memories(group.count, language), _by_name(group, language)]
    return "\n".join([*lines, _("They are retried by themselves.")])


def _recovered(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    event = group.event
    if group.count == 1 and isinstance(event, events.DlqRecovered):
        text = ngettext(
            "{name}: delivered after {count} failed retry.",
            "{name}: delivered after {count} failed retries.",
            event.retries,
        )
        if not event.retries:
            text = _("{name}: delivered at the first retry.")
        name = _named(event.project, event.item_id, language)
        return text.format(name=name, count=language.number(event.retries))
    return f"{_memories(group.count, language)}\n{_by_name(group, language)}"


def _down(group: NoticeGroup, language: Language) -> str:
    _ = language.gettext
    reason = _reason(group, language)
    since = language.time(group.wall)
    text = _("Since {time}: {reason}") if reason else _("Since {time}.")
    lines = [text.format(time=since, reason=reason)]
    if group.counts is not None:
        lines.append(_waiting(group.counts, language))
    return "\n".join(lines)


def _back(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    begin, end = language.time(group.wall), language.time(group.until)
    if group.count == 1:
        text = _("It was down from {begin} to {end}.")
    else:
        text = ngettext(
            "It was down {count} time between {begin} and {end}.",
            "It was down {count} times between {begin} and {end}.",
            group.count,
        )
    lines = [text.format(begin=begin, end=end, count=language.number(group.count))]
    if group.counts is not None:
        lines.append(_waiting(group.counts, language))
    return "\n".join(lines)


def _waiting(counts: "Counts", language: Language) -> str:
    _ = language.gettext
    return _("Waiting: {memories}, {letters}.").format(
        memories=_memories(counts.queue, language), letters=_dead_letters(counts.dlq, language)
    )


def _action(group: NoticeGroup, language: Language) -> str:
    _ = language.gettext
    return _reason(group, language) or _("See the menu of the tray icon.")


def _alert_size(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    if not isinstance(event, events.AlertBegan):
        return ""
    text = _("{letters}, more than {limit} for {minutes} min. `mem0tray diagnose` says why.")
    return text.format(
        letters=_dead_letters(event.dlq, language),
        limit=language.number(event.limit),
        minutes=language.number(event.minutes),
    )


def _alert_age(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    if not isinstance(event, events.AlertBegan):
        return ""
    text = _("The oldest undelivered memory has waited since {time}. `mem0tray diagnose` says why.")
    return text.format(time=language.date_and_time(event.oldest or 0.0))


def _removed(group: NoticeGroup, language: Language) -> str:
    _, ngettext = language.gettext, language.ngettext
    text = ngettext(
        "{count} dead letter was removed from the file.",
        "{count} dead letters were removed from the file.",
        group.count,
    )
    return f"{text.format(count=language.number(group.count))}\n{_undo(language)}"


def _deleted(group: NoticeGroup, language: Language) -> str:
    """What the user deleted with a command or in the menu; one deletion with its backup."""
    _, ngettext = language.gettext, language.ngettext
    event = group.event
    text = ngettext("{count} memory deleted.", "{count} memories deleted.", group.count)
    line = text.format(count=language.number(group.count))
    if isinstance(event, events.UserAction) and event.dead + event.waiting == group.count:
        backup = _("The backup is {name}.").format(name=one_line(event.backup, 80))
        line = f"{line} {backup}" if event.backup else line
    return f"{line}\n{_undo(language)}"


def _undo(language: Language) -> str:
    _ = language.gettext
    return _("To undo it: “Restore last deletion” in the menu, or `mem0tray restore`.")


def _broken(group: NoticeGroup, language: Language) -> str:
    _, event = language.gettext, group.event
    names = ", ".join(name for name in group.names if name)
    lines = [_("{file} could not be read whole; what is known is put back.").format(file=names)]
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
