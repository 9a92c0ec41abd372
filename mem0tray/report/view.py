"""From what was gathered to what is shown. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mem0tray import __version__
from mem0tray.actions import diagnose
from mem0tray.actions.find import FoundItem
from mem0tray.actions.standing import Overview
from mem0tray.config.server_choice import said
from mem0tray.config.settings import ServerSettings
from mem0tray.core.item import Item
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED
from mem0tray.report import times
from mem0tray.report.advice import advice
from mem0tray.report.figures import charts
from mem0tray.report.gathering import Gathered
from mem0tray.report.model import Figure, Letters, ReportedLetter, StatusPage, Tone
from mem0tray.report.redaction import Cleaner
from mem0tray.report.state import headline

SHOWN: Final = 200  # dead letters
_CONTENT: Final = 2000
_REASON: Final = 200
_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What the page depends on besides the facts: secrets to hide, the DLQ file's name."""

    server: ServerSettings
    file: str
    with_content: bool = False


def of(seen: Gathered, language: Language, options: Options) -> StatusPage:
    """The page for what was gathered."""
    _ = language.gettext
    cleaner = Cleaner(options.server)
    top = headline(seen.overview, seen.now, language, cleaner)
    return StatusPage(
        language=language.code,
        title=f"{top.text} – mem0tray",
        made=_("as of {time}").format(time=times.absolute(seen.now, language)),
        headline=top,
        facts=_facts(seen.overview, seen.now, language, cleaner),
        advice=advice(seen, options.file, language, cleaner),
        letters=_Table(seen, language, cleaner, with_content=options.with_content).made(),
        charts=charts(seen, language, cleaner),
        notes=[*_notes(language, with_content=options.with_content), f"mem0tray {__version__}"],
        words={
            "reason": _("Reason:"),
            "facts": _("At a glance"),
            "advice": _("What to do"),
            "example": _("for example:"),
            "numbers": _("The numbers"),
            "content": _("The text"),
            "none": _("There are no dead letters."),
            "charts": _("In figures"),
        },
    )


def _facts(seen: Overview, now: float, language: Language, cleaner: Cleaner) -> list[Figure]:
    _ = language.gettext
    there = cleaner.line(said(seen.destination, language), _NAME)
    total = seen.totals.get("synced", 0)
    return [
        Figure(_("Memories go to"), there or _("no server yet")),
        _count(_("Waiting"), seen.queue, _("in the queue"), Tone.CALM, language),
        _count(_("Dead letters"), seen.dlq, _("in the DLQ"), Tone.WARN, language),
        _count(_("Delivered"), total, _("in all"), None, language),
        _moment(_("Last delivery"), seen.last_delivery, now, language),
        _moment(_("Oldest waiting"), seen.oldest_waiting, now, language),
    ]


def _count(
    label: str, count: int | None, note: str, tone: Tone | None, language: Language
) -> Figure:
    """A number, in its tone unless it is 0; a number that could not be read is not 0."""
    if count is None:
        return Figure(label, language.gettext("unknown"), note, Tone.BAD)
    return Figure(label, language.number(count), note, tone if count else None)


def _moment(label: str, at: float | None, now: float, language: Language) -> Figure:
    shown = times.absolute(at, language)
    note = "" if shown == times.NEVER else shown
    return Figure(label, times.relative(at, now, language) if note else times.NEVER, note)


def _notes(language: Language, *, with_content: bool) -> Iterable[str]:
    _ = language.gettext
    if with_content:
        yield _("This page shows texts of memories: think before you pass it on.")
    else:
        yield _("This page holds no text of any memory.")
    yield _("It does not change by itself; make it again to see what is new.")


class _Table:
    """The table of the dead letters that are tried next."""

    def __init__(
        self, seen: Gathered, language: Language, cleaner: Cleaner, *, with_content: bool
    ) -> None:
        self._seen = seen
        self._language = language
        self._cleaner = cleaner
        self._with_content = with_content

    def made(self) -> Letters:
        """Rows and notes."""
        _ = self._language.gettext
        found = [(each, each.item) for each in self._seen.dead if each.item is not None]
        found.sort(key=lambda pair: (diagnose.next_retry(pair[0]), pair[1].timestamp))
        rows = [self._row(each, item) for each, item in found[:SHOWN]]
        headers = [_("Memory"), _("Project"), _("Reason"), _("Retries"), _("Next retry")]
        return Letters(_("Dead letters"), headers, rows, list(self._notes(len(found) - len(rows))))

    def _notes(self, more: int) -> Iterable[str]:
        ngettext, number = self._language.ngettext, self._language.number
        if more > 0:
            text = ngettext(
                "and {count} more, tried later: `mem0tray list` shows it",
                "and {count} more, tried later: `mem0tray list` shows them",
                more,
            )
            yield f"… {text.format(count=number(more))}"
        nonsense = self._seen.nonsense
        if nonsense:
            text = ngettext(
                "{count} further thing in the file makes no sense to mem0tray;"
                " it is kept as it is.",
                "{count} further things in the file make no sense to mem0tray;"
                " they are kept as they are.",
                nonsense,
            )
            yield text.format(count=number(nonsense))

    def _row(self, found: FoundItem, item: Item) -> ReportedLetter:
        _, line = self._language.gettext, self._cleaner.line
        attempt = self._seen.attempts.get(found.identity)
        due, note = self._when(diagnose.next_retry(found))
        return ReportedLetter(
            id=self._cleaner.short_id(found.id) or times.NEVER,
            project=line(item.project, _NAME) or _("(none)"),
            reason=line(diagnose.why_failed(found, attempt).said(self._language), _REASON)
            or times.NEVER,
            retries=self._language.number(item.retry_count),
            due=due,
            due_note=note,
            content=self._cleaner.block(item.content, _CONTENT) if self._with_content else "",
        )

    def _when(self, due: float) -> tuple[str, str]:
        """When it is tried again, and how far away that is; or what it waits for."""
        now, language, seen = self._seen.now, self._language, self._seen.overview
        _ = language.gettext
        if due > now:
            return times.clock(due, now, language), times.relative(due, now, language)
        if seen.worker is None:
            return _("at the next start"), ""
        blocked = {
            DOWN: _("once the server is back"),
            PAUSED: _("after the pause"),
            ACTION_NEEDED: _("once the way is clear"),
        }
        return blocked.get(seen.state, _("now")), ""
