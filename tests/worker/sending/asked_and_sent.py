"""What the clients of these tests have in common."""

from mem0tray.server import Health, KeyCheck, Outcome, Page, ProjectCount, ServerMemory


class AskedAndSent:
    """A client of which an attempt wants two things alone: `ask` and `save`."""

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        """Not part of an attempt."""
        raise NotImplementedError

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        """Not part of an attempt."""
        raise NotImplementedError

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        """Not part of an attempt."""
        raise NotImplementedError

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        """Not part of an attempt."""
        raise NotImplementedError

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        """Not part of an attempt."""
        raise NotImplementedError

    def probe(self, timeout: float) -> Health:
        """Not part of an attempt."""
        raise NotImplementedError

    def recognise(self, timeout: float, *, is_known: bool = False) -> Health:
        """Not part of an attempt."""
        raise NotImplementedError

    def check_key(self, timeout: float) -> KeyCheck:
        """Not part of an attempt."""
        raise NotImplementedError

    def abort(self) -> None:
        """Not part of an attempt."""
        raise NotImplementedError

    def close(self) -> None:
        """Not part of an attempt."""
        raise NotImplementedError
