"""The policy of notifications: what is due, and when. Pure: both clocks are arguments.

Events are gathered by subject, and a burst becomes one notice. What exceeds the limit of an hour
waits until there is room, but for the good news that all of a shown notice is over.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

from mem0tray.core import events
from mem0tray.core.events import Event
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.core.text import one_line
from mem0tray.files import orders

if TYPE_CHECKING:
    from mem0tray.ledger.counters import Counts

ALL: Final = "all"
NONE: Final = "none"

BURST: Final = 5.0
ANSWER: Final = 1.0  # seconds; what the user has just done is shown sooner
DOWN_AFTER: Final = 120.0
HOUR: Final = 3600.0
LIMIT: Final = 6
_ORDINARY: Final = LIMIT - 1  # the last place of an hour is kept for what needs the user
_LONGEST: Final = 60.0  # seconds: a burst is shown then, though it goes on
_NAME: Final = 40
_REASONS: Final = 20
_MOVES: Final = 1_000  # memories
_NEVER: Final = float("inf")


class Subject(IntEnum):
    """The subject of a notice, the most pressing first."""

    ACTION = auto()
    DOWN = auto()
    ALERT_SIZE = auto()
    ALERT_AGE = auto()
    BROKEN = auto()
    REMOVED = auto()
    BACK = auto()
    DELETED = auto()
    MOVED = auto()
    RECOVERED = auto()


_GOOD_NEWS: Final = (Subject.BACK, Subject.RECOVERED)  # which the level `problems` leaves out
_ALERTS: Final = {"dlq_size": Subject.ALERT_SIZE, "max_age": Subject.ALERT_AGE}


@dataclass(slots=True)
class NoticeGroup:
    """The events on one subject since it was last shown; `first` and `due` are monotonic.

    `names` counts by project (or file), `event` is the latest, `moves` has those of memories by id,
    `counts` what waited then. `free`: it takes no place of the hour.
    """

    subject: Subject
    event: Event
    first: float
    wall: float
    due: float = 0.0
    count: int = 0
    names: Counter[str] = field(default_factory=Counter)
    until: float = 0.0
    counts: "Counts | None" = None
    free: bool = False
    moves: dict[str, events.MovedToDlq] = field(default_factory=dict)

    def add(self, event: Event, name: str, count: int) -> None:
        self.event = event
        self.count += count
        self.names[one_line(name, _NAME)] += count
        if isinstance(event, events.MovedToDlq) and len(self.moves) < _MOVES:
            self.moves[event.item_id] = event

    def join(self, former: "NoticeGroup") -> None:
        """Add what an earlier notice on the subject had, which nothing could show."""
        self.wall = former.wall
        self.count += former.count
        self.names += former.names
        self.moves = former.moves | self.moves

    def drop(self, item_id: str) -> None:
        """Take out the move of a memory that was delivered."""
        move = self.moves.pop(item_id, None)
        if move is not None:
            self.event = next(reversed(self.moves.values()), move)
            self.count -= 1
            self.names -= Counter([one_line(move.project, _NAME)])


@dataclass(slots=True)
class _Trouble:
    """The time from leaving `healthy` until it has been healthy again for a burst's length."""

    event: events.StateChanged  # the latest outage, if there was one
    down: float | None = None
    wall: float = 0.0
    reported: bool = False
    shown: bool = False  # "Server down" was shown
    reasons: set[Reason] = field(default_factory=set)
    healed: float | None = None
    until: float = 0.0
    counts: "Counts | None" = None


class Notices:
    """Takes events and says what is due. `level` is the setting, `counts` what waits, if known."""

    def __init__(self, level: str = ALL) -> None:
        self.level = level
        self._groups: dict[Subject, NoticeGroup] = {}
        self._shown: deque[float] = deque(maxlen=LIMIT)
        self._trouble: _Trouble | None = None
        self._state = ""
        self.counts: Counts | None = None
        self._over: set[Subject] = set()
        self._moved: list[NoticeGroup] = []  # the latest that were shown, without what is delivered

    def take(self, event: Event, now: float, wall: float) -> bool:
        """Take an event; return whether there is something to do sooner than before."""
        before = self.next_due()
        self._take(event, now, wall)
        return bool(self._over) or self.next_due() < before

    def _take(self, event: Event, now: float, wall: float) -> None:
        match event:
            case events.StateChanged():
                self._change(event, now, wall)
            case events.MovedToDlq(project):
                self._gather(Subject.MOVED, event, now, wall, project)
            case events.DlqRecovered(project, item_id):
                self._gather(Subject.RECOVERED, event, now, wall, project)
                self._recover(item_id, now)
            case events.HandEdit(discarded) if discarded:
                self._gather(Subject.REMOVED, event, now, wall, count=discarded)
            case events.UserAction(orders.DELETE, dead, fresh):
                self._gather(Subject.DELETED, event, now, wall, count=dead + fresh)
            case events.UserAction(orders.RESTORE):
                self._drop(Subject.DELETED, Subject.REMOVED)
            case events.FileBroken(file):
                self._gather(Subject.BROKEN, event, now, wall, file)
            case events.AlertBegan(alert):
                self._gather(_ALERTS[alert], event, now, wall)
            case events.AlertOver(alert):
                self._drop(_ALERTS[alert])

    def _recover(self, item_id: str, now: float) -> None:
        """Drop a move that nobody has seen; the good news about one that was shown is free."""
        unseen = self._groups.get(Subject.MOVED)
        for group in (*self._moved, *filter(None, [unseen])):
            group.drop(item_id)
        if unseen is not None and not unseen.count:
            del self._groups[Subject.MOVED]
        if not all(group.count for group in self._moved):
            self._moved = [group for group in self._moved if group.count]
            news = self._groups[Subject.RECOVERED]
            news.free, news.due = True, min(news.due, now + BURST)

    def _drop(self, *subjects: Subject) -> None:
        """Drop what is no longer true; nobody needs what was not shown yet."""
        for subject in subjects:
            self._groups.pop(subject, None)
        self._over.update(subjects)

    def _gather(
        self,
        subject: Subject,
        event: Event,
        now: float,
        wall: float,
        name: str = "",
        count: int = 1,
    ) -> None:
        group = self._groups.get(subject)
        if group is None:
            group = self._groups[subject] = NoticeGroup(subject, event, now, wall)
        group.add(event, name, count)
        group.first = min(group.first, now)  # of what could not be shown, the burst begins anew
        burst = ANSWER if subject is Subject.DELETED else BURST
        group.due = min(now + burst, group.first + _LONGEST)
        if not group.free:
            group.due = max(group.due, self._opens(subject))

    def _change(self, event: events.StateChanged, now: float, wall: float) -> None:
        self._state = event.state
        trouble = self._trouble
        if event.state == HEALTHY:
            if trouble is not None and trouble.healed is None:
                trouble.healed, trouble.until, trouble.counts = now, wall, self.counts
        elif trouble is None:
            trouble = self._trouble = _Trouble(event)
        else:
            trouble.healed = None
        if event.state != ACTION_NEEDED:
            self._groups.pop(Subject.ACTION, None)
        elif trouble is not None and event.reason not in trouble.reasons:
            self._gather(Subject.ACTION, event, now, wall)
        if event.state == DOWN and trouble is not None:
            trouble.event = event
            if trouble.down is None:
                trouble.down, trouble.wall = now, wall

    def due(self, now: float) -> list[NoticeGroup]:
        """Return what to show now, the most pressing first; it then counts as shown."""
        self._ripen(now)
        found = []
        unwanted = {ALL: (), NONE: tuple(Subject)}.get(self.level, _GOOD_NEWS)
        for subject, group in sorted(self._groups.items()):
            if subject in unwanted:
                del self._groups[subject]
            elif group.due <= now and (group.free or self._opens(subject) <= now):
                found.append(group)
                self._note_shown(group, now)
            elif not group.free:
                group.due = max(group.due, self._opens(subject))
        return found

    def not_shown(self, group: NoticeGroup) -> None:
        """Take back what nothing could show: the next notice on its subject has it too."""
        if not group.free:
            self._shown.pop()
        self._moved = [each for each in self._moved if each is not group]
        group.first = group.due = _NEVER
        newer = self._groups.setdefault(group.subject, group)
        if newer is not group:
            newer.join(group)

    def over(self) -> set[Subject]:
        """The subjects that were shown and are no longer true; each is returned once."""
        over, self._over = self._over, set()
        return over

    def next_due(self) -> float:
        """When to ask again if nothing happens; monotonic."""
        times = [group.due for group in self._groups.values()]
        trouble = self._trouble
        if trouble is not None and trouble.healed is not None:
            times.append(trouble.healed + BURST)
        elif trouble is not None:
            times.append(self._outage_due(trouble))
        return min(times, default=_NEVER)

    def _note_shown(self, group: NoticeGroup, now: float) -> None:
        del self._groups[group.subject]
        if not group.free:
            self._shown.append(now)
        if group.subject is Subject.MOVED:
            self._moved = [*self._moved, group][-LIMIT:]
        trouble, event = self._trouble, group.event
        if trouble is None or not isinstance(event, events.StateChanged):
            return
        if group.subject is Subject.DOWN:
            trouble.shown = True
        elif group.subject is Subject.ACTION:
            if len(trouble.reasons) >= _REASONS:  # they never repeat
                trouble.reasons.clear()
            trouble.reasons.add(event.reason)

    def _opens(self, subject: Subject) -> float:
        places = LIMIT if subject < Subject.BACK else _ORDINARY
        if len(self._shown) < places:
            return float("-inf")
        return self._shown[-places] + HOUR

    def _ripen(self, now: float) -> None:
        """Show an outage after two minutes, and its end once that has lasted."""
        trouble = self._trouble
        if trouble is None:
            return
        if trouble.healed is not None:
            if now >= trouble.healed + BURST:
                self._end(trouble, now)
        elif now >= self._outage_due(trouble):
            trouble.reported = True
            self._put(Subject.DOWN, trouble, now, self.counts)

    def _end(self, trouble: _Trouble, now: float) -> None:
        self._trouble = None
        self._groups.pop(Subject.DOWN, None)  # not shown yet: only its end is
        if trouble.reported:
            back = self._put(Subject.BACK, trouble, now, trouble.counts)
            back.free = back.free or trouble.shown
        if trouble.reasons:
            self._over.add(Subject.ACTION)

    def _put(
        self, subject: Subject, trouble: _Trouble, now: float, counts: "Counts | None"
    ) -> NoticeGroup:
        self._gather(subject, trouble.event, now, trouble.wall)
        group = self._groups[subject]
        group.due, group.counts, group.until = now, counts, trouble.until
        return group

    def _outage_due(self, trouble: _Trouble) -> float:
        if self._state != DOWN or trouble.reported or trouble.down is None:
            return _NEVER
        return trouble.down + DOWN_AFTER
