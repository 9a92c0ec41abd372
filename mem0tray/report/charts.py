"""What the charts show: series of numbers with their words. `charts.html` draws them. Pure."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from mem0tray.core.due import GROWS_UNTIL, backoff
from mem0tray.core.language import Language
from mem0tray.ledger.waiting import ProjectCounts
from mem0tray.report.advice import Tone
from mem0tray.report.gathering import Gathered, History, Period

_PROJECTS: Final = 8
_TICKS: Final = 6  # labels that an axis has room for
_MINUTE: Final = 60.0
_ROUND: Final = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100)


class Series(NamedTuple):
    """Values of one colour, and what they are called."""

    name: str
    tone: Tone
    values: Sequence[int]


class Chart(NamedTuple):
    """A chart: `labels` name the values, `ticks` those that the axis has room for (else empty).

    `head` is what a label is. A row has the values of all series one after the other.
    """

    title: str
    summary: str
    shape: Literal["bars", "area", "rows"]
    head: str
    labels: Sequence[str]
    ticks: Sequence[str]
    series: Sequence[Series]

    @property
    def end(self) -> int:
        """Where the axis from 0 ends."""
        return top(max(map(sum, zip(*(each.values for each in self.series), strict=True))))


def top(largest: int) -> int:
    """The end of an axis from 0: a round number, and even, so that its middle is whole."""
    scale = 1
    while largest > _ROUND[-1] * scale:
        scale *= 10
    return next(end * scale for end in _ROUND if end * scale >= largest)


def charts(seen: Gathered, language: Language) -> list[Chart]:
    """Each chart for which there is something to show."""
    return [*_over_time(seen.past, language), *_projects(seen, language), *_retries(seen, language)]


def _over_time(past: History | None, language: Language) -> Iterable[Chart]:
    _, ngettext, number = language.gettext, language.ngettext, language.number
    if past is None or len(past.period.starts) < 2:  # noqa: PLR2004  (one point is no curve)
        return
    labels, ticks = _times(past.period, language)
    when = _("Hour") if past.period.by_hour else _("Day")
    yield Chart(
        _("Deliveries by hour") if past.period.by_hour else _("Deliveries by day"),
        _("{count} since {time}").format(count=number(sum(past.delivered)), time=labels[0]),
        "bars",
        when,
        labels,
        ticks,
        [Series(_("Delivered"), "good", past.delivered)],
    )
    if any(past.dead):
        summary = _("{count} now, at most {most} since {time}").format(
            count=number(past.dead_now), most=number(max(past.dead)), time=labels[0]
        )
        series = [Series(_("Not delivered"), "warn", past.dead)]
        yield Chart(_("Memories not delivered"), summary, "area", when, labels, ticks, series)
    if past.all_outages:
        minutes = [math.ceil(down / _MINUTE) for down in past.down]
        summary = ngettext(
            "{count} outage, {minutes} min in all since {time}",
            "{count} outages, {minutes} min in all since {time}",
            past.all_outages,
        ).format(
            count=number(past.all_outages),
            minutes=number(math.ceil(sum(past.down) / _MINUTE)),
            time=labels[0],
        )
        series = [Series(_("Minutes"), "bad", minutes)]
        yield Chart(_("Minutes without the server"), summary, "bars", when, labels, ticks, series)


def _times(period: Period, language: Language) -> tuple[list[str], list[str]]:
    """The name of each part, and the few that an axis has room for, counted from now."""
    labels = names = [language.day(at) for at in period.starts]
    if period.by_hour:
        names = [language.time(at) for at in period.starts]
        labels = [f"{day} {hour}" for day, hour in zip(labels, names, strict=True)]
    last, every = len(names) - 1, math.ceil(len(names) / _TICKS)
    return labels, [name if (last - at) % every == 0 else "" for at, name in enumerate(names)]


def _projects(seen: Gathered, language: Language) -> Iterable[Chart]:
    _, number = language.gettext, language.number
    counts = seen.projects
    if not counts:
        return
    shown, rest = counts, counts[_PROJECTS - 1 :]
    if len(counts) > _PROJECTS:
        others = ProjectCounts(
            _("others"), sum(each.dead for each in rest), sum(each.fresh for each in rest)
        )
        shown = [*counts[: _PROJECTS - 1], others]
    labels = [each.project if each.project.strip() else _("(none)") for each in shown]
    summary = language.ngettext("{count} project", "{count} projects", len(counts))
    series = [
        Series(_("Not delivered"), "warn", [each.dead for each in shown]),
        Series(_("Waiting"), "calm", [each.fresh for each in shown]),
    ]
    yield Chart(
        _("By project"),
        summary.format(count=number(len(counts))),
        "rows",
        _("Project"),
        labels,
        labels,
        [each for each in series if any(each.values)],
    )


def _retries(seen: Gathered, language: Language) -> Iterable[Chart]:
    _, number = language.gettext, language.number
    counts = seen.retries
    if not counts:
        return
    few = [number(retries) for retries in range(GROWS_UNTIL)]
    most = number(GROWS_UNTIL)
    yield Chart(
        _("Not delivered, by retries"),
        _("from {count} retries on, {minutes} minutes apart").format(
            count=most, minutes=number(backoff(GROWS_UNTIL) / _MINUTE)
        ),
        "bars",
        _("Retries"),
        [*few, _("{count} and more").format(count=most)],
        [*few, f"≥ {most}"],
        [Series(_("Not delivered"), "warn", [counts.get(n, 0) for n in range(GROWS_UNTIL + 1)])],
    )
