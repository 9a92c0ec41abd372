"""The policy of notices with a clock in hand, and events for it."""

from collections import Counter
from dataclasses import dataclass, field

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.language import Language
from mem0tray.core.state import HEALTHY, STARTING
from mem0tray.desktop.notify import Notice, notice_texts
from mem0tray.desktop.notify.notices import Notices, Subject

WALL = 1_764_460_000.0  # where the wall clock stands when the other is at 0


@dataclass
class Desk:
    """The policy with a clock in hand; `seen` is what was shown, `told` counts what it told."""

    notices: Notices = field(default_factory=Notices)
    now: float = 1_000.0
    seen: list[tuple[float, Notice]] = field(default_factory=list)
    told: Counter[Subject] = field(default_factory=Counter)

    def happens(self, *found: Event) -> None:
        for event in found:
            self.notices.take(event, self.now, WALL + self.now)

    def state(self, name: str, reason: str = "") -> None:
        self.happens(events.StateChanged(name, reasons.quoted(reason)))

    def passes(self, seconds: float) -> None:
        """Let time pass, and ask just when the policy wants to be asked."""
        end = self.now + seconds
        while (due := self.notices.next_due()) <= end:
            self.now = max(self.now, due)
            self.show()
        self.now = end
        self.show()

    def show(self) -> None:
        for group in self.notices.due(self.now):
            self.told[group.subject] += group.count
            self.seen.append((self.now, notice_texts.compose(group, Language("en"))))
        assert self.notices.next_due() > self.now, "it would be asked again at once, without end"

    @property
    def titles(self) -> list[str]:
        return [notice.title for _, notice in self.seen]

    @property
    def last(self) -> Notice:
        return self.seen[-1][1]


def healthy_desk() -> Desk:
    result = Desk()
    result.state(STARTING)
    result.state(HEALTHY)
    result.passes(10)
    assert result.seen == []
    return result


def moved(project: str = "alpha", item_id: str = "12345678-9abc") -> events.MovedToDlq:
    return events.MovedToDlq(project, item_id, 5)


def recovered(project: str = "alpha", item_id: str = "87654321-cba9") -> events.DlqRecovered:
    """Make the event of a recovery; by default of a memory that was moved long ago."""
    return events.DlqRecovered(project, item_id, 3)


def alert(name: str = "dlq_size") -> events.AlertBegan:
    return events.AlertBegan(name, 10, 30.0, 2, 12, WALL)
