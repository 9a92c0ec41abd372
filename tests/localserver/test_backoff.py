"""When a server that keeps dying is started again."""

from mem0tray.localserver.backoff import Backoff


def test_the_first_death_costs_no_time() -> None:
    """After one death the server is started again at once."""
    backoff = Backoff()
    assert backoff.remaining(0) == 0
    backoff.started(0)
    backoff.died(1)
    assert backoff.remaining(1) == 0


def test_further_deaths_wait_longer_up_to_a_minute() -> None:
    """1, 2, 4, … 60 seconds, however often it dies."""
    backoff = Backoff()
    delays = []
    for now in range(2000):
        backoff.started(now)
        backoff.died(now)
        delays.append(backoff.remaining(now))
    assert delays[:9] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert set(delays[9:]) == {60}


def test_the_wait_runs_out() -> None:
    """The remaining time falls to nothing and not below."""
    backoff = Backoff(deaths=1)
    backoff.started(10)
    backoff.died(10)
    assert [backoff.remaining(now) for now in (10, 10.25, 11, 99)] == [1, 0.75, 0, 0]


def test_a_server_that_lived_for_a_minute_counts_as_sound() -> None:
    """A death after a minute of work is the first again."""
    backoff = Backoff(deaths=7)
    backoff.started(100)
    backoff.died(160)
    assert (backoff.deaths, backoff.remaining(160)) == (1, 0)
