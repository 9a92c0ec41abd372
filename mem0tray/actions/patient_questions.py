"""Questions to a server that are repeated for a while if no answer comes.

A server that has not answered at all yet is not waited for: its trouble is told at once.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from mem0tray.server import Client, Kind, Outcome, Page

WAITS: Final = (1.0, 5.0)  # seconds before each repetition of a question
_LONGEST_WAIT: Final = 30.0  # seconds, whatever the server asks for
_PASSES: Final = frozenset({Kind.OUTAGE, Kind.NO_ANSWER, Kind.SLOW_DOWN})
_MOST: Final = 2000  # pages of a project: 2,000,000 memories where a page has 1,000
_Answer = TypeVar("_Answer")


class PatientQuestions:
    """Puts questions to one server, each with `timeout` seconds."""

    def __init__(self, client: Client, timeout: float) -> None:
        self.client = client
        self._timeout = timeout
        self._has_answered = False

    def answer(self, ask: Callable[..., _Answer | Outcome], *given: object) -> _Answer | Outcome:
        """What the client's method `ask` returns for what is `given`, and the timeout."""
        for wait in (*WAITS, None):
            found = ask(*given, self._timeout)
            if not isinstance(found, Outcome):
                self._has_answered = True
                return found
            if wait is None or found.kind not in _PASSES or not self._has_answered:
                break
            time.sleep(min(max(found.retry_after or 0.0, wait), _LONGEST_WAIT))
        return found

    def pages(self, project: str) -> Iterator[Page | Outcome]:
        """The pages of a project, from the newest memory on; the last item may say why it ends.

        They come to an end, whatever the server says.
        """
        seen, after = _PagesSeen(), ""
        while True:
            said = self.answer(self.client.page, project, after)
            if isinstance(said, Outcome):
                yield said
                return
            page = seen.checked(said)
            yield page
            after = page.after
            if not after:
                return


class _PagesSeen:
    """The pages of one project so far: after a page that was seen before there are no further ones.

    Some servers claim to page, but begin anew at each question, so that one would never end. One
    that shows ever new memories is cut off.
    """

    def __init__(self) -> None:
        self._marks: set[int] = set()

    def checked(self, page: Page) -> Page:
        """This page; or an empty last page that is not whole, if it was seen or is one too many."""
        if not page.memories:
            return page
        mark = hash(tuple((each.id, each.text) for each in page.memories))
        if mark in self._marks or len(self._marks) >= _MOST:
            return Page([], whole=False)
        self._marks.add(mark)
        return page
