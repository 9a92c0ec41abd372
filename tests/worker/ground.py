"""The ground on which the worker's parts stand in tests: its context, with a ledger of its own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mem0tray.config.settings import Settings
from mem0tray.core.events import Event, Events
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from tests.ledger.samples import HERE


@contextmanager
def grounded(
    folder: Path, settings: Settings | None = None, server: str = HERE, **more: Any
) -> Iterator[WorkerContext]:
    """The context of a worker that serves `folder`, with a new ledger, closed at the end."""
    paths = Paths(folder, folder / "data")
    with closing(Ledger(paths.ledger)) as ledger:
        yield WorkerContext(paths, settings or Settings(), ledger, Events(), server, **more)


def told_on(context: WorkerContext) -> list[Event]:
    """The events on a ground, from now on."""
    told: list[Event] = []
    context.events.subscribe(told.append)
    return told
