"""The texts of delivered memories that files here still hold."""

from mem0tray.actions.in_step import keep_in_step
from mem0tray.actions.verify import known_texts
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.system.paths import Paths
from tests.actions.scene import write, write_dlq
from tests.support.shapes import dead, emergency_lines, entry, queue_document


def test_every_file_that_may_hold_a_text_is_looked_into(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("queue")], last_100=[entry("recent")]))
    write(paths.queue_backup, queue_document([entry("before")]))
    write_dlq(paths, [dead("dead")])
    write(paths.dlq_backup, {"items": [dead("copied")]})
    paths.emergency.write_text(emergency_lines([entry("hurried")]), "utf-8")
    paths.quarantine.mkdir(parents=True)
    write(paths.quarantine / "x-20250101T000000-abc.json", {"queue": [entry("odd")]})
    keep_in_step(paths, Settings())
    known = known_texts(paths)
    where = {
        "queue": "the queue file",
        "recent": "last_100 in mem0_queue.json",
        "before": "mem0_queue_backup.json",
        "dead": "the DLQ file",
        "copied": "mem0_queue_dlq.backup.json",
        "hurried": "the queue file",
        "odd": "the quarantine",
    }
    for text, place in where.items():
        found = known[items.digest("alpha", text)]
        assert (found.item.content, found.place) == (text, place)
    assert items.digest("beta", "queue") not in known
