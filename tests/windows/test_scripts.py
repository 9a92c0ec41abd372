"""The user's own scripts on Windows, where Python opens a file in the system's code page."""

import json
from typing import Final

from tests.support import needs, user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import entry
from tests.support.standin import Standin

pytestmark = needs.RULES_OF_WINDOWS

# One letter that the code page has otherwise, and one whose bytes it does not have at all.
TEXT: Final = "“Größe” → 5 €, ça va 😀"


def test_a_text_of_any_letters_outlasts_a_script(home: Home, server: Standin) -> None:
    home.env["MEM0TRAY_SYNC_MAX_ATTEMPTS"] = "1"
    server.script(Answer(500), content=TEXT)
    document = {"queue": [entry(TEXT, "Müller")]}
    home.queue.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    home.drain()
    assert home.dlq_texts() == [TEXT]
    assert "Müller" in home.script(user.COUNT_BY_PROJECT)
    home.script(user.RETRY_ALL)
    home.drained()
    assert server.stored == [("Müller", TEXT)]


def test_a_json_document_in_a_pipe_is_utf_8(home: Home) -> None:
    home.write_queue([entry(TEXT, "Müller")])
    env = {"PYTHONIOENCODING": ""}
    (shown,) = home.json("list", "--queue", env=env)
    assert shown["project_id"] == "Müller"
