"""What happens when a part of the desktop is killed: deliveries go on, and the icon comes back.

In a session of its own: the program shows no more than six notifications an hour.
"""

import contextlib
import functools
from typing import Final

from tests.desktops.desk import Desk
from tests.desktops.steps import Step, icon
from tests.desktops.trial import Trial
from tests.support.processes import wait_until

BACK: Final = 60.0  # seconds in which the icon must be back, once the panel is
_ANSWER: Final = 5.0  # seconds for what a click opens


def steps(desk: Desk) -> dict[str, Step]:
    """A step for each part of a desktop that is killed, by name, after one that starts it all."""
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
