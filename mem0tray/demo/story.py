"""The story: what is said and done, and what must follow. It stops as soon as that does not."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo.stage import Stage, StoryMemory

_ATTEMPT: Final = "Attempt "  # words of the log, as anybody can read them
_MOVED: Final = "Moved to DLQ: "
_RECOVERED: Final = "DLQ recovered: "
_LOOK: Final = 0.05
_GLANCE: Final = 0.5  # the share of the reading time for what takes a glance
_FIRST: Final = (
    StoryMemory("shop", "Prices are stored in cents, never as floats."),
    StoryMemory("shop", "The staging database is reset every Sunday."),
    StoryMemory("blog", "Images go through the thumbnail queue first."),
)
_MEANWHILE: Final = (
    StoryMemory("shop", "A refund above 500 euros needs a second approval."),
    StoryMemory("notes", "Ada likes short commit messages."),
    StoryMemory("blog", "A draft is published only after a review."),
)
_REFUSED: Final = StoryMemory("travel", "The train company writes dates as DD.MM.YYYY.")
_BESIDE: Final = StoryMemory("notes", "The tests run with two workers, not with eight.")
Holds = Callable[[Stage], bool]
Said = Literal["title", "text", "memory", "command", "printed", "log", "kept"]  # kinds of lines


class Story:
    """A story, shown line by line. Raises Mem0TrayError if it goes otherwise than told.

    In seconds: `reading` a sentence, `patience` with a promise (a busy machine starts a program
    in 15).
    """

    def __init__(
        self,
        stage: Stage,
        show: Callable[[Said, str], None],
        reading: float = 1.0,
        patience: float = 60.0,
    ) -> None:
        self.saved: list[StoryMemory] = []
        self._stage, self._show = stage, show
        self._reading, self._patience = reading, patience
        self._acts = 0
        self._shown: tuple[str, ...] = ()
        self._lines = 0  # lines of the log that were seen

    def tell(self) -> None:
        """Tell the story that the manual promises."""
        server = self._stage.server
        self.act("Memories are delivered")
        self.expect("The worker runs, and its server is healthy.", lambda s: s.state == "healthy")
        self.say("Another program saves three memories.")
        self.save(*_FIRST)
        self.expect("The server has all three.", delivered(*_FIRST))

        self.act("The server goes down", "State: down")
        self.say("Somebody stops it. The worker keeps asking whether it is healthy.")
        server.stop()
        self.expect("The worker has noticed, and sends nothing.", lambda s: s.state == "down")
        self.say("Three more memories are saved meanwhile.")
        self.save(*_MEANWHILE)
        self.wait(3 * self._stage.interval)  # three probes
        self.expect(
            "They wait. Nothing was sent, and nothing counts as a failure.", _waits, now=True
        )

        self.act("It comes back", "State: healthy")
        self.say("The server is started again.")
        server.start()
        self.expect("What had waited went out by itself.", delivered(*_FIRST, *_MEANWHILE))

        self.act("One memory is refused, five times", _ATTEMPT, _MOVED)
        self.say(
            "For one project the server now answers with an error. Two memories are saved;"
            " the first is of that project."
        )
        server.refused = _REFUSED.project
        self.save(_REFUSED, _BESIDE)
        self.expect(
            "It holds up nobody: the other one is delivered.",
            lambda s: _BESIDE in s.server.stored.values(),
        )
        self.expect(
            "After five failures it is set aside in the DLQ: not delivered, and not lost.",
            lambda s: s.dead == 1 and not s.waiting and s.logged(_MOVED, "after 5 retries"),
        )

        self.act("You look, and try again", _RECOVERED)
        self.say("It is never dropped: mem0tray tries again after 30 seconds, 60, 120 …")
        self.command("diagnose")
        self.say("The server is mended, and you need not wait:")
        server.refused = ""
        self.command("retry", "--all")
        self.expect(
            "The memory is delivered, and nothing is set aside any more.",
            lambda s: not s.dead and s.logged(_RECOVERED + _REFUSED.project),
        )

        self.act("The end")
        self.say("The server itself is asked what it has.")
        everything = delivered(*_FIRST, *_MEANWHILE, _REFUSED, _BESIDE)
        self.expect("Every memory is there, each once. None is lost.", everything, now=True)

    def act(self, title: str, *shown: str) -> None:
        """Begin an act, in which lines of the log with these words are shown."""
        self._acts += 1
        self._shown = shown
        self._tell("title", f"{self._acts}  {title}", _GLANCE)

    def say(self, text: str) -> None:
        """Say a sentence."""
        self._tell("text", text)

    def save(self, *memories: StoryMemory) -> None:
        """Save memories from processes of their own, as other programs do."""
        for memory in memories:
            self._stage.command("add", "--project", memory.project, "--", memory.text)
            self.saved.append(memory)
            self._tell("memory", f"{memory.project}: {memory.text}", 0)

    def command(self, *arguments: str) -> None:
        """Run a command of mem0tray, and show what it prints."""
        printed = self._stage.command(*arguments)
        self._show("command", f"mem0tray {' '.join(arguments)}")
        for line in printed.splitlines():
            self._show("printed", line)
        self._tell("printed", "")

    def expect(self, promise: str, holds: Holds, *, now: bool = False) -> None:
        """Keep a promise: wait until it has come true, or check that it is true `now`."""
        deadline = time.monotonic() + (0 if now else self._patience)
        while not holds(self._stage):
            if time.monotonic() >= deadline:
                raise Mem0TrayError(f"The demo did not go as told. Missing: {promise}")
            self.wait(_LOOK)
        self._tell("kept", promise, _GLANCE)

    def _tell(self, kind: Said, text: str, share: float = 1.0) -> None:
        self._show(kind, text)
        self.wait(share * self._reading)

    def wait(self, seconds: float) -> None:
        """Let some time pass, and show what is new in the log."""
        deadline = time.monotonic() + seconds
        while True:
            self._stage.check()
            log = self._stage.log()
            for line in log[self._lines :]:
                if any(words in line for words in self._shown):
                    self._show("log", line)
            self._lines = len(log)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _LOOK))


def delivered(*memories: StoryMemory) -> Holds:
    """Check that the server has each of these once and nothing else, and that nothing waits."""
    return lambda stage: _has(stage, memories) and not stage.waiting


def _waits(stage: Stage) -> bool:
    """Check that what was saved during the outage waits, with no failure counted."""
    waits = stage.waiting == len(_MEANWHILE) and _has(stage, _FIRST)
    return waits and not stage.dead and not stage.logged(_ATTEMPT)


def _has(stage: Stage, memories: tuple[StoryMemory, ...]) -> bool:
    return Counter(stage.server.stored.values()) == Counter(memories)
