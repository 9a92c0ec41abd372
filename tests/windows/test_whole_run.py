"""Everything at once on Windows: producers, kills, scripts, files that are held open."""

import json
from typing import Final

import pytest

from tests.support import needs, oracle, user
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import Process
from tests.support.shapes import entries, entry, texts
from tests.support.standin import Standin

pytestmark = [needs.RULES_OF_WINDOWS, pytest.mark.timeout(600)]

PATIENCE: Final = 120.0  # seconds: a busy machine starts a program under Wine in many of them
STUCK: Final = "stuck"
KILLS: Final = 5
PRODUCERS: Final = 3
EACH: Final = 155  # of each producer; with the dead letters and the emergency lines 500
STUCK_ONES: Final = 20
EMERGENCIES: Final = 15
# Opens the shared files in turn, as a scanner, an indexer or an editor does, and keeps each
# open for up to two thirds of a second: no other program can replace it then.
HOLD_OPEN: Final = """
import os, random, sys, time
from pathlib import Path
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
dice = random.Random(seed)
while True:
    name = dice.choice(["mem0_queue.json", "mem0_queue_dlq.json", "mem0_metrics.json"])
    try:
        with open(folder / name, "rb") as file:
            file.read(100)
            time.sleep(dice.random() * 0.66)
    except OSError:
        pass
    time.sleep(dice.random() * 0.05)
"""


def produced(producers: list[Process]) -> list[str]:
    """Wait for the producers' ends; the texts that they queued."""
    found: list[str] = []
    for producer in producers:
        assert producer.wait(PATIENCE) == 0, producer.err
        found += json.loads(producer.out)["contents"]
    return found


def kill_in_the_middle(home: Home, server: Standin, sends: int) -> None:
    """Start a worker, and kill it as soon as it has sent so much more."""
    goal = len(server.saves) + sends
    worker = home.start("run")
    server.wait_for(lambda: server.has_saves(goal), PATIENCE, f"{goal} saves")
    worker.kill()


def test_each_is_delivered_once_whatever_happens(home: Home, server: Standin) -> None:
    server.script(Answer(500), project=STUCK, forever=True)
    stuck = entries(STUCK_ONES, STUCK, projects=1)
    for each in stuck:
        each["project_id"] = STUCK
    home.write_queue(stuck)
    late = entries(EMERGENCIES, "emergency")
    holders = [home.background(HOLD_OPEN, str(home.claude), str(seed)) for seed in (1, 2)]
    producers = [
        home.producer(
            "--label", f"Gerät {number}", "--count", str(EACH), "--pause", "0.02",
            *(["--replace"] if number == 0 else []),
        )
        for number in range(PRODUCERS)
    ]  # fmt: skip
    for number in range(KILLS):
        kill_in_the_middle(home, server, 40)
        if number == 2:
            home.write_emergency(late)
    worker = home.start("run")
    accepted = [*produced(producers), *texts(stuck), *texts(late)]
    home.wait_dlq(texts(stuck), PATIENCE)

    edited_by_hand(home, server, texts(stuck))
    home.wait(lambda: not home.queue_items() and not home.dlq_items(), PATIENCE, "all delivered")
    for holder in holders:
        holder.kill()
    worker.kill()
    home.drained(PATIENCE)
    assert len(accepted) == 500
    discarded = texts(stuck)[:1]
    assert oracle.faults(home, server, accepted, discarded=discarded) == []
    assert server.total_stored() == 499
    assert "Traceback" not in home.printed()


def edited_by_hand(home: Home, server: Standin, stuck: list[str]) -> None:
    """Use the scripts of the contract, remove the first of the dead letters, retry the others."""
    assert home.script(user.COUNT_BY_PROJECT).strip() == str({STUCK: len(stuck)})
    assert int(home.script(user.COUNT_RETRIES)) >= 0
    user.back_up(home)
    user.remove(home, stuck[0])
    home.wait_dlq(stuck[1:], PATIENCE)
    tried = server.sends(stuck[1])
    home.script(user.RETRY_ALL)
    server.wait_for(lambda: server.sends(stuck[1]) > tried, PATIENCE, "a retry that was wished for")
    server.clear_scripts()
    home.script(user.RETRY_ALL_STAMPED)
    home.wait(lambda: home.script(user.READ_METRICS).startswith("healthy"), PATIENCE, "metrics")


# One letter that the code page has otherwise, and one whose bytes it does not have at all.
TEXT: Final = "“Größe” → 5 €, ça va 😀"


def test_a_text_of_any_letters_outlasts_a_script(home: Home, server: Standin) -> None:
    home.env["MEM0TRAY_SYNC_MAX_ATTEMPTS"] = "1"
    server.script(Answer(500), content=TEXT)
    document = {"queue": [entry(TEXT, "Müller")]}
    home.queue.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    home.drain()
    assert home.dlq_texts() == [TEXT]
    assert "Müller" in home.script(user.COUNT_BY_PROJECT)
    home.script(user.RETRY_ALL)
    home.drained()
    assert server.stored == [("Müller", TEXT)]


def test_a_json_document_in_a_pipe_is_utf_8(home: Home) -> None:
    home.write_queue([entry(TEXT, "Müller")])
    env = {"PYTHONIOENCODING": ""}
    (shown,) = home.json("list", "--queue", env=env)
    assert shown["project_id"] == "Müller"
