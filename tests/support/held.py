"""Entries that another worker has perhaps delivered, to a server that cannot tell."""

from tests.support.home import Home
from tests.support.processes import Process
from tests.support.shapes import Item, entries
from tests.support.standin import Standin


def taken_in_while_paused(home: Home, queue: list[Item]) -> Process:
    home.ok("pause")
    home.write_queue(queue)
    return home.worker(queue_size=len(queue))


def named(home: Home) -> bool:
    """Tell whether our state has named another worker; its own metrics hide ours half the time."""
    return "action needed (another worker" in home.log_text()


def gone(home: Home) -> bool:
    return home.state()[0] in {"healthy", "paused"}


def held(home: Home, server: Standin, count: int = 3) -> list[Item]:
    server.can_be_asked = False
    memories = entries(count)
    taken_in_while_paused(home, memories)
    home.write_metrics(pid=999_999_999)
    home.wait(lambda: named(home), what="named")
    home.write_queue([])
    home.wait(lambda: home.json("status")["held"] == count, what="held")
    home.ok("resume")
    home.wait(lambda: gone(home), what="gone")
    assert server.saves == []
    return memories
