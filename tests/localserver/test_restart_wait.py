"""When a server that keeps dying is started again."""

from mem0tray.localserver.child import RestartWait


def test_the_first_death_costs_no_time() -> None:
    wait = RestartWait()
    assert wait.remaining(0) == 0
    wait.started(0)
    wait.died(1)
    assert wait.remaining(1) == 0


def test_further_deaths_wait_longer_up_to_a_minute() -> None:
    wait = RestartWait()
    delays = []
    for now in range(2000):
        wait.started(now)
        wait.died(now)
        delays.append(wait.remaining(now))
    assert delays[:9] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert set(delays[9:]) == {60}


def test_the_wait_runs_out() -> None:
    wait = RestartWait(deaths=1)
    wait.started(10)
    wait.died(10)
    assert [wait.remaining(now) for now in (10, 10.25, 11, 99)] == [1, 0.75, 0, 0]


def test_a_server_that_lived_for_a_minute_counts_as_sound() -> None:
    wait = RestartWait(deaths=7)
    wait.started(100)
    wait.died(160)
    assert (wait.deaths, wait.remaining(160)) == (1, 0)
