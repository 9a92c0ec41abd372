"""What may have arrived is asked about, each memory for itself, before it is sent again."""

import pytest

from tests.acceptance.kinds import ON_LIBRARY_TOO, ON_OFFICIAL_TOO
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import Item, entries, entry
from tests.support.standin import Standin
from tests.support.variants import variants

CUT = Answer(reset=True)
TAKEN = Answer(reset=True, stores=True)  # and nobody hears of it
VAIN = pytest.mark.parametrize("vain", [Answer(500), Answer(503), CUT], ids=["500", "503", "cut"])


def delivered(home: Home, *queue: Item) -> None:
    home.worker()
    home.write_queue(queue)
    home.wait(lambda: home.stats()["total_synced"] == len(queue), what="delivered")


@pytest.mark.row(36)
@VAIN
@pytest.mark.parametrize(
    ("answers", "questions"),
    [((CUT, TAKEN), 5), ((TAKEN, Answer(422)), 3)],
    ids=["the next attempt", "a refusal since"],
)
@ON_LIBRARY_TOO
def test_questions_in_vain_say_nothing_of_another_attempt(
    home: Home, server: Standin, vain: Answer, answers: tuple[Answer, ...], questions: int
) -> None:
    server.script(*answers, content="came")
    server.script_questions(*[vain] * questions)
    delivered(home, entry("came"))
    assert (server.sends("came"), server.count("came")) == (2, 1)


@pytest.mark.row(1)
@pytest.mark.parametrize("end", ["kill", "stop"])
@ON_OFFICIAL_TOO
def test_a_new_worker_gives_the_server_time(home: Home, server: Standin, end: str) -> None:
    server.script(Answer(delay=60), content="slow")
    server.script(Answer(delay=60), content="other")  # about whose delivery nothing is asked yet
    env = {"MEM0TRAY_SYNC_RETRY_INTERVAL": "60"}
    worker = home.worker(env=env)
    home.write_queue([entry("slow")])
    server.wait_for(lambda: server.has_saves(1))
    getattr(worker, end)()
    home.worker(env=env)
    home.write_emergency([entry("other")])
    server.wait_for(lambda: server.sends("other"))
    assert (server.sends("slow"), server.questions()) == (1, 0)


@pytest.mark.row(55)
@pytest.mark.parametrize("status", variants([404, 405]))
@pytest.mark.parametrize("latency", [0.0, 0.03], ids=["one at a time", "eight at once"])
@ON_OFFICIAL_TOO
def test_a_first_start_asks_once_for_each_project(
    home: Home, server: Standin, status: int, latency: float
) -> None:
    server.can_be_asked, server.not_asked_status = False, status
    server.latency = latency
    home.write_queue(entries(60, projects=3))
    # On a busy machine an answer without latency may be slow, too, and bring further requests.
    home.drained(env={} if latency else {"MEM0TRAY_SYNC_CONCURRENCY": "1"})
    # Requests that are under way at once may each have begun with a question.
    assert (server.total_stored(), server.questions() <= (24 if latency else 3)) == (60, True)
    assert server.questions() >= 3
