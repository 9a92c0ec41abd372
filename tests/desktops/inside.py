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
from tests.desktops.nested import Nested
from tests.desktops.scratch_root import OUTPUT
from tests.desktops.steps import STEPS, Step, icon
from tests.desktops.trial import Trial
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
_ANSWER: Final = 5.0  # seconds for what a click opens


def kills(desk: Desk) -> dict[str, Step]:
    parts = {f"{part} killed": functools.partial(killed, part=part) for part in desk.parts}
    return {"icon": icon, **parts} if parts else {}


def killed(trial: Trial, part: str) -> str:
    """Deliveries go on while a part is gone; once it is back, icon and notifications are there."""
    program = trial.program
    assert program is not None
    texts = [f"{when} the {part} was killed" for when in ("before", "after")]
    trial.at_rest()
    trial.add(texts[0])
    trial.nested.end(part)
    trial.add(texts[1])
    for text in texts:
        _delivered(trial, text)
    assert program.alive, f"the program has ended: {program.err[-500:]}"
    trial.desk.parts[part](trial.nested)
    trial.add(f"with another {part}")
    _delivered(trial, f"with another {part}")
    _is_back(trial, part)
    return "delivered throughout; icon and notifications are back"


def _delivered(trial: Trial, text: str) -> None:
    trial.server.wait_for(lambda: trial.server.count(text), 20, f"“{text}” delivered")
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
