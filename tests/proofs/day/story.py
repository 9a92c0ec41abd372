"""What happens in a day: episodes, each with the notifications that it is worth, and work.

An hour holds at most five notifications' worth of episodes; a stormy one has no
such measure, and there the limit of an hour is what counts.
"""

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mem0tray.actions.standing import DeadLetter
from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED
from mem0tray.desktop.tray.menu import SHOWN, View
from mem0tray.ledger.counters import Counts

HOUR: Final = 3600.0
_ATTEMPTS: Final = 5
_REASONS: Final = ("500 Internal Server Error", "no answer after 60 s", "422 Unprocessable Entity")
_MANY: Final = 12  # dead letters, more than `alerts.dlq_size`
Step = tuple[float, list[Event]]  # seconds to wait, and then what happens


@dataclass
class World:
    """What the worker would know."""

    chance: random.Random
    now: Callable[[], float]  # Unix seconds
    state: str = HEALTHY
    reason: str = ""
    queue: int = 0
    letters: list[DeadLetter] = field(default_factory=list)
    forgotten_since: float | None = None
    last_delivery: float | None = None

    def counts(self) -> Counts:
        times = [letter.since for letter in self.letters]
        times += [] if self.forgotten_since is None else [self.forgotten_since]
        return Counts(self.queue, len(self.letters), min(times, default=None))

    def view(self) -> View:
        """What the icon, its menu and its tooltip are made of."""
        return View(
            self.state,
            reasons.quoted(self.reason),
            "mem0.example.com",
            self.queue,
            len(self.letters),
            tuple(self.letters[:SHOWN]),
            self.last_delivery,
        )

    # What happens ---------------------------------------------------------------------

    def turn(self, state: str, reason: str = "") -> Event:
        self.state, self.reason = state, reason
        return events.StateChanged(state, reasons.quoted(reason))

    def accept(self, number: int) -> Event:
        self.queue += number
        return events.Accepted(number)

    def deliver(self) -> Event:
        self.queue = max(0, self.queue - 1)
        self.last_delivery = self.now()
        return events.Delivered(self.project(), self.name())

    def bury(self) -> Event:
        """A dead letter more."""
        project, name = self.project(), self.name()
        reason = self.chance.choice(_REASONS)
        self.letters.append(
            DeadLetter(name, name.encode(), project, self.now(), reasons.quoted(reason))
        )
        return events.MovedToDlq(project, name, _ATTEMPTS)

    def recover(self) -> Event:
        letter = self.letters.pop(0)
        return events.DlqRecovered(letter.project, letter.item_id, self.chance.randrange(8))

    def project(self) -> str:
        return f"project-{self.chance.randrange(200)}"

    def name(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))


class Day:
    """Plays episodes; `expected` counts the notifications that they are worth, by title."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.expected: list[str] = []
        self._quiet: tuple[Callable[[], Iterator[Step]], ...] = (
            self._outage, self._flapping, self._forgotten, self._moves, self._refused,
            self._hand_edit, self._broken_file, self._many_letters, self._short_outage, self._pause,
        )  # fmt: skip
        self._next = itertools.cycle(self._quiet)

    def hour(self, *, stormy: bool) -> Iterator[Step]:
        spent = 0.0
        for step in self._storm() if stormy else self._calm():
            spent += step[0]
            yield step
        yield max(0.0, HOUR - spent), []

    def _calm(self) -> Iterator[Step]:
        """Two episodes, one after the other, with memories coming and going."""
        for _ in range(2):
            yield from self._work()
            yield from next(self._next)()
            yield from self._work()

    def _work(self) -> Iterator[Step]:
        world = self.world
        for _ in range(10):
            number = world.chance.randrange(1, 4)
            yield 20.0, [world.accept(number)]
            for _ in range(number):
                yield 0.3, [world.deliver()]

    # Episodes -------------------------------------------------------------------------

    def _outage(self) -> Iterator[Step]:
        """Ten minutes, with memories that pile up."""
        world = self.world
        yield 1.0, [world.turn(DOWN, "Connection refused.")]
        for _ in range(10):
            yield 60.0, [world.accept(2)]
        yield 1.0, [world.turn(HEALTHY)]
        self.expected += ["Server down", "Server back"]
        for _ in range(20):
            yield 0.2, [world.deliver()]
        yield 10.0, []

    def _flapping(self) -> Iterator[Step]:
        """Up and down every second for five minutes: one outage."""
        world = self.world
        for _ in range(150):
            yield 1.0, [world.turn(DOWN, "503 Service Unavailable")]
            yield 1.0, [world.turn(HEALTHY)]
        self.expected += ["Server down", "Server back"]
        yield 10.0, []

    def _short_outage(self) -> Iterator[Step]:
        """A minute and a half: nobody needs to know."""
        yield 1.0, [self.world.turn(DOWN, "Connection refused.")]
        yield 90.0, [self.world.turn(HEALTHY)]
        yield 10.0, []

    def _moves(self) -> Iterator[Step]:
        """A burst of dead letters, and one of recoveries after it."""
        world = self.world
        number = world.chance.randrange(1, 9)
        for _ in range(number):
            yield 0.5, [world.bury()]
        self.expected.append("Moved to DLQ")
        yield 30.0, []
        for _ in range(number):
            yield 0.5, [world.recover()]
        self.expected.append("DLQ recovered")
        yield 30.0, []

    def _refused(self) -> Iterator[Step]:
        """The server wants another key, goes down meanwhile, and wants it still."""
        world = self.world
        reason = f"the server refuses deliveries: 401 Unauthorized ({world.name()[:8]})"
        yield 1.0, [world.turn(ACTION_NEEDED, reason)]
        yield 60.0, [world.turn(DOWN, "Connection refused.")]
        yield 30.0, [world.turn(ACTION_NEEDED, reason)]
        yield 60.0, [world.turn(HEALTHY)]
        self.expected.append("Action needed")
        yield 10.0, []

    def _hand_edit(self) -> Iterator[Step]:
        """The user removes dead letters, in one save and the next."""
        yield 1.0, [events.HandEdit(discarded=2)]
        yield 2.0, [events.HandEdit(discarded=1, edited=3)]
        self.expected.append("Removed by hand")
        yield 10.0, []

    def _broken_file(self) -> Iterator[Step]:
        """An editor that saves in pieces."""
        for _ in range(3):
            yield 1.0, [events.FileBroken("mem0_queue_dlq.json", "torn", "quarantine-1")]
        self.expected.append("File broken")
        yield 10.0, []

    def _many_letters(self) -> Iterator[Step]:
        """Too many dead letters for half an hour, in two waves."""
        world = self.world
        for _ in range(_MANY):
            yield 0.2, [world.bury()]
        self.expected.append("Moved to DLQ")
        yield 32.0 * 60, []
        self.expected.append("Memories not delivered")
        for _ in range(_MANY):
            yield 0.2, [world.recover()]
        self.expected.append("DLQ recovered")
        yield 60.0, []

    def _forgotten(self) -> Iterator[Step]:
        """A memory is found that has waited for two days."""
        world = self.world
        world.forgotten_since = world.now() - 2 * 24 * HOUR
        yield 60.0, []
        self.expected.append("A memory waits long")
        world.forgotten_since = None
        yield 60.0, []

    def _pause(self) -> Iterator[Step]:
        """The user pauses and resumes."""
        yield 1.0, [self.world.turn(PAUSED, "paused by you")]
        yield 120.0, [self.world.turn(HEALTHY)]
        yield 10.0, []

    def _storm(self) -> Iterator[Step]:
        """Everything at once, for most of an hour."""
        world, chance = self.world, self.world.chance
        for _ in range(250):
            found = [
                chance.choice(self._kinds())()
                for _ in range(chance.choice([1, 1, 2, 8]))
                if chance.random() < 0.9
            ]
            yield chance.choice([0.1, 1.0, 5.0, 20.0]), found
        yield 1.0, [world.turn(HEALTHY)]
        while world.letters:
            yield 0.0, [world.recover()]

    def _kinds(self) -> list[Callable[[], Event]]:
        world = self.world
        return [
            world.bury,
            world.deliver,
            world.recover if world.letters else world.bury,
            lambda: world.turn(DOWN, "Connection refused."),
            lambda: world.turn(HEALTHY),
            lambda: world.turn(ACTION_NEEDED, f"reason {world.name()[:4]}"),
            lambda: events.HandEdit(discarded=1),
            lambda: events.FileBroken(f"{world.project()}.json", "x", "y"),
        ]
