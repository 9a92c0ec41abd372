"""The protocols: each thing that the program does to files, done once and recorded."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.proofs.crash_states.take import SETTING, Take, Word
from tests.support import user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.machine import WallClock
from tests.support.shapes import dead, entries, entry, queue_document, texts, waiting
from tests.support.standin import NAMED

DOWN: Final = Answer(503)
_DAY: Final = 86_400
_GOING: Final = ("queued", "dead")
_FOUR: Final = ("stays queued", "stays dead", *_GOING)


def queue(take: Take) -> None:
    """Entries are taken in, delivered, and taken out of the queue file."""
    fresh = entries(4)
    take.home.write_queue(fresh)
    take.begin()
    take.tell(Word.ACCEPTED, *texts(fresh))
    take.run("run", "--until-idle")


def intake(take: Take) -> None:
    """Producers write without an fsync, in place too; what the worker has taken in lasts."""
    take.server.health = DOWN
    take.home.write_queue(entries(2))
    take.home.drain()
    take.begin()
    take.tell(Word.ACCEPTED, *texts(take.home.queue_items()))
    for label, how in (("beta", []), ("gamma", ["--replace"])):
        wrote = [f"{label} wrote {n}" for n in range(2)]
        take.tell(Word.OFFERED, *wrote)
        take.producer("--label", label, "--count", "2", *how)
        take.run("run", "--until-idle", code=1)
        take.tell(Word.ACCEPTED, *wrote)
    take.server.health = NAMED
    take.run("run", "--until-idle")


def dlq(take: Take) -> None:
    """Five failures make a dead letter, others recover or fail again; then all are retried."""
    home, server = take.home, take.server
    home.write_queue([entry("moves"), entry("goes")])
    home.write_dlq([dead("recovers"), dead("fails again"), waiting("waits")])
    for text in ("moves", "fails again"):
        server.script(Answer(500), content=text, forever=True)
    take.begin()
    take.tell(Word.ACCEPTED, "moves", "goes", "recovers", "fails again", "waits")
    take.run("run", "--until-idle", code=1)
    server.clear_scripts()
    take.run("retry", "--all")
    take.run("run", "--until-idle")


def emergency(take: Take) -> None:
    """Emergency lines are read, the file is renamed, and removed after a day."""
    home, server = take.home, take.server
    lines = entries(3, "line")
    home.write_emergency(lines)
    _age(home.emergency, 3 * _DAY)
    server.health = DOWN
    clock = WallClock(home.root.parent)
    clock.jump(-2 * _DAY)
    take.begin()
    take.tell(Word.ACCEPTED, *texts(lines))
    take.run("run", "--until-idle", code=1, env=clock.env)
    take.run("run", "--until-idle", code=1)
    server.health = NAMED
    take.run("run", "--until-idle")


def _age(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def _write_two_of_each(take: Take) -> None:
    take.home.write_queue([entry("stays queued"), entry("queued")])
    take.home.write_dlq([waiting("stays dead"), waiting("dead")])


def _two_of_each(take: Take) -> None:
    """Let a worker take in two dead letters and two entries, while the server is down."""
    _write_two_of_each(take)
    take.server.health = DOWN
    take.home.drain()


def _ids(home: Home) -> list[str]:
    items = [*home.queue_items(), *home.dlq_items()]
    return [item["id"] for item in items if item["content"] in _GOING]


def _delete(take: Take) -> None:
    take.begin()
    take.tell(Word.ACCEPTED, *_FOUR)
    take.tell(Word.DELETING, *_GOING)
    take.run("delete", "--yes", *_ids(take.home))
    take.tell(Word.DELETED, *_GOING)
    take.run("run", "--until-idle", code=1)


def delete(take: Take) -> None:
    """A dead letter and a waiting entry are backed up, then deleted; the worker merges that."""
    _two_of_each(take)
    _delete(take)


def delete_unseen(take: Take) -> None:
    """Memories that no worker has taken in yet are backed up, then deleted."""
    _write_two_of_each(take)
    _delete(take)


def delete_at_once(take: Take) -> None:
    """A worker dies when it has just made a dead letter, which is then deleted."""
    home = take.home
    home.write_queue([entry("dead")])
    take.server.script(Answer(500), content="dead", forever=True)
    take.begin()
    take.tell(Word.ACCEPTED, "dead")
    take.kill_worker_when(lambda: home.dlq_texts() == ["dead"] and not home.queue_items())
    take.tell(Word.DELETING, "dead")
    take.run("delete", "--yes", home.dead_letter("dead")["id"])
    take.tell(Word.DELETED, "dead")
    take.server.health = DOWN
    take.run("run", "--until-idle")


def restore(take: Take) -> None:
    """What was deleted is put back; the worker merges that."""
    _two_of_each(take)
    take.home.ok("delete", "--yes", *_ids(take.home))
    take.home.drain()
    take.begin()
    take.tell(Word.ACCEPTED, *_FOUR)
    for word in (Word.DELETING, Word.DELETED, Word.RESTORING):
        take.tell(word, *_GOING)
    take.run("restore")
    take.tell(Word.RESTORED, *_GOING)
    take.run("run", "--until-idle", code=1)


def hand_edit(take: Take) -> None:
    """A script empties the DLQ file and writes it again, with one item less and the rest due."""
    _two_of_each(take)
    take.begin()
    take.tell(Word.ACCEPTED, *_FOUR)
    take.tell(Word.DELETING, "dead")
    take.script(
        f"{user.OPEN}\n"
        "data['items'] = [{**item, 'last_attempt': 0} for item in data['items']"
        " if item['content'] != 'dead']\n"
        "json.dump(data, open(p, 'w'), indent=2)\n"
    )
    take.run("run", "--until-idle", code=1)
    take.tell(Word.DELETED, "dead")
    take.server.health = NAMED
    take.run("run", "--until-idle")


def salvage(take: Take) -> None:
    """Queue and DLQ file are torn: what is broken is kept, what is whole in it is taken in."""
    _two_of_each(take)
    home = take.home
    fresh = [*home.queue_items(), entry("new"), entry("torn")]
    home.dump(home.queue, queue_document(fresh, last_100=[]))
    home.dump(home.dlq, {"items": [*home.dlq_items(), waiting("new dead"), waiting("torn dead")]})
    for path in (home.queue, home.dlq):
        data = path.read_bytes()
        path.write_bytes(data[: data.rindex(b"torn") + 2])
    _age(home.queue, 60)
    _age(home.dlq, 60)
    take.begin()
    take.tell(Word.ACCEPTED, *_FOUR, "new", "new dead")
    take.run("run", "--until-idle", code=1)
    take.server.health = NAMED
    take.run("run", "--until-idle", code=1)


def ledger(take: Take) -> None:
    _two_of_each(take)
    worker = take.home.worker()
    worker.kill()
    broken = take.home.ledgers()[0]
    with broken.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (broken.stat().st_size - 4096))
    take.begin()
    take.tell(Word.ACCEPTED, *_FOUR)
    take.run("run", "--until-idle", code=1)
    take.server.health = NAMED
    take.run("run", "--until-idle", code=1)


def _add(take: Take, *added: str) -> None:
    take.begin()
    for text in added:
        take.tell(Word.OFFERED, text)
        take.run("add", "--project", "alpha", text)
        take.tell(Word.ACCEPTED, text)


def add(take: Take) -> None:
    """The very first `add` makes the folder, the next ones rewrite the queue file."""
    take.home.claude.rmdir()
    _add(take, "first", "second", "third")


def add_emergency(take: Take) -> None:
    """Beside a queue file that cannot be read whole, `add` appends to the emergency file."""
    take.home.queue.write_text('{"queue": [')
    _add(take, "first", "second")


def settings(take: Take) -> None:
    """`config set` makes the file, then changes it."""
    take.begin()
    values = ("", "mail -s one", "mail -s two")
    take.tell(Word.SETTING, values[0])
    for old, new in pairwise(values):
        take.tell(Word.SETTING, new)
        take.run("config", "set", SETTING, new)
        take.tell(Word.UNSET, old)


def local_server(take: Take) -> None:
    take.begin()
    for text in ("one", "two", "three"):
        take.keep(text)
        take.tell(Word.KEPT, text)


_ALL: Final = (
    intake, dlq, hand_edit, ledger, queue, emergency, delete, delete_unseen, delete_at_once,
    restore, salvage, add, add_emergency, settings, local_server,
)  # fmt: skip
PROTOCOLS: Final[dict[str, Callable[[Take], None]]] = {
    each.__name__.replace("_", "-"): each for each in _ALL
}
