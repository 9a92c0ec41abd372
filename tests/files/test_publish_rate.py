"""How often files are published."""

import pytest

from mem0tray.files.publish_rate import PublishRate


def test_what_took_long_is_not_put_off_for_longer_than_was_asked() -> None:
    usual, prompt = PublishRate(), PublishRate(longest=5.0)
    for pace in (usual, prompt):
        pace.note_cost(100.0, 2.0)
    assert usual.wait(100.0) == 38.0
    assert prompt.wait(100.0) == 5.0


def test_files_are_published_once_a_second_at_most() -> None:
    rate = PublishRate()
    assert rate.ready(0.0)
    rate.note_cost(100.0, 0.001)
    assert not rate.ready(100.9)
    assert rate.ready(101.0)
    assert rate.wait(100.25) == 0.75
    assert rate.wait(200.0) == 0.0


def test_what_takes_long_is_published_more_rarely() -> None:
    rate = PublishRate()
    rate.note_cost(100.0, 0.1)
    assert rate.wait(100.0) == pytest.approx(1.9)
    rate.note_cost(100.0, 0.05)
    assert rate.wait(100.0) == 1.0
