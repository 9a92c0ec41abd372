"""The window in a real browser, which the desktop opens: what a new user does there at first.

All is done with mouse and keyboard, on what tesseract reads off the screen.
"""

from typing import Final

from tests.desktops.steps import Step, icon
from tests.desktops.trial import Trial
from tests.support.http1 import Answer

_WRONG: Final = "The shop on the corner closses at six."
_RIGHT: Final = "The shop on the corner closes at six."
_OTHER: Final = "The bakery opens on the third of May."
_PAPER: Final = (640, 560)  # a place on the page
_WHEEL, _TURNS = 5, 9  # the button of a turn towards the user; how many lead to the end
_WITHIN: Final = 12  # pixels from the end of a word to what is surely in it
_PAGE: Final = 60.0  # seconds for a browser that starts for the first time, and its reader


def _click(trial: Trial, words: str) -> None:
    """Click on the last of these words, as the others may stand in other places, too."""
    place = trial.eyes.wait_text(words, trial.blank, _PAGE)
    trial.nested.screen.mouse(place.right - _WITHIN, place.middle.y)


def _shows(trial: Trial, *phrases: str) -> None:
    for phrase in phrases:
        trial.eyes.wait_text(phrase, trial.blank, _PAGE)


def _refused(trial: Trial, text: str, why: str) -> None:
    trial.server.script(Answer(422, {"detail": why}), content=text, forever=True)
    with trial.told("Moved to DLQ"):
        trial.add(text, "errands")
        trial.wait_letters(1)


def opened(trial: Trial) -> str:
    _refused(trial, _WRONG, "unknown word: closses")
    trial.activate()
    _shows(trial, "1 memory is not delivered yet")
    return "a click on the icon opens it in the browser"


def understood(trial: Trial) -> str:
    _click(trial, "Memories Not delivered")
    _shows(trial, "corner closses at six", "unknown word")
    return "shows the text, and what the server says"


def corrected(trial: Trial) -> str:
    _click(trial, "Correct")
    _shows(trial, "Correct the text")
    _click(trial, "corner closses at six")
    trial.nested.screen.keys("ctrl+a")
    trial.nested.screen.write(_RIGHT)
    _shows(trial, "corner closes at")  # the mouse may cover the last word
    trial.shoot("before it is corrected")
    trial.nested.screen.keys("Tab", "Return")  # “Save and send”, which the reader may not read
    trial.server.wait_for(lambda: trial.server.count(_RIGHT), what="the text is delivered")
    trial.wait_letters(0)
    assert not trial.server.count(_WRONG)
    _shows(trial, "the old text is kept", "Every memory is delivered")
    return "the text is corrected, and delivered"


def deleted(trial: Trial) -> str:
    _refused(trial, _OTHER, "no bakeries")
    for _ in range(_TURNS):  # what is said of the last act stands above the list
        trial.nested.screen.mouse(*_PAPER, _WHEEL)
    _shows(trial, "bakery opens on the third")  # by itself
    _click(trial, "Correct")
    _shows(trial, "Correct the text")  # the page below has a button of that name, too
    _click(trial, "Back up and delete")
    _shows(trial, "Delete 1 memory")
    trial.shoot("before it is deleted")
    trial.nested.screen.keys("shift+Tab", "Return")  # “Cancel” has the focus
    trial.wait_letters(0)
    _shows(trial, "1 memory is deleted")
    return "asks with number and text, and deletes"


def restored(trial: Trial) -> str:
    _click(trial, "a copy is kept. Undo")
    trial.wait_letters(1)
    assert [each["content"] for each in trial.letters()] == [_OTHER]
    assert not trial.server.count(_OTHER)
    _shows(trial, "1 memory is back", "bakery opens on the third")
    return "“Undo” puts it back"


STEPS: Final[dict[str, Step]] = {
    "icon": icon,
    "opened": opened,
    "understood": understood,
    "corrected": corrected,
    "deleted": deleted,
    "restored": restored,
}
