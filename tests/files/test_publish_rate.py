"""How often files are published."""

from mem0tray.files.publish_rate import PublishRate


def test_what_took_long_is_not_put_off_for_longer_than_was_asked() -> None:
    """A twentieth of the time goes into it, or what `longest` makes of that."""
    usual, prompt = PublishRate(), PublishRate(longest=5.0)
    for pace in (usual, prompt):
        pace.spent(100.0, 2.0)
    assert usual.wait(100.0) == 38.0
    assert prompt.wait(100.0) == 5.0
