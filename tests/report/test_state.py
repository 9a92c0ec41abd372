"""The state in words."""

import math
from typing import Any

import pytest

from mem0tray.actions.standing import Overview
from mem0tray.config import server_choice
from mem0tray.config.settings import ServerSettings
from mem0tray.core import reasons
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.report.model import Tone
from mem0tray.report.redaction import Cleaner
from mem0tray.report.state import headline

_NOW = 1_764_500_000.0


def _headline(language: str = "en", **fields: Any) -> tuple[Tone, str, str, str]:
    seen = Overview(**fields)
    made = headline(seen, _NOW, Language(language), Cleaner(ServerSettings()))
    return made.tone, made.text, made.sentence, made.reason


@pytest.mark.parametrize(
    ("fields", "tone", "text"),
    [
        ({"state": "healthy"}, Tone.GOOD, "Ready for the first memory"),
        ({"state": "healthy", "last_delivery": 1.0}, Tone.GOOD, "Every memory is delivered"),
        ({"state": "healthy", "totals": {"synced": 1}}, Tone.GOOD, "Every memory is delivered"),
        ({"state": "healthy", "queue": 2}, Tone.GOOD, "Memories are being delivered"),
        (
            {"state": "healthy", "queue": 2, "dlq": 1},
            Tone.WARN,
            "1 dead letter waits for its next try",
        ),
        (
            {"state": "healthy", "dlq": 1234},
            Tone.WARN,
            "1,234 dead letters wait for their next try",
        ),
        ({"state": "down"}, Tone.BAD, "The server is down"),
        ({"state": "action needed"}, Tone.BAD, "Action needed"),
        ({"state": "action needed", "reason": server_choice.CHOOSE}, Tone.BAD, "Choose a server"),
        ({"state": "paused"}, Tone.CALM, "Deliveries take a break"),
        ({"state": "paused", "pause": math.inf}, Tone.CALM, "Deliveries are paused"),
        ({"state": "not running"}, Tone.OFF, "mem0tray is not running"),
        ({"state": "starting"}, Tone.OFF, "mem0tray is starting"),
        ({"state": "from a later version"}, Tone.OFF, "mem0tray is starting"),
    ],
)
def test_each_state_has_its_words_and_colour(fields: dict[str, Any], tone: Tone, text: str) -> None:
    """One headline for each state, by what waits too."""
    assert _headline(**fields)[:2] == (tone, text)


def test_the_reason_is_given_where_something_is_wrong() -> None:
    """Down and action needed say why, in one harmless line; other states do not."""
    assert _headline(state="down", reason=reasons.quoted("refused\n\x1b[0m"))[3] == "refused [0m"
    assert _headline(state="action needed", reason=reasons.quoted("stop it"))[3] == "stop it"
    assert _headline(state="paused", reason=reasons.quoted("paused by you"))[3] == ""


def test_the_reason_is_in_the_users_language() -> None:
    """Though the worker words it in English."""
    assert (
        _headline("fr", state="down", reason=reasons.sentence(Reason("connection refused")))[3]
        == "Connexion refusée."
    )


def test_a_pause_says_until_when() -> None:
    """A time of day when it is near, its date too when it is far."""
    near = _headline(state="paused", pause=_NOW + 60)[2]
    assert "until" in near
    assert "2025" not in near
    assert "2025" in _headline(state="paused", pause=_NOW + 86_400)[2]
    assert "until you resume" in _headline(state="paused", pause=math.inf)[2]


def test_what_waits_is_kept_safe() -> None:
    """Without a worker it matters whether anything waits."""
    assert "kept safe" in _headline(state="not running", dlq=1)[2]
    assert "Nothing waits" in _headline(state="not running")[2]
