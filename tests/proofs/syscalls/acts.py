"""The scripted run, in eleven acts: the worker, and the commands that change files.

Each act can be played again after a kill: it goes on where it was, as a user would.
"""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.proofs.syscalls.stage import Stage
from tests.support import user
from tests.support.http1 import Answer
from tests.support.official import OfficialStandin
from tests.support.oracle import faults
from tests.support.processes import Process
from tests.support.shapes import Item, dead, entry, waiting
from tests.support.standin import NAMED

# The worker: what is queued, what is in the DLQ before, what becomes of it.
GOOD: Final = ("plain", "fails once", "answer lost", "in an emergency", "due letter")
BAD: Final = "always fails"
UNWANTED, WISHED = "removed by hand", "wished for by hand"
TOTALS: Final = (len(GOOD) + 1, 1)  # delivered, and moved to the DLQ
# The commands: dead letters and a waiting entry, of each kind one to be deleted.
LETTER, OTHER_LETTER = "letter", "other letter"
ENTRY, OTHER_ENTRY = "entry", "other entry"
ADDED: Final = "added"


@dataclass(frozen=True, slots=True)
class Act:
    """`prepare` sets the scene, `play` is done again after a kill; the texts say what must hold.

    `accepted`, `discarded` and `offered` as the oracle has them; `unsent` never reach the server,
    `delivered` must; `dlq` is what the DLQ holds at the end. `there`: what an official server, in
    the place of ours, has then, each once; only this is judged.
    """

    prepare: Callable[[Stage], None]
    play: Callable[[Stage], None]
    accepted: Sequence[str]
    discarded: Sequence[str] = ()
    offered: Sequence[str] = ()
    unsent: Sequence[str] = ()
    delivered: Sequence[str] = ()
    dlq: Sequence[str] | None = None
    there: Sequence[str] | None = None

    def judge(self, stage: Stage) -> list[str]:
        home, server = stage.home, stage.server
        if isinstance(server, OfficialStandin):
            has, wanted = server.kept(), sorted(self.there or ())
            return [] if has == wanted else [f"the server has {has} and not {wanted}"]
        accepted = [*self.accepted, *stage.promised]
        told = faults(home, server, accepted, discarded=self.discarded, offered=self.offered)
        told += [f"sent all the same: {text}" for text in self.unsent if server.count(text)]
        wanted = [*self.delivered, *stage.promised]
        told += [f"not delivered: {text}" for text in server.missing(wanted)]
        if self.dlq is not None and home.dlq_texts() != sorted(self.dlq):
            told.append(f"the DLQ holds {home.dlq_texts()}")
        return told


# The worker -----------------------------------------------------------------------------


def _worker_before(stage: Stage) -> None:
    """A ledger that is not new: at the very first start all is asked about before it is sent."""
    stage.home.drain()
    _first_start_before(stage)


def _first_start_before(stage: Stage) -> None:
    home, server = stage.home, stage.server
    server.script(Answer(500), content=BAD, forever=True)
    server.script(Answer(500), content="fails once")
    server.script(Answer(reset=True, stores=True), content="answer lost")
    home.write_queue([entry(BAD), *(entry(text) for text in GOOD[:3])])
    home.write_emergency([entry(GOOD[3])])
    home.write_dlq([dead(GOOD[4], retry_count=2), waiting(UNWANTED), waiting(WISHED)])


def _worker(stage: Stage) -> None:
    """Work through the files, merge what the user does with the DLQ, leave when asked to."""
    home, server = stage.home, stage.server
    worker = stage.start("run")

    def delivered() -> bool:
        return (
            not server.missing(GOOD)
            and not home.queue_items()
            and home.dlq_texts() == sorted([BAD, UNWANTED, WISHED])
        )

    if "edited" not in stage.remembered:
        stage.until(worker, delivered, "delivered, and the one that fails in the DLQ")
        user.edit(home, _by_hand)
        stage.remembered["edited"] = "by hand"

    def merged() -> bool:
        return (
            server.count(WISHED) > 0
            and home.dlq_texts() == [BAD]
            and not home.queue_items()
            and (home.stats()["total_synced"], home.stats()["total_failed"]) == TOTALS
        )

    stage.until(worker, merged, "the edit merged, all of it delivered and counted")
    # One that was started again may find nothing to do: not before it listens to signals.
    stage.until(worker, lambda: _is_up(stage, worker), "metrics published")
    worker.signal(signal.SIGTERM)
    assert stage.end(worker) == 0, worker.err


def _is_up(stage: Stage, worker: Process) -> bool:
    return bool(stage.home.read(stage.home.metrics, {}).get("pid") == worker.pid)


def _by_hand(document: Item) -> None:
    document["items"] = [item for item in document["items"] if item["content"] != UNWANTED]
    for item in document["items"]:
        if item["content"] == WISHED:
            item["last_attempt"] = 0


# The commands ---------------------------------------------------------------------------


def _files_with_a_ledger(stage: Stage, *, dead: bool = True) -> None:
    """A worker has taken everything in; the server is down, so that the entries wait."""
    home = stage.home
    stage.server.health = Answer(503)
    items = {text: entry(text) for text in (ENTRY, OTHER_ENTRY)}
    items |= {text: waiting(text) for text in (LETTER, OTHER_LETTER) if dead}
    stage.remembered |= {text: item["id"] for text, item in items.items()}
    home.write_queue([items[ENTRY], items[OTHER_ENTRY]])
    home.write_dlq([items[text] for text in (LETTER, OTHER_LETTER) if dead])
    home.drain()


def _rest(stage: Stage) -> None:
    official = isinstance(stage.server, OfficialStandin)
    stage.server.health = Answer(body={"needsSetup": False}) if official else NAMED
    stage.home.drain()


def _again(stage: Stage, *arguments: str) -> None:
    """Run a command; after a kill it may find that there is nothing left to do."""
    if not stage.killed and not stage.ended_early:
        stage.command(*arguments)
    else:
        code = stage.end(process := stage.start(*arguments))
        assert code in (0, 1), process.err


def _delete(stage: Stage) -> None:
    """Delete a dead letter and an entry; what a kill left undone is deleted anew, one by one."""
    ids = [stage.remembered[text] for text in (LETTER, ENTRY)]
    if stage.killed or stage.ended_early:
        for each in ids:
            _again(stage, "delete", each, "--yes")
    else:
        stage.command("delete", *ids, "--yes")
    _rest(stage)


def _deletion_before(stage: Stage) -> None:
    _files_with_a_ledger(stage)
    ids = [stage.remembered[text] for text in (LETTER, ENTRY)]
    stage.home.ok("delete", *ids, "--yes")


def _deletion(stage: Stage) -> None:
    stage.end(stage.start("run", "--until-idle"))
    _rest(stage)


def _restore_before(stage: Stage) -> None:
    _deletion_before(stage)
    stage.home.drain()


def _edit_before(stage: Stage, *, dead: bool = True) -> None:
    _files_with_a_ledger(stage, dead=dead)
    editor = stage.home.root / "editor"
    editor.write_text('#!/bin/sh\nprintf %s "$NEW_TEXT" > "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    stage.home.env |= {"EDITOR": str(editor), "VISUAL": str(editor)}


def _edit(stage: Stage) -> None:
    for old in (LETTER, ENTRY):
        stage.home.env["NEW_TEXT"] = f"new {old}"
        _again(stage, "edit", stage.remembered[old])
    stage.home.ok("retry", "--all")
    _rest(stage)


def _command(*arguments: str) -> Callable[[Stage], None]:
    def play(stage: Stage) -> None:
        stage.command(*arguments)
        _rest(stage)

    return play


def _add_before(stage: Stage) -> None:
    stage.home.write_queue([entry(ENTRY)])


def _add(stage: Stage) -> None:
    if "tried" not in stage.remembered:
        stage.remembered["tried"] = "once"
        stage.command("add", "--project", "alpha", ADDED)
        stage.promised.append(ADDED)
    _rest(stage)


# What the server has ----------------------------------------------------------------------


def _delivered_before(stage: Stage) -> None:
    _edit_before(stage, dead=False)
    stage.home.env["NEW_TEXT"] = f"new {ENTRY}"
    _rest(stage)
    for each in stage.home.json("recall", "-p", "alpha")["memories"]:
        stage.remembered[each["memory"]] = each["id"]


def _delete_there(stage: Stage) -> None:
    """Delete, again after a kill; then nothing but `restore` brings it back."""
    _again(stage, "delete", "--yes", stage.remembered[ENTRY])
    _unhelped(stage)
    _restored(stage)


def _delete_there_once(stage: Stage) -> None:
    """Delete; after a kill the user thinks better of it."""
    if "tried" not in stage.remembered:
        stage.remembered["tried"] = "once"
        stage.command("delete", "--yes", stage.remembered[ENTRY])
    _restored(stage)


def _correct(stage: Stage) -> None:
    _again(stage, "edit", stage.remembered[ENTRY])
    _unhelped(stage)


def _unhelped(stage: Stage) -> None:
    """Do what might bring back what is deleted."""
    assert isinstance(stage.server, OfficialStandin)
    stage.home.run("verify", "--requeue")
    _rest(stage)
    assert ENTRY not in stage.server.kept()


def _restored(stage: Stage) -> None:
    _rest(stage)
    for backup in sorted(stage.home.claude.glob("mem0_queue_dlq.backup-*.json")):
        stage.home.ok("restore", backup.name)
    _rest(stage)


_WORKER: Final = (_worker, (*GOOD, BAD, UNWANTED, WISHED), [UNWANTED], (), [UNWANTED])
_FOUR: Final = (LETTER, OTHER_LETTER, ENTRY, OTHER_ENTRY)
_TWO: Final = (LETTER, ENTRY)
_GONE: Final = (_FOUR, _TWO, (), _TWO, (), [OTHER_LETTER])
_NEW: Final = tuple(f"new {old}" for old in _TWO)
ACTS: Final = {
    "worker": Act(_worker_before, *_WORKER),
    "first start": Act(_first_start_before, *_WORKER),
    "delete": Act(_files_with_a_ledger, _delete, *_GONE),
    "deletion": Act(_deletion_before, _deletion, *_GONE),
    "restore": Act(
        _restore_before,
        _command("restore"),
        _FOUR,
        delivered=(ENTRY, OTHER_ENTRY),
        dlq=(LETTER, OTHER_LETTER),
    ),
    "edit": Act(
        _edit_before,
        _edit,
        (OTHER_LETTER, OTHER_ENTRY, *_NEW),
        offered=_TWO,
        unsent=_TWO,
        delivered=_NEW,
    ),
    "retry": Act(_files_with_a_ledger, _command("retry", "--all"), _FOUR, delivered=_FOUR),
    "delete there": Act(_delivered_before, _delete_there, (), there=(ENTRY, OTHER_ENTRY)),
    "delete there once": Act(_delivered_before, _delete_there_once, (), there=(ENTRY, OTHER_ENTRY)),
    "correct": Act(_delivered_before, _correct, (), there=(f"new {ENTRY}", OTHER_ENTRY)),
    "add": Act(_add_before, _add, (ENTRY,), offered=(ADDED,), delivered=(ENTRY,)),
}
