"""What the template gets: words and numbers, all ready to be shown."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Tone(enum.StrEnum):
    """How good something is: each tone has its colour and sign; the style sheet uses the names."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    CALM = "calm"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Headline:
    """The state in words; `reason` is foreign text, mostly empty."""

    tone: Tone
    text: str
    sentence: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: `value` stands out, `note` below it does not."""

    label: str
    value: str
    note: str = ""
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """A thing to do; text between backticks is for typing. `example` is foreign text."""

    tone: Tone
    title: str
    text: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class ReportedLetter:
    """A dead letter on the page; `content` is empty unless asked for."""

    id: str
    project: str
    reason: str
    retries: str
    due: str
    due_note: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Letters:
    """The table of dead letters, and what it does not show."""

    title: str
    headers: Sequence[str]
    rows: Sequence[ReportedLetter]
    notes: Sequence[str]


class Shape(enum.Enum):
    """How a chart is drawn."""

    COLUMNS = enum.auto()
    AREA = enum.auto()
    ROWS = enum.auto()


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one colour, and what they are called."""

    name: str
    tone: Tone
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: `labels` name the values, `ticks` those that the axis has room for (else empty).

    `shown` are the values of all series in words, one row for each label.
    """

    title: str
    summary: str
    shape: Shape
    labels: Sequence[str]
    ticks: Sequence[str]
    series: Sequence[Series]
    headers: Sequence[str]
    shown: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The whole page."""

    language: str
    title: str
    made: str
    headline: Headline
    facts: Sequence[Figure]
    advice: Sequence[Advice]
    letters: Letters
    charts: Sequence[Chart]
    notes: Sequence[str]
    words: dict[str, str]
