"""A text that a server repeats in an answer too long to be read whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core import jsontext
from mem0tray.server.mem0_client import repeats
from mem0tray.server.model import Fault, Memory, Reply

_TEXTS = st.text(
    st.sampled_from('ab\\"/\n\x00uUdD89é«€😀\ud800\udc00\udbff'), min_size=12, max_size=60
)


def _cut(text: str, end: int, *, escapes: bool) -> Reply:
    """Make an answer with this text of which half ends at byte `end` behind the text's quote."""
    raw = jsontext.encode(json.dumps(text, ensure_ascii=escapes))
    body = b'{"results": [{"memory": ' + raw
    half = len(body) - len(raw) + 1 + end
    return Reply(200, {}, body[:half].ljust(2 * half, b"x"), 0.0, Fault.TOO_LONG)


@given(_TEXTS, st.booleans(), st.integers(min_value=12, max_value=30))
def test_wherever_the_answer_is_cut_its_beginning_counts(
    text: str,
    escapes: bool,  # noqa: FBT001
    end: int,
) -> None:
    """No character and no escape is in the way."""
    whole = json.loads(json.dumps(text))  # two halves that met are one character
    end = min(end, len(jsontext.encode(json.dumps(text, ensure_ascii=escapes))) - 2)
    assert repeats(_cut(text, end, escapes=escapes), Memory("p", whole, "k"))
    assert not repeats(_cut(f"z{text}", end, escapes=escapes), Memory("p", whole, "k"))


_TEXT = b'{"results": [{"memory": "oak oak oak oak ' + b"x" * 40


@pytest.mark.parametrize(
    ("status", "fault", "body"),
    [
        (200, Fault.TOO_LONG, b""),
        (200, Fault.TOO_LONG, b'{"results": [{"memory": ' * 2),
        (200, Fault.TOO_LONG, b"<html>" * 20),
        (200, None, _TEXT),
        (500, Fault.TOO_LONG, _TEXT),
    ],
)
def test_what_is_no_long_answer_with_a_text_repeats_none(
    status: int, fault: Fault | None, body: bytes
) -> None:
    """Only the beginning of a success does."""
    memory = Memory("p", "oak " * 9, "k")
    assert not repeats(Reply(status, {}, body, 0.0, fault), memory)
    assert repeats(Reply(200, {}, _TEXT, 0.0, Fault.TOO_LONG), memory)
