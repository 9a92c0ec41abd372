"""A desktop that is fit to be seen: sharp, with a font and a wallpaper; and homes with a past."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from Xlib.display import Display

from mem0tray.config.settings import LOCAL_URL
from mem0tray.system.paths import Paths
from tests.support.desktop import Desktop
from tests.support.home import Home
from tests.support.past import past
from tests.support.shapes import Item, dead, delay, waiting

SCALE: Final = 2  # pixels for each that a program counts: pages show pictures at half their size
FONT: Final = "Inter"
WALLPAPER: Final = 0xC9D6DF
_SIZE: Final = "2400x1400x24"
_FONTS: Final = f"""\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family" qual="any"><string>sans-serif</string></test>
    <edit name="family" mode="assign" binding="strong"><string>{FONT}</string></edit>
  </match>
</fontconfig>
"""
_GTK: Final = f"[Settings]\ngtk-font-name={FONT} 10\n"
_HOUR: Final = 3600.0
_AFTERNOON: Final = 15  # o'clock: everything of today has a time without a date
_DAY: Final = 24 * _HOUR
_DAYS: Final = 14
_RECOVERED: Final = ((11, 9), (10, 9), (6, 4), (6, 5), (5, 4), (5, 2))  # from, until: days ago
_TOO_LONG: Final = "422 Unprocessable Entity: text too long"
_LETTERS: Final = (
    # text, project, reason, retries, hours ago
    ("The roses are pruned late in February", "garden", _TOO_LONG, 7, 6.2),
    ("Orders of schools go out without VAT", "bookshop", _TOO_LONG, 4, 2.4),
    ("The station reports wind in knots", "weather", "500 Internal Server Error", 2, 0.6),
)
_MEMORIES: Final = (
    ("garden", "Roses want sun; so do beans."),
    ("bookshop", "The user prefers pytest with plain asserts and no classes."),
    ("weather", "Use the staging database for load tests, never the replica."),
)


@contextlib.contextmanager
def afternoon() -> Iterator[None]:
    """Live where it is half past three, whenever the pictures are made."""
    east = _AFTERNOON - time.gmtime().tm_hour
    with contextlib.ExitStack() as stack:
        stack.callback(time.tzset)
        # What POSIX counts is to the west.
        stack.enter_context(mock.patch.dict(os.environ, TZ=f"<PIC>{-east}"))
        time.tzset()
        yield


@contextlib.contextmanager
def desktop(folder: Path) -> Iterator[Desktop]:
    with Desktop(folder, size=_SIZE) as started:
        fonts = folder / "fonts.conf"
        fonts.write_text(_FONTS, encoding="utf-8")
        settings = Path(started.env["XDG_CONFIG_HOME"]) / "gtk-3.0" / "settings.ini"
        settings.parent.mkdir()
        settings.write_text(_GTK, encoding="utf-8")
        started.env |= {"GDK_SCALE": str(SCALE), "FONTCONFIG_FILE": str(fonts)}
        _paint(started.env["DISPLAY"])
        yield started


def _paint(name: str) -> None:
    display: Any = Display(name)
    root = display.screen().root
    root.change_attributes(background_pixel=WALLPAPER)
    root.clear_area()
    display.sync()
    display.close()


@contextlib.contextmanager
def home(folder: Path, url: str = LOCAL_URL) -> Iterator[Home]:
    """Make a home that speaks English and keeps to our hours."""
    with Home(folder, url) as made:
        made.env |= {"TZ": os.environ["TZ"], "MEM0TRAY_UI_LANGUAGE": "en"}
        yield made


def fill(made: Home) -> None:
    """Give it two weeks of deliveries, and dead letters."""
    now = time.time()
    with past(Paths(made.claude, made.data / "mem0tray"), LOCAL_URL) as written:
        for number, (came, went) in enumerate(_RECOVERED):
            at = now - came * _DAY
            key = written.adopted(dead(f"recovered {number}", moved_to_dlq_at=at), at)
            written.recovered(key, now - went * _DAY)
        for hour in range(_DAYS * 24, 0, -1):
            at = now - hour * _HOUR + 0.6 * _HOUR
            moment = time.localtime(at)
            busy = 8 <= moment.tm_hour <= 22 and moment.tm_wday < 6
            for number in range((hour * 5 + moment.tm_mday * 3) % 7 * busy):
                written.delivered(f"{hour} {number}", at + number)
        for letter in _letters(now):
            due = now + delay(letter["retry_count"])
            written.adopted(letter, letter["moved_to_dlq_at"], due)


def save(made: Home) -> None:
    """Save some memories, and wait until they are delivered."""
    for project, text in _MEMORIES:
        made.ok("add", "--project", project, text)
    made.wait(lambda: made.state()[0] == "healthy" and not made.queue_items(), 20, "delivered")


def _letters(now: float) -> list[Item]:
    return [
        waiting(
            text,
            project,
            last_error=reason,
            retry_count=retries,
            last_attempt=now,
            timestamp=int(now - hours * _HOUR) - 120,
            moved_to_dlq_at=int(now - hours * _HOUR),
        )
        for text, project, reason, retries, hours in _LETTERS
    ]
