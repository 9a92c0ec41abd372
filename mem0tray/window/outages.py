"""When the server could not be reached, as the page shows it: behind the bars, and in words."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mem0tray.core.language import Language
from mem0tray.ledger.outages import Outage

_THINNEST: Final = 0.008  # of a chart's width


class Band(NamedTuple):
    """A part of a chart's width, as fractions of it."""

    left: float
    right: float
    title: str


def bands(
    outages: Sequence[Outage], starts: Sequence[float], end: float, language: Language
) -> Iterator[Band]:
    """Yield where outages stand among the bars that begin at `starts`; those too near are one."""
    ends = [*starts[1:], end]

    def place(at: float) -> float:
        n = max(0, bisect_right(starts, at) - 1)
        part = (at - starts[n]) / (ends[n] - starts[n])
        return (n + min(1.0, max(0.0, part))) / len(starts)

    together: list[list[Outage]] = []
    right = -1.0
    for each in outages:
        if starts and each.ended >= starts[0]:
            if place(each.began) > right:
                together.append([])
            together[-1].append(each)
            right = max(right, place(each.ended), place(each.began) + _THINNEST)
    for some in together:
        left = min(place(some[0].began), 1.0 - _THINNEST)
        right = max(left + _THINNEST, *(place(each.ended) for each in some))
        yield Band(left, right, _title(some, language))


def _title(some: Sequence[Outage], language: Language) -> str:
    text = language.ngettext(
        "Server not reached: from {start} to {end}",
        "Server not reached, {n} times: from {start} to {end}",
        len(some),
    )
    start, end = map(language.date_and_time, (some[0].began, max(each.ended for each in some)))
    return text.format(n=language.number(len(some)), start=start, end=end)


def summary(outages: Sequence[Outage], language: Language) -> str:
    """Say how many there were, and how long in all; empty for none."""
    text = language.ngettext(
        "Server not reached: {n} time, {duration} in all",
        "Server not reached: {n} times, {duration} in all",
        len(outages),
    )
    duration = language.duration(sum(each.ended - each.began for each in outages))
    return text.format(n=language.number(len(outages)), duration=duration) if outages else ""


def span(one: Outage, language: Language) -> str:
    """Say from when until when it lasted."""
    start, duration = language.date_and_time(one.began), language.duration(one.ended - one.began)
    if one.lasts:
        text = language.gettext("since {start} ({duration})")
        return text.format(start=start, duration=duration)
    days = [datetime.fromtimestamp(at).date() for at in (one.began, one.ended)]  # noqa: DTZ006
    end = (language.time if days[0] == days[1] else language.date_and_time)(one.ended)
    return f"{start} – {end} ({duration})"
