"""What may have arrived is asked about, each memory for itself, before it is sent again."""

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import Item, entry
from tests.support.standin import Standin

CUT = Answer(reset=True)
TAKEN = Answer(reset=True, stores=True)  # and nobody hears of it
VAIN = pytest.mark.parametrize("vain", [Answer(500), Answer(503), CUT], ids=["500", "503", "cut"])


def delivered(home: Home, *queue: Item) -> None:
    """Queue these, of which a worker has never heard, and have them delivered."""
    home.worker()
    home.write_queue(queue)
    home.wait(lambda: home.stats()["total_synced"] == len(queue), 20, "delivered")


@pytest.mark.row(36)
@VAIN
def test_questions_in_vain_about_others_say_nothing(
    home: Home, server: Standin, vain: Answer
) -> None:
    """Three memories of a project, each asked about in vain once, are all asked about again."""
    names = ["one", "two", "three"]
    for name in names:
        server.script(TAKEN, content=name)
    server.script_questions(*[vain] * 3)
    delivered(home, *[entry(name, timestamp=n) for n, name in enumerate(names)])
    assert (server.surplus(), server.missing(names)) == ({}, [])


@pytest.mark.row(36)
def test_a_text_that_nobody_finds_hinders_no_other_question(home: Home, server: Standin) -> None:
    """Where a listing may be cut, a text that was searched in vain is sent, and the next asked."""
    server.begin_with(("alpha", f"old {n}") for n in range(99))
    server.script(CUT, content="never came")
    server.script(TAKEN, content="came")  # the hundredth: a listing may end here
    delivered(home, entry("never came", timestamp=1), entry("came", timestamp=2))
    assert (server.count("never came"), server.count("came")) == (1, 1)


@pytest.mark.row(36)
@VAIN
def test_questions_in_vain_say_nothing_of_the_next_attempt(
    home: Home, server: Standin, vain: Answer
) -> None:
    """What was sent after three questions in vain, and came, is asked about three times anew."""
    server.script(CUT, TAKEN, content="came")
    server.script_questions(*[vain] * 5)
    delivered(home, entry("came"))
    assert (server.sends("came"), server.count("came")) == (2, 1)


@pytest.mark.row(36)
@VAIN
def test_a_refusal_says_nothing_about_the_time_before(
    home: Home, server: Standin, vain: Answer
) -> None:
    """What was sent after three questions in vain, and refused, is asked about again."""
    server.script(TAKEN, Answer(422), content="came")
    server.script_questions(*[vain] * 3)
    delivered(home, entry("came"))
    assert (server.sends("came"), server.count("came")) == (2, 1)


@pytest.mark.row(36)
def test_other_settings_of_the_server_end_no_doubt(home: Home, server: Standin) -> None:
    """What was under way when the key was changed, and was not heard of, is asked about."""
    server.script(Answer(reset=True, stores=True, delay=4), content="came")
    home.worker()
    home.write_queue([entry("came")])
    server.wait_for(lambda: server.has_saves(1))
    home.configure('[server]\napi_key = "another"\n')
    home.wait(lambda: home.log_lines("server has changed"), 3, "changed")
    home.wait(lambda: home.stats()["total_synced"] == 1, 20, "delivered")
    assert (server.sends("came"), server.count("came")) == (1, 1)


@pytest.mark.row(1)
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_new_worker_gives_the_server_time(home: Home, server: Standin, end: str) -> None:
    """What was under way when the worker ended is asked about when it would be tried again."""
    server.script(Answer(delay=60), content="slow")
    env = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "60"}
    worker = home.worker(env=env)
    home.write_queue([entry("slow")])
    server.wait_for(lambda: server.has_saves(1))
    getattr(worker, end)()
    home.worker(env=env)
    home.write_emergency([entry("other")])
    server.wait_for(lambda: server.count("other"))
    assert (server.sends("slow"), server.questions()) == (1, 0)


@pytest.mark.row(1)
def test_until_idle_waits_for_what_was_under_way(home: Home, server: Standin) -> None:
    """A drain after a kill ends with everything delivered, also what nobody knew about."""
    server.script(Answer(delay=60), content="slow")
    env = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "5"}
    worker = home.worker(env=env)
    home.write_queue([entry("slow")])
    server.wait_for(lambda: server.has_saves(1))
    worker.kill()
    server.clear_scripts()
    home.drained(env=env)
    assert server.count("slow") == 1
