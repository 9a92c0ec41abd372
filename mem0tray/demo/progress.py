"""What the director tells whoever shows the story."""

from collections.abc import Callable
from dataclasses import dataclass

from mem0tray.demo.story import Act, StoryMemory, StorySnapshot


@dataclass(frozen=True, slots=True)
class ActBegan:
    """An act begins; the first is number 1."""

    number: int
    act: Act


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence to be read."""

    text: str


@dataclass(frozen=True, slots=True)
class Queued:
    """Another program has queued a memory."""

    memory: StoryMemory


@dataclass(frozen=True, slots=True)
class Commanded:
    """A command of mem0tray was run, and printed this."""

    arguments: tuple[str, ...]
    printed: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of the log that belongs to the act, without its time."""

    line: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A promise has come true."""

    promise: str


@dataclass(frozen=True, slots=True)
class Looked:
    """How everything is now; emitted many times a second."""

    seen: StorySnapshot


Happening = ActBegan | Said | Queued | Commanded | Logged | Kept | Looked
Teller = Callable[[Happening], None]
