"""The story that the demo tells, as data: what is said, what is done, and what must follow."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ATTEMPT: Final = "Attempt "  # words of the log, as anybody can read them
MOVED: Final = "Moved to DLQ: "
RECOVERED: Final = "DLQ recovered: "


@dataclass(frozen=True, slots=True)
class StoryMemory:
    """One memory of the story."""

    project: str
    text: str


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the server: nothing, it is `down`, or it refuses a project."""

    down: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class StorySnapshot:
    """What anybody can see at one moment: in the files, in the log, and on the server.

    `state` is the worker's; `attempts` are the failures counted for fresh entries; `stored` is
    what the server itself lists.
    """

    state: str = ""
    fresh: int = 0
    attempts: int = 0
    dead: int = 0
    stored: tuple[StoryMemory, ...] = ()
    log: tuple[str, ...] = ()

    def logged(self, *words: str) -> bool:
        """Whether one line of the log has all these words."""
        return any(all(word in line for word in words) for line in self.log)


Holds = Callable[[StorySnapshot], bool]


@dataclass(frozen=True, slots=True)
class Say:
    """Something for people to read."""

    text: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Another program queues memories."""

    memories: tuple[StoryMemory, ...]


@dataclass(frozen=True, slots=True)
class Inject:
    """From now on the server has these faults and no others."""

    faults: Faults


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A command of mem0tray, as the user would type it; people see what it prints."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Time passes: so many probes of the server, or retries."""

    intervals: int


@dataclass(frozen=True, slots=True)
class Await:
    """A promise that comes true in a while."""

    promise: str
    holds: Holds


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise that must be true by now."""

    promise: str
    holds: Holds


Step = Say | Queue | Inject | TypedCommand | Hold | Await | Promise


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the story; `shows` are words of those lines of the log that belong to it."""

    title: str
    steps: tuple[Step, ...]
    shows: tuple[str, ...] = ()


FIRST: Final = (
    StoryMemory("shop", "Prices are stored in cents, never as floats."),
    StoryMemory("shop", "The staging database is reset every Sunday."),
    StoryMemory("blog", "Images go through the thumbnail queue first."),
)
MEANWHILE: Final = (
    StoryMemory("shop", "A refund above 500 euros needs a second approval."),
    StoryMemory("notes", "Ada likes short commit messages."),
    StoryMemory("blog", "A draft is published only after a review."),
)
REFUSED: Final = StoryMemory("travel", "The train company writes dates as DD.MM.YYYY.")
BESIDE: Final = StoryMemory("notes", "The tests run with two workers, not with eight.")
ALL: Final = (*FIRST, *MEANWHILE, REFUSED, BESIDE)


def _has(*memories: StoryMemory) -> Holds:
    """A check that the server has each of these memories exactly once, and nothing else."""
    return lambda seen: Counter(seen.stored) == Counter(memories)


def _delivered(*memories: StoryMemory) -> Holds:
    """A check like `_has`, and that nothing waits any more."""
    return lambda seen: _has(*memories)(seen) and not seen.fresh


def _untouched(seen: StorySnapshot) -> bool:
    """Whether memories queued during the outage wait, with no failure counted against them."""
    waits = seen.fresh == len(MEANWHILE) and _has(*FIRST)(seen)
    return waits and not seen.attempts and not seen.dead and not seen.logged(ATTEMPT)


STORY: Final = (
    Act(
        "Memories are delivered",
        (
            Await("The worker runs, and its server is healthy.", lambda s: s.state == "healthy"),
            Say("Another program queues three memories."),
            Queue(FIRST),
            Await("The server has all three.", _delivered(*FIRST)),
        ),
    ),
    Act(
        "The server goes down",
        (
            Say("Somebody stops it. The worker looks at its health all the time."),
            Inject(Faults(down=True)),
            Await("The worker has noticed, and sends nothing.", lambda s: s.state == "down"),
            Say("Three more memories are queued meanwhile."),
            Queue(MEANWHILE),
            Hold(3),
            Promise("They wait. No attempt was made, and none is counted.", _untouched),
        ),
        shows=("State: down",),
    ),
    Act(
        "It comes back",
        (
            Say("The server is started again."),
            Inject(Faults()),
            Await("What had waited went out by itself.", _delivered(*FIRST, *MEANWHILE)),
        ),
        shows=("State: healthy",),
    ),
    Act(
        "One memory is refused, five times",
        (
            Say(
                "For one project the server now answers with an error."
                " Two memories are queued; the first is of that project."
            ),
            Inject(Faults(refused=REFUSED.project)),
            Queue((REFUSED, BESIDE)),
            Await("It holds up nobody: the other one is delivered.", lambda s: BESIDE in s.stored),
            Await(
                "After five failures it is a dead letter, kept in the DLQ.",
                lambda s: (
                    s.dead == 1
                    and not s.fresh
                    and s.logged(MOVED + REFUSED.project, "after 5 retries")
                ),
            ),
        ),
        shows=(ATTEMPT, MOVED),
    ),
    Act(
        "You look, and retry by force",
        (
            Say("A dead letter is never dropped. It is retried after 30 seconds, 60, 120 …"),
            TypedCommand(("list",)),
            TypedCommand(("diagnose",)),
            Say("The server is mended, and nobody likes to wait:"),
            Inject(Faults()),
            TypedCommand(("retry", "--all")),
            Await(
                "The dead letter is delivered, and the DLQ is empty.",
                lambda s: not s.dead and s.logged(RECOVERED + REFUSED.project),
            ),
        ),
        shows=(RECOVERED,),
    ),
    Act(
        "The end",
        (
            Say("The server itself is asked what it has."),
            Promise("Every memory is there, each once. None is lost.", _delivered(*ALL)),
        ),
    ),
)
