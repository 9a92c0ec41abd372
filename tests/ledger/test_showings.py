"""What generations of the DLQ file showed of one item."""

import pytest

from mem0tray.ledger.generations import Showing, Shown

# Shown by generations 2 to 4 and again from 7 on; between them a user saved it otherwise.
FIRST = Showing(2, 4, 1, 10.0, b"x")
SAVED = Showing(5, 5, 9, 90.0, b"z", saved=True)
AGAIN = Showing(7, None, 2, 20.0, b"y")
PAST = Shown([FIRST, SAVED, AGAIN])


@pytest.mark.parametrize(
    ("gen", "stood"),
    [(1, False), (2, True), (3, True), (4, True), (5, False), (6, False), (7, True), (99, True)],
)
def test_an_item_stood_in_the_generations_that_showed_it(gen: int, *, stood: bool) -> None:
    """Both ends count; what a user saved is none of ours."""
    assert PAST.stood_in(gen) is stood


def test_the_first_and_the_last_are_ours() -> None:
    """While the newest shows it, that is the last."""
    assert (PAST.first(), PAST.last(12)) == (2, 12)
    over = Shown([AGAIN, FIRST, SAVED, Showing(9, 10, 3, 30.0)])
    assert (over.first(), over.last(8)) == (2, 10)
    assert Shown([FIRST]).last(12) == 4


def test_what_was_never_shown_has_neither() -> None:
    """What a user saved alone does not count."""
    for past in (Shown(), Shown([SAVED])):
        assert (past.first(), past.last(12), past.stood_in(5)) == (None, None, False)


def test_values_that_stood_there_are_known_one_by_one() -> None:
    """Those that users saved too: they are not news."""
    for count in (1, 2, 9):
        assert PAST.had_count(count)
    for time in (10.0, 20.0, 90.0):
        assert PAST.had_time(time)
    for body in (b"x", b"y", b"z"):
        assert PAST.had_body(body)
    assert not PAST.had_count(3)
    assert not PAST.had_time(1.0)
    assert not PAST.had_body(b"")


def test_values_that_stood_there_together_are_found() -> None:
    """Count and time of different generations are no such pair."""
    assert PAST.with_values(1, 10.0) == [FIRST]
    assert PAST.with_values(9, 90.0) == [SAVED]
    assert PAST.with_values(1, 20.0) == []
    assert PAST.with_values(2, 10.0) == []


def test_nothing_of_it_can_be_changed() -> None:
    """It is the base of a merge."""
    with pytest.raises(AttributeError):
        FIRST.last = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        PAST.showings = ()  # type: ignore[misc]
    assert not Showing(1, 2, 3, 4.0).saved
    assert Showing(1, 2, 3, 4.0).body is None
