"""What to do about an answer of the server."""

from mem0tray.server.remedy import of_rejection


def test_what_is_too_large_is_to_be_shortened() -> None:
    """A 413 is told in words, with the command that mends it."""
    remedy, by_itself = of_rejection(413)
    assert "too large for the server" in str(remedy)
    assert "`mem0tray edit ID`" in str(remedy)
    assert not by_itself
