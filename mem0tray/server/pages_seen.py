"""Going through the pages of a project to an end, whatever the server says."""

from typing import Final

from mem0tray.server.model import Page

_MOST: Final = 2000  # pages of a project: 2,000,000 memories where a page has 1,000


class PagesSeen:
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
