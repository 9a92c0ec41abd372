"""A shared file as `doctor` finds it: there, readable, whole. Everybody else asks the ledger."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, document
from mem0tray.files.atomic import TornError
from mem0tray.files.document import BrokenDocumentError, Document

_TRIES: Final = 5
_WAIT: Final = 0.05


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


def look(path: Path, sections: Sequence[str]) -> SeenFile:
    """The file as it stands there now; if it is being written, a little later."""
    data, broken = b"", reasons.NONE
    for _ in range(_TRIES):
        try:
            found = atomic.read(path)
            if found is None:
                return SeenFile(path, document.parse(b"{}", sections), is_there=False)
            data, _ = found
            return SeenFile(path, document.parse(data, sections))
        except FileUnavailableError as error:
            return SeenFile(path, document.salvage(b"", sections), error=error)
        except BrokenDocumentError as error:
            broken = error.reason
        except TornError:
            pass
        time.sleep(_WAIT)  # somebody writes it in place
    whole = document.salvage(data, sections)
    return SeenFile(path, whole, broken=broken, restless=not broken)
