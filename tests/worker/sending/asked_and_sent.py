"""What the clients of these tests have in common."""

from mem0tray.server import Health, KeyCheck


class AskedAndSent:
    """A client of which an attempt wants two things alone: `ask` and `save`."""

    def probe(self, timeout: float) -> Health:
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
