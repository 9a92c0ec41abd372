"""`mem0tray demo`: half a minute in a scratch home."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from mem0tray.cli import output
from mem0tray.cli.command_help import Command
from mem0tray.core.errors import Mem0TrayError

if TYPE_CHECKING:
    from mem0tray.demo.director import StoryPace, StoryRecord
    from mem0tray.demo.progress import Teller

_INTERRUPTED: Final = "interrupted"
_BY_SIGNAL: Final = 128  # a shell adds the signal's number to this


@click.command(
    "demo",
    cls=Command,
    examples={
        "mem0tray demo": "half a minute",
        "mem0tray demo --fast --json": "a few seconds, for a script",
    },
)
@click.option("--fast", is_flag=True, help="Leave out the pauses for reading: a few seconds.")
@click.option("--keep", is_flag=True, help="Keep the scratch home, and say where it is.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document, at the end.")
@click.option(
    "--tray/--no-tray",
    default=None,
    help="Show the tray icon during the demo, or not. Default: where there is a desktop to see it.",
)
def command(*, fast: bool, keep: bool, as_json: bool, tray: bool | None) -> None:
    """Watch mem0tray deliver, wait out an outage, and recover a dead letter.

    The real worker runs in a scratch home, against a server of its own that
    fails on demand. Your own files and settings are neither read nor
    written, and nothing leaves this computer. It exits with 0 only if the
    server has every memory exactly once at the end.
    """
    # Slow to import, and `--help` does without.
    from mem0tray.cli.demo_screen import Screen
    from mem0tray.demo.director import CALM, FAST
    from mem0tray.desktop import session

    pace = FAST if fast else CALM
    if tray is None:
        tray = not fast and not as_json and not session.missing()
    elif tray and (missing := session.missing()):
        raise Mem0TrayError(missing, "Use --no-tray.")
    program = () if tray else ("run",)
    with _signals() as signals:
        if as_json:
            outcome = _play(lambda _: None, pace, signals, program, keep=keep)
        else:
            with Screen() as screen:
                outcome = _play(screen, pace, signals, program, keep=keep)
            if not outcome.problem:
                screen.ended(outcome.record)
    if as_json:
        output.print_json(_document(outcome))
    elif outcome.home:
        verb = "is kept" if keep else "could not be removed"
        output.say(f"The scratch home {verb}: {outcome.home}", error=not keep)
    if outcome.error is not None:
        raise outcome.error
    if signals.caught:
        sys.exit(_BY_SIGNAL + signals.caught)


class _Outcome(NamedTuple):
    """How it ended: `problem` is empty if all went as told, `home` if the home was removed."""

    record: "StoryRecord"
    error: Mem0TrayError | None
    problem: str
    home: str


class _Signals:
    """The signal that told the demo to stop (0: none), with the event that tells others."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.caught = 0

    def __call__(self, number: int, _: object) -> None:
        """Note the signal, as its handler, so that clearing away is not cut off."""
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


def _play(
    tell: "Teller", pace: "StoryPace", signals: _Signals, program: Sequence[str], *, keep: bool
) -> _Outcome:
    """Play the story to its end, whatever that is."""
    from mem0tray.demo import story
    from mem0tray.demo.director import Director, InterruptedDemoError
    from mem0tray.demo.stage import Stage

    failure: Mem0TrayError | None = None
    with Stage(pace.interval, program=program, keep=keep) as stage:
        director = Director(stage, tell, pace, signals.stop)
        try:
            director.play(story.STORY)
        except Mem0TrayError as error:
            failure = error
        except InterruptedDemoError:
            pass  # `signals` knows which
    root = stage.home.root
    return _Outcome(
        director.record,
        failure,
        str(failure) if failure else _INTERRUPTED if signals.caught else "",
        str(root) if root.exists() else "",
    )


def _document(outcome: _Outcome) -> dict[str, Any]:
    """What happened, for programs."""
    record = outcome.record
    return {
        "ended_as_told": not outcome.problem,
        "problem": outcome.problem or None,
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
        "home": outcome.home or None,
    }
