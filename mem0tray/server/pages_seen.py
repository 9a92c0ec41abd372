"""Going through the pages of a project to an end, whatever the server says."""

from mem0tray.server.model import Page


class PagesSeen:
    """The pages of one project so far: a server that shows one of them again has no further ones.

    Some say that they page, and begin anew at each question: who believed them would never end.
    """

    def __init__(self) -> None:
        self._marks: set[int] = set()

    def checked(self, page: Page) -> Page:
        """This page; in the place of one seen before an empty one, the last and not whole."""
        if not page.memories:
            return page
        mark = hash(tuple((each.id, each.text) for each in page.memories))
        if mark in self._marks:
            return Page([], whole=False)
        self._marks.add(mark)
        return page
