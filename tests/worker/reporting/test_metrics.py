"""What the worker tells of itself in `mem0_metrics.json`."""

import json
import time
from contextlib import closing
from pathlib import Path

from mem0tray.actions import worker_report
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import state
from mem0tray.core.events import Events
from mem0tray.core.reasons import NONE
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.other_worker import EVERY, OtherWorker
from mem0tray.worker.reporting.metrics import MetricsWriter
from tests.ledger.samples import fresh


def test_the_reason_is_told_as_text_and_as_data(tmp_path: Path) -> None:
    """A script reads the English text, a command the reason itself, whatever its words."""
    paths = Paths(tmp_path, tmp_path)
    with closing(Ledger(paths.ledger)) as ledger:
        context = WorkerContext(paths, Settings(), ledger, Events())
        breaker = context.breaker
        breaker.block("server", state.refusal("401 {Unauthorized} \ud83d", 401))
        MetricsWriter(context, OtherWorker(context)).run()
    data = paths.metrics.read_bytes()
    json.loads(data)  # as `json.tool` does
    values = items.load_object(data)
    assert values is not None
    assert values["reason"] == str(breaker.state(0.0).reason)
    assert worker_report.reason_in(values) == breaker.state(0.0).reason


def needs(metrics: MetricsWriter) -> bool:
    return metrics.needed


def test_it_is_written_again_when_something_has_changed(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    with closing(Ledger(paths.ledger)) as ledger:
        context = WorkerContext(paths, Settings(), ledger, Events())
        metrics = MetricsWriter(context, OtherWorker(context))
        assert needs(metrics)
        metrics.run()
        assert not needs(metrics)
        ledger.set_meta("a mark", 1.0)
        assert not needs(metrics)
        context.inbox.add_fresh(fresh("a"), 1.0, ask=False)
        assert needs(metrics)
        metrics.run(final=True)
        assert not needs(metrics)
        context.breaker.note_probe(healthy=True, reason=NONE)
        assert needs(metrics)
        metrics.run(final=True)
        context.destination = "elsewhere"
        assert needs(metrics)


def test_where_nothing_changes_it_is_written_after_half_a_minute(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    with closing(Ledger(paths.ledger)) as ledger:
        context = WorkerContext(paths, Settings(), ledger, Events())
        metrics = MetricsWriter(context, OtherWorker(context))
        metrics.run()
        assert metrics.wait(time.monotonic() + 20) <= EVERY - 20
