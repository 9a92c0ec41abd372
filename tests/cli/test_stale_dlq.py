"""The commands where the DLQ file could not be rewritten, and no worker runs."""

import time

from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.shapes import waiting


def test_what_was_delivered_is_no_dead_letter_to_any_command(home: Scratch) -> None:
    """Counted, listed and diagnosed is what is still to be delivered; the other was delivered."""
    home.env(MEM0TRAY_SERVER_URL="https://server.test")
    letters = [waiting(name, id=f"{name}-1111-{name}") for name in ("sent", "left")]
    home.write("mem0_queue_dlq.json", {"items": letters, "last_update": "x"})
    with worker(home.paths) as context:
        (row,) = context.inbox.by_ids(["sent-1111-sent"])["sent-1111-sent"]
        context.outbox.record_delivery(row.key, "https://server.test", time.time())
    assert "sent" in home.paths.dlq.read_text()
    assert home.run("status", "--json").json()["dlq"] == 1
    assert [each["content"] for each in home.run("list", "--json").json()] == ["left"]
    assert home.run("stats", "--json").json()["dead"] == 1
    assert sum(each["count"] for each in home.run("diagnose", "--json").json()) == 1
    assert "left-111" in home.ok("diagnose", "left")
    assert "delivered on" in home.ok("diagnose", "sent")
