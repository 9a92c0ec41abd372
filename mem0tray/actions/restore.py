"""Putting memories back that were deleted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mem0tray.actions import waiting
from mem0tray.actions.apply import Answer, apply
from mem0tray.actions.find import DLQ_LIST, Identity
from mem0tray.actions.restore_sources import Piece, RestoreSource
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Settings
from mem0tray.core.item import identity
from mem0tray.files import document, orders
from mem0tray.files.orders import DELIVERED, THERE, Order, Text
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths


@dataclass(slots=True)
class Restored:
    """What became of each memory of a source; no JSON program can load `hopeless` ones.

    `beside` are those of `dead` and `fresh` that now stand beside another text with the same id:
    the user had edited it. `heard`: the worker, if one runs, has put them back.
    """

    dead: list[Piece] = field(default_factory=list)
    fresh: list[Piece] = field(default_factory=list)
    beside: list[Piece] = field(default_factory=list)
    there: list[Piece] = field(default_factory=list)
    delivered: list[Piece] = field(default_factory=list)
    hopeless: list[Piece] = field(default_factory=list)
    heard: bool = True


def restore(paths: Paths, settings: Settings, source: RestoreSource) -> Restored:
    """Put back what neither waits nor is delivered to the chosen server.

    Raises FileUnavailableError, LedgerError: then nothing is put back.
    """
    result = Restored()
    wanted: dict[Identity, Piece] = {}
    for piece in source.pieces:
        if not document.loadable(piece.raw):
            result.hopeless.append(piece)
        elif wanted.setdefault(identity(piece.raw), piece) is not piece:
            result.there.append(piece)
    if not wanted:
        return result
    with waiting.opened(settings) as seen:
        ids = {item_id for item_id, _ in wanted if seen.with_id(item_id)}
    texts = [Text.of(piece.raw, dead=_is_dead(piece)) for piece in wanted.values()]
    answer = apply(paths, settings, Order(orders.RESTORE, texts=texts))
    result.heard = answer.heard
    _sort(result, wanted, answer, ids)
    return result


def _sort(
    result: Restored, wanted: Mapping[Identity, Piece], answer: Answer, ids: set[str]
) -> None:
    for name, piece in wanted.items():
        outcome = answer.of(name)
        if outcome == THERE:
            result.there.append(piece)
        elif outcome == DELIVERED:
            result.delivered.append(piece)
        else:
            (result.dead if _is_dead(piece) else result.fresh).append(piece)
            if name[0] in ids:
                result.beside.append(piece)


def _is_dead(piece: Piece) -> bool:
    return piece.place == DLQ_LIST


def restorable(settings: Settings, found: Iterable[RestoreSource]) -> list[set[Identity]]:
    """The memories of each source that `restore` would put back. Raises FileUnavailableError."""
    server = chosen_server(settings, settings.locations()).name
    with waiting.opened(settings) as seen:
        seen.step.check_all()
        there = seen.names()
        return [_restorable(seen.reader, there, each.pieces, server) for each in found]


def _restorable(
    reader: Reader, there: set[Identity], pieces: Sequence[Piece], server: str
) -> set[Identity]:
    names = {identity(piece.raw) for piece in pieces if document.loadable(piece.raw)} - there
    known = {name: reader.known(*name) if name[0] else None for name in names}
    return {name for name, row in known.items() if not reader.is_delivered(row, server)}
