"""`mem0tray demo`: one minute in a scratch home."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from mem0tray.cli import output
from mem0tray.errors import Mem0TrayError

if TYPE_CHECKING:
    from mem0tray.demo.director import Pace, Record, Teller

_INTERRUPTED: Final = "interrupted"
_BY_SIGNAL: Final = 128  # a shell adds the signal's number to this


@click.command("demo")
@click.option("--fast", is_flag=True, help="Without pauses for reading: a few seconds.")
@click.option("--keep", is_flag=True, help="Keep the scratch home, and say where it is.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON document, at the end.")
def command(*, fast: bool, keep: bool, as_json: bool) -> None:
    """Watch mem0tray deliver, wait out an outage, and recover a dead letter.

    The real worker runs in a scratch home, against a server of its own that
    fails when it is told to. Your own files and settings are neither read nor
    written, and nothing leaves this computer. It exits with 0 only if the
    server has every memory exactly once at the end.
    """
    # Slow to import, and `--help` does without.
    from mem0tray.cli.demo_screen import Screen, Silence
    from mem0tray.demo.director import CALM, FAST

    pace = FAST if fast else CALM
    with _signals() as signals:
        if as_json:
            _show(Silence(), pace, signals, keep=keep, as_json=True)
        else:
            with Screen() as screen:
                _show(screen, pace, signals, keep=keep, as_json=False)
    if signals.caught:
        sys.exit(_BY_SIGNAL + signals.caught)


class _Signals:
    """Which signal told us to stop (0: none), and the event that says so to others."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.caught = 0

    def __call__(self, number: int, _: object) -> None:
        """Be the handler: only note it, so that nothing is torn while it is being put away."""
        self.caught = number
        self.stop.set()


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    """Ctrl-C and the like end the demo in good order."""
    handler = _Signals()
    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in known}
    try:
        yield handler
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _show(teller: "Teller", pace: "Pace", signals: _Signals, *, keep: bool, as_json: bool) -> None:
    """Play the story, say how it ended; Mem0TrayError unless that was as told."""
    from mem0tray.demo import story
    from mem0tray.demo.director import Director, InterruptedDemoError
    from mem0tray.demo.stage import Stage

    problem: Mem0TrayError | None = None
    with Stage(pace.interval, keep=keep) as stage:
        director = Director(stage, teller, pace, signals.stop)
        with contextlib.suppress(InterruptedDemoError):
            try:
                director.play(story.STORY)
            except Mem0TrayError as error:
                problem = error
    record = director.record
    left = str(stage.home.root) if stage.home.root.exists() else ""
    if as_json:
        why = _INTERRUPTED if signals.caught else str(problem or "")
        output.print_json(_document(record, why, left))
    elif problem is None and not signals.caught:
        teller.ended(record)
    if left and not as_json:
        verb = "is kept" if keep else "could not be removed"
        output.say(f"The scratch home {verb}: {left}", error=not keep)
    if problem is not None:
        raise problem


def _document(record: "Record", problem: str, home: str) -> dict[str, Any]:
    """What happened, for programs; `home` is empty when nothing is left of it."""
    return {
        "ended_as_told": not problem,
        "problem": problem or None,
        "seconds": round(record.seconds, 2),
        "queued": len(record.queued),
        "stored": len(record.seen.stored),
        "lost": [each.text for each in record.lost],
        "surplus": [each.text for each in record.surplus],
        "acts": [
            {"title": told.title, "seconds": round(told.seconds, 2), "kept": told.kept}
            for told in record.acts
        ],
        "log": list(record.seen.log),
        "home": home or None,
    }
