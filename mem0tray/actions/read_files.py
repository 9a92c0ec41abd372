"""Reading queue and DLQ file for an action.

`load` gives a whole file, or an error that says why not; `look` gives what can be read, and what
is wrong. For a missing file they give what the worker would write into it again.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, document
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.document import BrokenDocumentError, Document
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

# The lists in the two files, by their keys there.
QUEUE_LIST: Final = "queue"
DLQ_LIST: Final = "items"
FAILED: Final = "failed"
HELD: Final = document.HELD
RECENT: Final = "last_100"
DLQ_SECTIONS: Final = (DLQ_LIST,)
QUEUE_SECTIONS: Final = (QUEUE_LIST, FAILED, HELD)
_RESTLESS: Final = Reason("it is rewritten all the time")
_TRIES: Final = 5
_WAIT: Final = 0.05


def load(
    path: Path, sections: Sequence[str], *, wait: float = _WAIT
) -> tuple[Document, Signature, bytes] | None:
    """The file taken apart, its signature and bytes; None when there is none.

    Raises FileUnavailableError when it is broken, or does not hold still.
    """
    why = reasons.NONE
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(wait)
        try:
            found = atomic.read(path)
            if found is None:
                return None
            data, signature = found
            return document.parse(data, sections), signature, data
        except TornError:
            why = _RESTLESS
        except BrokenDocumentError as error:
            why = error.reason
    raise FileUnavailableError(*_broken(path, why))


def _broken(path: Path, why: Reason) -> tuple[Reason, Reason]:
    """The message about a file that no JSON program can load, and what to do."""
    return (
        Reason("{path} is broken: {why}.", path=path, why=why),
        Reason("A running worker keeps it, and saves what is whole in it: `mem0tray run`."),
    )


class SeenFile(Struct, frozen=True):
    """A file as one look found it; for a broken one `document` has what is whole in it.

    `error` says why it cannot be read, `broken` why no JSON program can load it;
    a `restless` file was rewritten all the time.
    """

    path: Path
    document: Document
    is_there: bool = True
    error: FileUnavailableError | None = None
    broken: Reason = reasons.NONE
    restless: bool = False
    signature: Signature | None = None  # of a whole file

    @property
    def trouble(self) -> Reason:
        """What is wrong with the file, and what to do; NONE if it is whole, or absent."""
        if self.error is not None:
            return self.error.reason
        if not (self.broken or self.restless):
            return reasons.NONE
        return reasons.advised(*_broken(self.path, self.broken or _RESTLESS))


def look(path: Path, sections: Sequence[str]) -> SeenFile:
    """The file as it stands there now; if it is being written, a little later."""
    data, broken = b"", reasons.NONE
    for _ in range(_TRIES):
        try:
            found = atomic.read(path)
            if found is None:
                return SeenFile(path, document.parse(b"{}", sections), is_there=False)
            data, signature = found
            return SeenFile(path, document.parse(data, sections), signature=signature)
        except FileUnavailableError as error:
            return SeenFile(path, document.salvage(b"", sections), error=error)
        except BrokenDocumentError as error:
            broken = error.reason
        except TornError:
            pass
        time.sleep(_WAIT)  # somebody writes it in place
    whole = document.salvage(data, sections)
    return SeenFile(path, whole, broken=broken, restless=not broken)


def dead_letters(paths: Paths) -> list[bytes]:
    """The items of the DLQ file."""
    found = load(paths.dlq, DLQ_SECTIONS)
    if found:
        return found[0].lists[DLQ_LIST]
    with Reader(paths.ledger) as reader:
        return reader.dead_raws()


def fresh_entries(paths: Paths) -> list[bytes]:
    """The entries under `queue` and `held` in the queue file."""
    found = load(paths.queue, QUEUE_SECTIONS)
    parsed = found[0] if found else queue_again(paths)
    return [*parsed.lists[QUEUE_LIST], *parsed.lists[HELD]]


def queue_again(paths: Paths) -> Document:
    """The queue file with the ledger's entries, in place of a missing one."""
    parsed = document.parse(b"{}", QUEUE_SECTIONS)
    with Reader(paths.ledger) as reader:
        parsed.lists[QUEUE_LIST] += reader.fresh_raws(held=False)
        parsed.lists[HELD] += reader.fresh_raws(held=True)
    return parsed
