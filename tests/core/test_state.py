"""The names of the states that people and other programs see."""

from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING


def test_the_states_have_the_names_of_the_contract() -> None:
    """They stand in the metrics file, which others read."""
    assert (STARTING, HEALTHY, DOWN) == ("starting", "healthy", "down")
    assert (PAUSED, ACTION_NEEDED) == ("paused", "action needed")
