"""What the page shows is counted as everywhere else."""

import time

from mem0tray.config.settings import load
from mem0tray.report import gathering
from mem0tray.report.gathering import Gathered
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support.shapes import dead, entry, queue_document


def _gathered() -> Gathered:
    return gathering.gather(load().settings, time.time())


def test_the_dlq_has_one_size(home: Scratch) -> None:
    """The chart's "now" is that of `status`: what makes no sense counts, with an id or without."""
    home.write("mem0_queue_dlq.json", {"items": [dead("a"), {"id": "odd"}, None, 7]})
    with worker(home.paths):
        pass
    seen = _gathered()
    assert seen.past is not None
    assert seen.past.dead_now == seen.overview.dlq == 4
    assert seen.nonsense == 3


def test_what_waits_is_what_status_counts(home: Scratch) -> None:
    """Not what the queue file shows still of the delivered."""
    home.write("mem0_queue.json", queue_document([entry("sent"), entry("left")]))
    with worker(home.paths) as context:
        context.outbox.record_delivery(min(context.inbox.fresh_entries()), "s", time.time())
    seen = _gathered()
    assert [(each.project, each.fresh) for each in seen.projects] == [("alpha", 1)]
    assert seen.overview.queue == 1
