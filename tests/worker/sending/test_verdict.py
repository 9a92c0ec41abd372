"""What is told of a delivery that came after its memory was discarded."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.core.item import EDITED
from mem0tray.core.state import Gate
from mem0tray.ledger.database import Ledger
from mem0tray.server import Answer, Kind
from mem0tray.system.paths import Paths
from mem0tray.worker.context import Core
from mem0tray.worker.sending.verdict import Verdicts
from mem0tray.worker.telling.log import describe
from tests.worker.test_other_worker import NOW, entry


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (EDITED, ["Edited too late, the old text had been sent: p (ID: m1...)"]),
        ("deleted", ["Deleted too late, it had been sent: p (ID: m1...)"]),
        ("", []),
    ],
)
def test_a_delivery_that_beats_what_the_user_did(
    tmp_path: Path, reason: str, told: list[str]
) -> None:
    """An edit that came during the request is not told as a deletion."""
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        core = Core(Paths(tmp_path, tmp_path), Settings(), ledger, Events(), "http://here")
        key = core.inbox.add_fresh(entry(1), NOW, ask=False)
        job = core.outbox.claim(key, NOW)
        if reason:
            core.inbox.discard([key], NOW, reason)
        verdicts = Verdicts(core, Gate(), lambda: None)
        happened = verdicts.apply(
            job, Answer(Kind.DELIVERED, 200, ""), "http://here", NOW, canary=False
        )
        said = [describe(event) or "" for event in happened[1:]]
    assert [line.removeprefix("ℹ️ ") for line in said] == told
