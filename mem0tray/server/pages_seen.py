"""Going through the pages of a project to an end, whatever the server says."""

from mem0tray.server.model import Page


class PagesSeen:
    """The pages of one project so far: after a page that was seen before there are no further ones.

    Some servers claim to page, but begin anew at each question, so that one would never end.
    """

    def __init__(self) -> None:
        self._marks: set[int] = set()

    def checked(self, page: Page) -> Page:
        """This page; or, if it was seen before, an empty last page that is not whole."""
        if not page.memories:
            return page
        mark = hash(tuple((each.id, each.text) for each in page.memories))
        if mark in self._marks:
            return Page([], whole=False)
        self._marks.add(mark)
        return page
