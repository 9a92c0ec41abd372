"""What the clients of these tests have in common."""

from mem0tray.server import Health, KeyCheck, Outcome, Page, ProjectCount, ServerMemory


class AskedAndSent:
    """A client of which an attempt wants two things alone: `ask` and `save`."""

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        raise NotImplementedError

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        raise NotImplementedError

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        raise NotImplementedError

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        raise NotImplementedError

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        raise NotImplementedError

    def probe(self, timeout: float) -> Health:
        raise NotImplementedError

    def recognise(self, timeout: float, *, is_known: bool = False) -> Health:
        raise NotImplementedError

    def check_key(self, timeout: float) -> KeyCheck:
        raise NotImplementedError

    def abort(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
