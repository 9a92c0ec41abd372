"""What a user does to memories that wait: delete, edit, restore, retry.

Each leaves an order (`submit` of `actions.one_writer`), which no sender overtakes. A running worker
carries it out in its next cycle (`carry_out` of `worker.orders`): it changes the ledger in one
transaction, answers, and has both files written; the command waits two seconds for the answer. If
no worker runs, the command does the same by the same code, under the worker's lock (`stand_in` of
`actions.one_writer`). An error leaves all as it was. What a server has: `server_memories`; the
files that are searched for a text that is to be forgotten: `forget`.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mem0tray.actions import backups, look_up, waiting, worker_report
from mem0tray.actions.backups import RestoreSource
from mem0tray.actions.one_writer import submit, worker_runs
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem, WaitingItems
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.item import Item, Name
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED
from mem0tray.core.text import short_id
from mem0tray.files import document, orders
from mem0tray.files.orders import DELIVERED, DONE, GONE, IN_FLIGHT, PERHAPS, THERE, Order, Text
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.core.language import Language

# For an order that the worker has not applied in time.
NOT_HEARD: Final = (
    "The worker has not heard of it yet; it does before it sends anything more."
    " `mem0tray doctor` says whether it is well."
)
BUSY: Final = Reason("mem0tray is busy; it does this before it sends anything.")  # for people
FAILED: Final = "failed"
DELETED: Final = "deleted"
WAITING: Final = "waiting"
_CALLED: Final = 1000  # memories that are called by their shortest names
_LOOK: Final = 0.05  # seconds
_HINDERED: Final = 3.0  # seconds in which the worker may find out that things go again


# Delete -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Deleted:
    """What a deletion did: `items` are deleted, the others are not; an empty `backup` is none.

    The other lists are named by the outcomes of `orders`; `delivered` is what the server still has,
    what is in flight is deleted if it does not take it, and `perhaps`, which it may have, is among
    `items`. `heard`: the deletion is applied. `trouble`: why it may still have something.
    """

    backup: Path = field(default_factory=Path)
    items: list[FoundItem] = field(default_factory=list)
    gone: list[FoundItem] = field(default_factory=list)
    delivered: list[FoundItem] = field(default_factory=list)
    in_flight: list[FoundItem] = field(default_factory=list)
    perhaps: list[FoundItem] = field(default_factory=list)
    heard: bool = True
    trouble: Mem0TrayError | None = None


def delete(
    paths: Paths, settings: Settings, chosen: Sequence[FoundItem], *, for_good: bool = False
) -> Deleted:
    """Write all of `chosen` to a backup, then delete them; `for_good`: no backup, texts erased."""
    names, result = [each.identity for each in chosen], Deleted()
    if for_good:
        answer = submit(paths, settings, orders.about(orders.FORGET, names))
    else:
        if any(each.is_dead for each in chosen):
            backups.keep_last_state(paths)
        result.backup = backups.free_name(paths, time.time())
        backups.write_dated(result.backup, [each.raw for each in chosen])
        order = orders.about(orders.DELETE, names, result.backup.name)
        answer = submit(paths, settings, order, result.backup)
    result.heard = answer.heard
    lists = {DELIVERED: result.delivered, IN_FLIGHT: result.in_flight, GONE: result.gone}
    for each in chosen:
        lists.get(answer.of(each.identity), result.items).append(each)
    result.perhaps = [each for each in chosen if answer.of(each.identity) == PERHAPS]
    kept = [each.raw for each in (*result.items, *result.in_flight)]
    if not for_good and not kept:
        result.backup.unlink(missing_ok=True)
    elif not for_good and len(kept) < len(chosen):  # what was not deleted cannot be put back
        backups.write_dated(result.backup, kept)
    return result


# Edit -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """`kept` is the file with the memory as it was, `outcome` what became of the old text."""

    kept: Path
    outcome: str
    heard: bool = True


def edit_text(paths: Paths, settings: Settings, found: FoundItem, content: Any) -> Changed:
    """Change the memory's content, and keep the old one. Raises NotFoundError if it is gone."""
    # An id that we made up from the old text must stay.
    raw = items.with_fields(found.raw, {"content": content, "id": found.id})
    kept = backups.keep_text(paths, found, items.identity(raw)[1], settings.retention.discarded)
    text = Text.of(raw, dead=found.is_dead)
    order = Order(orders.EDIT, orders.named([found.identity]), [text])
    answer = submit(paths, settings, order, kept)
    outcome = answer.of(found.identity)
    if outcome == GONE:
        kept.unlink(missing_ok=True)
        raise NotFoundError(
            f"{short_id(found.id)} is no longer there as it was: delivered meanwhile,"
            " deleted, or changed by somebody else.",
            f"`mem0tray show {short_id(found.id)}` says more.",
        )
    return Changed(kept, outcome, answer.heard)


def undo(settings: Settings, edit: RestoreSource) -> Changed | None:
    """Put the old text back in place of the one that an edit made; None when that does not wait."""
    made = _text_made(settings, edit)
    content = (items.load_object(edit.pieces[0].raw) or {}).get("content")
    with suppress(NotFoundError):
        if made is not None:
            return edit_text(settings.locations(), settings, made, content)
    return None


def _text_made(settings: Settings, edit: RestoreSource) -> FoundItem | None:
    """Find what waits of what an edit made: never a text that others gave the same id.

    Where it was changed since, by hand or another edit, it is the only text under its id; of
    several it is none.
    """
    old = edit.pieces[0]
    ids = (old.id, items.id_again(old.id))  # the second, where a server has deleted the text
    with waiting.opened(settings) as seen:
        there = [each for each in seen.candidates(ids) if each.id in ids]
        texts = [row for row in seen.reader.by_id(old.id) if row.reason != items.EDITED]
    present = [each for each in there if each.id == old.id and each.identity != old.identity]
    made = [each for each in there if each.identity[1].hex() == edit.made]
    return next(iter(made or (present if len(texts) <= 1 else ())), None)


# Restore ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Restored:
    """What became of each memory of a source; no JSON program can load `hopeless` ones."""

    dead: list[FoundItem] = field(default_factory=list)
    fresh: list[FoundItem] = field(default_factory=list)
    there: list[FoundItem] = field(default_factory=list)
    delivered: list[FoundItem] = field(default_factory=list)
    hopeless: list[FoundItem] = field(default_factory=list)
    heard: bool = True

    def said(self, language: "Language") -> str:
        """Say to people what became of them."""
        ngettext = language.ngettext
        lists = ([*self.dead, *self.fresh], self.there, self.delivered, self.hopeless)
        back, there, delivered, hopeless = numbers = list(map(len, lists))
        is_back = ngettext("{n} memory is back.", "{n} memories are back.", back)
        texts = (
            is_back if self.heard else BUSY.said(language),
            ngettext("{n} memory waits already.", "{n} memories wait already.", there),
            ngettext(
                "{n} memory has been delivered.", "{n} memories have been delivered.", delivered
            ),
            ngettext(
                "{n} memory cannot be read, and stays in its file.",
                "{n} memories cannot be read, and stay in their file.",
                hopeless,
            ),
        )
        found = [
            text.format(n=language.number(number))
            for text, number in zip(texts, numbers, strict=True)
            if number
        ]
        return " ".join(found) or language.gettext("There is no memory in it.")


def restore(paths: Paths, settings: Settings, source: RestoreSource) -> Restored:
    """Put back what neither waits nor is delivered to the chosen server."""
    result = Restored()
    wanted: dict[Name, FoundItem] = {}
    for piece in source.pieces:
        if not document.loadable(piece.raw):
            result.hopeless.append(piece)
        elif wanted.setdefault(piece.identity, piece) is not piece:
            result.there.append(piece)
    if not wanted:
        return result
    texts = [Text.of(each.raw, dead=each.is_dead) for each in wanted.values()]
    answer = submit(paths, settings, Order(orders.RESTORE, texts=texts))
    result.heard = answer.heard
    untouched = {THERE: result.there, DELIVERED: result.delivered}
    for name, piece in wanted.items():
        back = result.dead if piece.is_dead else result.fresh
        untouched.get(answer.of(name), back).append(piece)
    return result


def restorable(settings: Settings, found: Iterable[RestoreSource]) -> list[int]:
    """Count the memories of each source that `restore` would put back."""
    server = chosen_server(settings, settings.locations()).name
    counts = []
    with waiting.opened(settings) as seen:
        seen.step.check()
        there, known = seen.names(), seen.reader.known
        for source in found:
            names = {e.identity for e in source.pieces if document.loadable(e.raw)} - there
            rows = [known(*name) if name[0] else None for name in names]
            counts.append(sum(not seen.reader.is_delivered(row, server) for row in rows))
    return counts


# Retry ------------------------------------------------------------------------------------------


class Retried(NamedTuple):
    """The items retried; `called` has the names in a command of the first ones, by id."""

    items: Sequence[FoundItem] = ()
    called: Mapping[str, str] = {}


def retry_ids(settings: Settings, names: Sequence[str]) -> Retried:
    """Retry the dead and held items of these ids or prefixes. Raises NotFoundError."""
    with waiting.opened(settings) as seen:
        chosen: list[FoundItem] = []
        for name in names:
            found = look_up.here(seen, name)
            found.refuse_over()
            to_retry = [each for each in found.waits if each.is_dead or each.is_held]
            if not to_retry:
                shown = short_id(found.id)
                raise NotFoundError(
                    Reason("{id} is no dead letter: it waits in the queue.", id=shown),
                    Reason("It is sent automatically, as soon as the server takes it."),
                )
            chosen += to_retry
        return retry_found(settings, seen, chosen)


def retry_all(settings: Settings, project: str | None = None, *, held: bool = True) -> Retried:
    """Retry every dead letter, of a project or all, and what is `held`, which the menu leaves out.

    Raises NotFoundError where nothing of the project waits.
    """
    with waiting.opened(settings) as seen:
        if project is not None:
            found = seen.of_project(project)
        else:
            found = [*seen.items(DLQ_LIST), *(seen.items(QUEUE_LIST) if held else ())]
        return retry_found(settings, seen, [each for each in found if each.is_dead or each.is_held])


def retry_found(settings: Settings, seen: WaitingItems, chosen: Sequence[FoundItem]) -> Retried:
    """Retry these dead and held items."""
    found = {each.identity: each for each in chosen}
    if not found:
        return Retried()
    called = seen.handles(chosen[:_CALLED])
    answer = submit(settings.locations(), settings, orders.about(orders.RETRY, found))
    return Retried([e for name, e in found.items() if answer.of(name) == DONE], called)


@dataclass(frozen=True, slots=True)
class RetryOutcome:
    """What became of one retry: `next_retry` in Unix seconds, None where there is none."""

    item: Item
    name: str
    reason: str = ""
    next_retry: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether there is nothing left to do."""
        return self.name == DELIVERED


def follow(
    paths: Paths, chosen: Sequence[Item], since: float, patience: float
) -> Iterator[RetryOutcome]:
    """Yield what becomes of each, as it happens; `since`: when it was asked for, Unix seconds.

    What has no outcome after `patience` seconds without any, or once the worker is hindered
    or gone, comes last, as `WAITING`.
    """
    last, why = time.monotonic(), ""
    with Reader(paths.ledger) as reader:
        left, unknown = dict[int, Item](), list(chosen)  # what `setup` queues is not known yet
        while (left or unknown) and not why:
            rows = [(item, reader.known(*item.name)) for item in unknown]
            left |= {row.key: item for item, row in rows if row is not None}
            unknown = [item for item, row in rows if row is None]
            for key, became in reader.outcomes(left, since).items():
                last = time.monotonic()
                yield _outcome(reader, key, left.pop(key), became)
            why = _hindrance(paths, time.monotonic() - last, patience)
            if (left or unknown) and not why:
                time.sleep(_LOOK)
    yield from (RetryOutcome(item, WAITING, why) for item in (*left.values(), *unknown))


def _outcome(reader: Reader, key: int, item: Item, became: str) -> RetryOutcome:
    if became == DELETED:
        return RetryOutcome(item, DELETED, "deleted meanwhile")
    attempt = next(reversed(reader.attempts(key)), None)
    known = reader.known(*item.name)
    if became == DELIVERED or attempt is None or known is None:
        return RetryOutcome(item, became)
    return RetryOutcome(item, FAILED, attempt.message, known.due)


def _hindrance(paths: Paths, idle: float, patience: float) -> str:
    if not worker_runs(paths):
        return "the worker does not run"
    if idle < _HINDERED:
        return ""
    seen = [worker_report.metrics(each) for each in (paths.metrics, paths.spare_metrics)]
    if min(idle, time.time() - max(each.written for each in seen)) > worker_report.SILENT:
        return "the worker does not answer: `mem0tray doctor` says more"
    metrics = seen[0].values
    if metrics.get("state") in (DOWN, PAUSED, ACTION_NEEDED):
        reason = str(metrics.get("reason") or metrics["state"])
        return f"the server is down: {reason}" if metrics["state"] == DOWN else reason
    return "" if idle < patience else f"nothing was heard for {idle:.0f} s"
