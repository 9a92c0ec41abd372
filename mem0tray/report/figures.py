"""What the charts show: series of numbers with their words. Pure."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from mem0tray.core.due import GROWS_UNTIL, backoff
from mem0tray.core.language import Language
from mem0tray.ledger.waiting import ProjectCounts
from mem0tray.report.gathering import Gathered
from mem0tray.report.history import History, Period
from mem0tray.report.model import Chart, Series, Shape, Tone
from mem0tray.report.redaction import Cleaner

_PROJECTS: Final = 8
_NAME: Final = 28
_DAYS_A_TICK: Final = 7
_HOURS_A_TICK: Final = 6
_MINUTE: Final = 60.0
_FEW: Final = 7  # labels; so few all have room


def charts(seen: Gathered, language: Language, cleaner: Cleaner) -> list[Chart]:
    """Each chart for which there is something to show."""
    return [
        *_over_time(seen, language),
        *_projects(seen, language, cleaner),
        *_retries(seen, language),
    ]


def _over_time(seen: Gathered, language: Language) -> Iterable[Chart]:
    _, number = language.gettext, language.number
    past = seen.past
    if past is None or len(past.period.starts) < 2:  # noqa: PLR2004  (one point is no curve)
        return
    labels, ticks = _times(past.period, language)
    when = _("Hour") if past.period.by_hour else _("Day")
    since = labels[0]
    yield Chart(
        _("Deliveries by hour") if past.period.by_hour else _("Deliveries by day"),
        _("{count} since {time}").format(count=number(sum(past.delivered)), time=since),
        Shape.COLUMNS,
        labels,
        ticks,
        [Series(_("Delivered"), Tone.GOOD, past.delivered)],
        [when, _("Delivered")],
        [[label, number(n)] for label, n in zip(labels, past.delivered, strict=True)],
    )
    if any(past.dead):
        yield Chart(
            _("Size of the DLQ"),
            _("{count} now, at most {most} since {time}").format(
                count=number(past.dead_now), most=number(max(past.dead)), time=since
            ),
            Shape.AREA,
            labels,
            ticks,
            [Series(_("Dead letters"), Tone.WARN, past.dead)],
            [when, _("Dead letters")],
            [[label, number(n)] for label, n in zip(labels, past.dead, strict=True)],
        )
    if past.all_outages:
        yield _outages(past, labels, ticks, when, language)


def _outages(
    past: History, labels: list[str], ticks: list[str], when: str, language: Language
) -> Chart:
    """How long the server was out of reach; less than a minute is shown as one."""
    _, ngettext, number = language.gettext, language.ngettext, language.number
    minutes = [
        max(math.ceil(down / _MINUTE), min(count, 1))
        for count, down in zip(past.outages, past.down, strict=True)
    ]
    summary = ngettext(
        "{count} outage, {minutes} min in all since {time}",
        "{count} outages, {minutes} min in all since {time}",
        past.all_outages,
    ).format(
        count=number(past.all_outages),
        minutes=number(math.ceil(sum(past.down) / _MINUTE) or 1),
        time=labels[0],
    )
    return Chart(
        _("Minutes without the server"),
        summary,
        Shape.COLUMNS,
        labels,
        ticks,
        [Series(_("Minutes"), Tone.BAD, minutes)],
        [when, _("Outages"), _("Minutes")],
        [
            [label, number(count), number(each)]
            for label, count, each in zip(labels, past.outages, minutes, strict=True)
        ],
    )


def _times(period: Period, language: Language) -> tuple[list[str], list[str]]:
    """The name of each part, and the few that an axis has room for, counted from now."""
    if period.by_hour:
        labels = [f"{language.day(at)} {language.time(at)}" for at in period.starts]
        names, every = [language.time(at) for at in period.starts], _HOURS_A_TICK
    else:
        labels = names = [language.day(at) for at in period.starts]
        every = _DAYS_A_TICK
    if len(names) <= _FEW:
        return labels, names
    last = len(names) - 1
    return labels, [name if (last - at) % every == 0 else "" for at, name in enumerate(names)]


def _projects(seen: Gathered, language: Language, cleaner: Cleaner) -> Iterable[Chart]:
    _, ngettext, number = language.gettext, language.ngettext, language.number
    counts = seen.projects
    if not counts:
        return
    shown = _longest(counts, _("others"))
    labels = [cleaner.line(each.project, _NAME) or _("(none)") for each in shown]
    summary = ngettext("{count} project", "{count} projects", len(counts))
    series = [
        Series(_("Dead letters"), Tone.WARN, [each.dead for each in shown]),
        Series(_("Waiting"), Tone.CALM, [each.fresh for each in shown]),
    ]
    yield Chart(
        _("By project"),
        summary.format(count=number(len(counts))),
        Shape.ROWS,
        labels,
        labels,
        [each for each in series if any(each.values)],
        [_("Project"), *(each.name for each in series)],
        [
            [label, number(each.dead), number(each.fresh)]
            for label, each in zip(labels, shown, strict=True)
        ],
    )


def _longest(counts: Sequence[ProjectCounts], others: str) -> list[ProjectCounts]:
    """The projects with the most to show, and the sum of the others."""
    if len(counts) <= _PROJECTS:
        return list(counts)
    rest = counts[_PROJECTS - 1 :]
    return [
        *counts[: _PROJECTS - 1],
        ProjectCounts(others, sum(e.dead for e in rest), sum(e.fresh for e in rest)),
    ]


def _retries(seen: Gathered, language: Language) -> Iterable[Chart]:
    _, number = language.gettext, language.number
    counts = seen.retries
    if not counts:
        return
    values = [counts.get(retries, 0) for retries in range(GROWS_UNTIL + 1)]
    labels = [number(retries) for retries in range(GROWS_UNTIL)]
    labels.append(_("{count} and more").format(count=number(GROWS_UNTIL)))
    ticks = [*labels[:-1], f"≥ {number(GROWS_UNTIL)}"]
    yield Chart(
        _("Dead letters by retries"),
        _("from {count} retries on, {minutes} minutes apart").format(
            count=number(GROWS_UNTIL), minutes=number(backoff(GROWS_UNTIL) / 60)
        ),
        Shape.COLUMNS,
        labels,
        ticks,
        [Series(_("Dead letters"), Tone.WARN, values)],
        [_("Retries"), _("Dead letters")],
        [[label, number(value)] for label, value in zip(labels, values, strict=True)],
    )
