"""Foreign text, made harmless for a log, a terminal or a menu; times and durations for people."""

import re
import time
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

# C0 and C1 controls, line and paragraph separators, and the marks that turn
# the direction of what follows; lone surrogates cannot be encoded at all.
_UNSAFE = re.compile(
    "[\x00-\x08\t\n\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# One class, as texts may be long; compiled when it is first used, which no hook does.
_OBEYED = _UNSAFE.pattern.replace("\t\n", "")
_CREDENTIALS = re.compile(r"://[^\s/]*@")
_NAME: Final = 100  # characters of a name that is compared, which takes long for a megabyte
MASK: Final = "••••"  # in place of a secret
_BLANKS = re.compile(r"[^\S\xa0\u202f]+")  # a no-break space keeps French punctuation in its line


def one_line(text: str, limit: int = 200) -> str:
    """`text` as one printable line of at most `limit` characters."""
    clean = _BLANKS.sub(" ", _UNSAFE.sub(" ", text[: limit * 4])).strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def without_password(text: str) -> str:
    """Return `text` with no user and password in the addresses that it holds."""
    return _CREDENTIALS.sub(f"://{MASK}@", text)


def excerpt(text: str, limit: int = 60) -> str:
    """Quote the beginning of a memory's text, so that a person recognises it."""
    return f"“{one_line(text, limit)}”"


def lines(text: str) -> str:
    """`text` with its lines and tabs, and a sign in the place of whatever a terminal obeys."""
    return re.sub(_OBEYED, "\ufffd", text.replace("\r\n", "\n"))


def harmless_json(document: str) -> str:
    """Return a JSON document with an escape in the place of whatever a terminal obeys."""
    return re.sub(_OBEYED, lambda found: f"\\u{ord(found[0]):04x}", document)


def cells(text: str) -> int:
    """Return the columns of a terminal that a harmless line takes; a wide sign two, a mark none."""
    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def short_id(item_id: str) -> str:
    """Return the first eight characters of an id, as every log marker shows it."""
    return one_line(item_id[:8], 8)


def plural(count: float, one: str, many: str = "") -> str:
    """`3 memories`, `1 memory`, `1.5 days`."""
    shown = f"{count:,.0f}" if count == count // 1 else f"{count:,g}"
    return f"{shown} {one if count == 1 else many or one + 's'}"


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(one_line(name, 80) for name in names[:most])}{more}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean `list`?` where a known name is like `name`, else nothing."""
    import difflib  # slow to import, and only a mistyped name needs it

    like = difflib.get_close_matches(name[:_NAME], list(known), cutoff=0.7)
    # Two letters that changed places are likelier than one too many.
    like.sort(key=lambda each: sorted(each) != sorted(name))
    return f" Did you mean `{like[0]}`?" if like else ""


NEVER: Final = "–"
_UNITS: Final = ((1, "s", 60), (60, "min", 60), (3600, "h", 24))  # seconds; how many, at most
_DAY: Final = 86_400
_EARLIEST, _LATEST = 0.0, 253_402_214_400.0  # Unix seconds that have a date, in every zone


def span(seconds: float) -> str:
    """Say a duration in its largest unit, rounded: `3 min`."""
    for size, unit, limit in _UNITS:
        if round(seconds / size) < limit:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds / _DAY):,} d"


def ago(at: float | None, now: float | None = None) -> str:
    """Say `3 min ago`, `in 20 s` for the future; a dash for never, and beyond all calendars."""
    if not at or not _EARLIEST < at < _LATEST:
        return NEVER
    distance = (time.time() if now is None else now) - at
    if -1 < distance < 1:
        return "just now"
    return f"{span(distance)} ago" if distance > 0 else f"in {span(-distance)}"


def due(at: float, now: float | None = None) -> str:
    """Say `in 5 min`, or `due now` for a time that has come, or comes within the second."""
    now = time.time() if now is None else now
    return ago(at, now) if at - now >= 1 else "due now"


def clock(at: float | None) -> str:
    """Say local date and time to the second; a dash for never, and for what no calendar has."""
    if not at or not _EARLIEST < at < _LATEST:
        return NEVER
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006  (local)


def moment(at: float | None, now: float | None = None) -> str:
    """Say both time and distance: `2025-11-30 04:38:18 (3 min ago)`."""
    shown = clock(at)
    return shown if shown == NEVER else f"{shown} ({ago(at, now)})"
