"""Tries one desktop in the scratch root: `python -m tests.desktops.inside NAME`.

Screenshots and logs go to the folder for the output; what came of each step is printed.
"""

import contextlib
import functools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.desktops import in_browser
from tests.desktops.desks import DESKS, Desk
from tests.desktops.eyes import Eyes
from tests.desktops.nested import SESSION_BUS, X_SERVER, Nested
from tests.desktops.scratch_root import OUTPUT
from tests.desktops.steps import STEPS, Step, icon
from tests.desktops.trial import HEALTHY, PROGRAM, Trial
from tests.support.processes import wait_until
from tests.support.standin import Standin

HELD, FAILED, LACKS = "held", "failed", "lacks"


def held(desk: Desk, output: Path) -> bool:
    """Take every step and print it; return whether something was tried, and nothing failed."""
    output.mkdir(parents=True, exist_ok=True)
    outcomes = [*_session(desk, desk.steps or STEPS, output, "logs")]
    if not desk.steps:
        outcomes += _session(desk, in_browser.STEPS, output, "logs-of-browser", browser=True)
    if killing := kills(desk):
        outcomes += _session(desk, killing, output, "logs-of-kills")
    return bool(outcomes) and FAILED not in outcomes


def _session(
    desk: Desk, steps: Mapping[str, Step], output: Path, logs: str, *, browser: bool = False
) -> Iterator[str]:
    folder = Path("/tmp") / logs  # noqa: S108  (of the scratch root)
    with Standin() as server, Nested(folder, desk.marks, browser=browser) as nested:
        try:
            desk.start(nested)
            trial = Trial(desk, nested, server, output)
            for name, step in steps.items():
                yield _taken(name, step, trial, desk.lacks)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the outcome)
            yield _said("start", FAILED, str(error))
        finally:
            nested.keep_logs(output / logs)


def _taken(name: str, step: Step, trial: Trial, lacks: Mapping[str, str]) -> str:
    try:
        note = step(trial)
    except Exception as error:  # noqa: BLE001
        with contextlib.suppress(Exception):  # the screen may be what was killed
            trial.shoot(f"{name} failed")
        if name in lacks:
            return _said(name, LACKS, lacks[name])
        return _said(name, FAILED, str(error) or type(error).__name__)
    if not trial.has_shot(name):
        trial.shoot(name)
    return _said(name, HELD, note)


def _said(step: str, outcome: str, note: str) -> str:
    print(f"  {step}: {outcome}, {' '.join(note.split())[:600]}", flush=True)
    return outcome


def main() -> int:
    name = sys.argv[1]
    return 0 if held(DESKS[name], OUTPUT / name) else 1


BACK: Final = 60.0  # seconds in which the icon must be back, once the panel is
DISPLAYS: Final = ("compositor", "shell", X_SERVER)
ENDING: Final = (*DISPLAYS, SESSION_BUS)  # a session ends without these
_ANSWER: Final = 5.0  # seconds for what a click opens


def kills(desk: Desk) -> dict[str, Step]:
    parts = {f"{part} killed": functools.partial(killed, part=part) for part in desk.parts}
    if not parts:
        return {}
    steps: dict[str, Step] = {"icon": icon, **parts, "log-out and log-in": logged_in_again}
    return steps | ({"two sessions": second_session} if desk.name == "xfce" else {})


def killed(trial: Trial, part: str) -> str:
    """Kill a part and bring it back: nothing is lost, and icon and notifications are there again.

    Without its display or its bus the program ends, as at a log-out; the next login starts it.
    """
    program = trial.program
    assert program is not None
    texts = [f"{when} the {part} was killed" for when in ("before", "after")]
    trial.at_rest()
    trial.add(texts[0])
    trial.nested.end(part)
    trial.add(texts[1])
    ends = part in ENDING
    if ends:
        assert program.wait(BACK) == 0, f"it did not end in order: {program.err[-500:]}"
    else:
        _delivered(trial, texts[0], texts[1])
        assert program.alive, f"the program has ended: {program.err[-500:]}"
    trial.desk.parts[part](trial.nested)
    if ends:
        trial.start("--at-login")
        _delivered(trial, texts[0], texts[1])
    trial.add(f"with another {part}")
    _delivered(trial, f"with another {part}")
    _is_back(trial, part)
    return "nothing was lost; icon and notifications are back"


def logged_in_again(trial: Trial) -> str:
    """End the session and begin another at once: its icon is there, and no window was opened."""
    pages = list(trial.nested.pages())
    display = next((part for part in DISPLAYS if part in trial.desk.parts), X_SERVER)
    trial.nested.end(display)
    trial.nested.end(SESSION_BUS)
    if display == X_SERVER:
        trial.nested.start_display()
    trial.nested.start_bus(SESSION_BUS)
    trial.desk.start(trial.nested)
    trial.nested.wait_still()
    trial.start("--at-login")
    trial.add("in the next session")
    _delivered(trial, "in the next session")
    wait_until(lambda: trial.seen_icon() is not None, BACK, "the icon on the panel")
    assert list(trial.nested.pages()) == pages, "a window was opened"
    return "the icon is there, and no window was opened"


def second_session(trial: Trial) -> str:
    """Log in a second time at another screen: the icon is there, and comes back with a start."""
    first = trial.program
    assert first is not None
    with Nested(Path("/tmp/second"), trial.desk.marks, display=":8") as nested:  # noqa: S108
        trial.desk.start(nested)
        blank = nested.wait_still(2.0)
        session = ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
        environ = trial.environ | {name: nested.env[name] for name in session}
        nested.start([PROGRAM, "--at-login"], "mem0tray", environ)
        Eyes(nested.screen.picture).wait_icon(blank, HEALTHY)
        assert first.wait(BACK) == 0, first.err[-500:]
    trial.start()
    wait_until(lambda: trial.seen_icon() is not None, BACK, "the icon in the first session again")
    return "the newest session has the icon"


def _delivered(trial: Trial, *texts: str) -> None:
    for text in texts:
        trial.server.wait_for(
            functools.partial(trial.server.count, text), 20, f"“{text}” delivered"
        )
        assert trial.server.count(text) == 1, f"“{text}” came {trial.server.count(text)} times"


def _is_back(trial: Trial, part: str) -> None:
    """Wait until a click on the icon shows the status, and a notification is shown."""
    wait_until(lambda: trial.seen_icon() is not None, BACK, "the icon on the panel")
    trial.nested.wait_still()
    # On Cinnamon a click just after the panel is up got nowhere, now and then.
    wait_until(lambda: _opens_page(trial), BACK, "a page opened by a click")
    trial.close_notifications()  # that of the part before
    before = trial.at_rest()
    trial.refuse(f"refused after the {part} was killed")
    trial.eyes.wait_text("Moved to DLQ", before, 30)


def _opens_page(trial: Trial) -> bool:
    opened = len(list(trial.nested.pages()))
    trial.activate()
    with contextlib.suppress(AssertionError):
        wait_until(lambda: len(list(trial.nested.pages())) > opened, _ANSWER)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
