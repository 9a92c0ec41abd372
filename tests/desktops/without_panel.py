"""What is tried on a desktop whose panel shows no icons: the program says so once, and works."""

import subprocess
from typing import Final

from tests.desktops.steps import Step
from tests.desktops.trial import PROGRAM, Trial

_LATE: Final = 90.0  # seconds: a panel may come late, so the notice does
_NOTICE: Final = "The icon is not shown"


def notice(trial: Trial) -> str:
    """A notification says that the icon is not shown, and what helps."""
    before = trial.at_rest()
    trial.start()
    place = trial.eyes.wait_text(_NOTICE, before, _LATE).middle
    trial.hover(place)
    trial.nested.wait_still(0.3)
    trial.shoot("notice")
    return f"“{_NOTICE}”"


def doctor(trial: Trial) -> str:
    """`mem0tray doctor` says it too, with what helps."""
    done = subprocess.run(
        [PROGRAM, "doctor", "--no-notify"],
        env=trial.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "No panel here shows tray icons." in done.stdout, done.stdout + done.stderr
    assert "AppIndicator" in done.stdout, done.stdout
    return "names the extension that helps"


def delivery(trial: Trial) -> str:
    """The worker delivers all the same."""
    trial.add("without an icon")
    trial.server.wait_for(lambda: trial.server.count("without an icon"), 20, "delivered")
    return "delivers all the same"


def once(trial: Trial) -> str:
    """A second start says it no more."""
    before = trial.at_rest()
    trial.nested.end("mem0tray")
    trial.start()
    try:
        trial.eyes.wait_text(_NOTICE, before, _LATE)
    except AssertionError:
        return "is not said again"
    raise AssertionError("it was said again")


STEPS: Final[dict[str, Step]] = {
    "notice": notice,
    "doctor": doctor,
    "delivery": delivery,
    "once": once,
}
