"""What the user has deleted, so that nobody who has it from elsewhere queues it again."""

import os
from collections.abc import Collection

from mem0tray.core import item as items
from mem0tray.files import orders
from mem0tray.system.paths import Paths


def among(paths: Paths, names: Collection[items.Name]) -> set[items.Name]:
    """Those of these memories that the user has deleted, or given another text."""
    found = orders.discarded(paths.orders) & set(names)
    if not os.path.exists(paths.ledger):  # noqa: PTH110  (Path.exists() raises where it may not look)
        return found
    from mem0tray.ledger.reader import Reader  # slow to import

    with Reader(paths.ledger) as reader:
        known = {name: reader.known(*name) for name in names}
    return found | {name for name, row in known.items() if row and row.state == items.DISCARDED}
