"""What the user has deleted, so that nobody who has it from elsewhere queues it again."""

from collections.abc import Collection

from mem0tray.core import item as items
from mem0tray.files import orders
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


def among(paths: Paths, names: Collection[items.Name]) -> set[items.Name]:
    """Those of these memories that the user has deleted, or given another text."""
    unheard = orders.given_up(paths.orders)
    with Reader(paths.ledger) as reader:
        known = {name: reader.known(*name) for name in names}
    return {
        name
        for name, row in known.items()
        if name in unheard or (row is not None and row.state == items.DISCARDED)
    }
