"""The commands: exit codes, --json, list, diagnose, stats, retry, pause, doctor."""

import json
from pathlib import Path

import pytest

from tests.support.home import Home, one_line, plain, values_under
from tests.support.http1 import Answer
from tests.support.shapes import Item, dead, entries, entry, waiting
from tests.support.standin import Standin
from tests.support.variants import variants


@pytest.fixture
def letters(home: Home) -> list[Item]:
    """Write three dead letters that wait, in two projects, and two entries that wait."""
    items = [
        waiting("first", "alpha", id="aaaa1111-0000-4000-8000-000000000001", retry_count=7),
        waiting("second", "alpha", id="aaaa2222-0000-4000-8000-000000000002", retry_count=9),
        waiting("third", "beta", id="bbbb3333-0000-4000-8000-000000000003", last_error="500: odd"),
    ]
    home.write_dlq(items)
    home.write_queue([entry("queued 1"), entry("queued 2", "gamma")])
    return items


JSON_COMMANDS = [["status"], ["list"], ["list", "--queue"], ["diagnose"], ["stats"], ["doctor"]]


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.usefixtures("letters")
def test_json_is_one_document_and_nothing_else(
    home: Home, server: Standin, *, running: bool
) -> None:
    server.health = Answer(503)
    if running:
        home.worker()
    for command in JSON_COMMANDS:
        assert home.json(*command) is not None
    assert home.json("status")


@pytest.mark.usefixtures("server")
def test_every_reading_command_works_in_an_empty_home(bare_home: Home) -> None:
    for command in (["status"], ["list"], ["stats"], ["diagnose"], ["list", "--queue"]):
        assert bare_home.run(*command).returncode == 0, command
        bare_home.json(*command)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["run", "--nonsense"], ["list", "--limit", "many"], ["delete"], ["add"]],
    ids=" ".join,
)
def test_usage_errors_exit_2(home: Home, arguments: list[str]) -> None:
    done = home.run(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert done.stdout == ""


def test_help_is_there_for_every_command(home: Home) -> None:
    names = "run add status list stats diagnose retry delete restore pause resume serve doctor"
    text = home.ok("--help")
    for name in [*names.split(), "config"]:
        assert name in text
    assert "--until-idle" in home.ok("run", "--help")


# status ------------------------------------------------------------------------------


@pytest.mark.usefixtures("letters")
def test_status_shows_what_waits_and_where_it_goes(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    worker = home.worker()
    home.wait(lambda: home.read(home.metrics)["dlq_size"] == 3, 5, "taken in")
    text = home.ok("status")
    assert server.netloc in text
    assert "down" in text.lower()
    assert "running" in text.lower()
    document = home.json("status")
    assert server.netloc in json.dumps(document)
    assert 2 in values_under(document, "queue")
    assert 3 in values_under(document, "dlq")
    assert worker.alive


@pytest.mark.usefixtures("letters")
def test_status_works_without_the_app(home: Home, server: Standin) -> None:
    text = plain(home.ok("status"))
    assert server.netloc in text
    assert "not running" in text
    assert server.saves == []


def test_status_says_when_the_last_delivery_was(home: Home) -> None:
    home.write_queue([entry("x")])
    home.drained()
    assert home.read(home.metrics)["last_delivery"]
    assert "last delivery" in plain(home.ok("status"))


# list ---------------------------------------------------------------------------------


def test_list_shows_the_dead_letters(home: Home, letters: list[Item]) -> None:
    text = home.ok("list")
    for letter in letters:
        assert letter["id"][:8] in text
        assert letter["project_id"] in text
        assert str(letter["retry_count"]) in text
    assert "500: odd" in text


def test_list_as_json_has_whole_ids(home: Home, letters: list[Item]) -> None:
    assert values_under(home.json("list"), "id")
    text = json.dumps(home.json("list"))
    assert all(letter["id"] in text for letter in letters)


@pytest.mark.usefixtures("letters")
def test_list_can_be_narrowed(home: Home) -> None:
    beta = home.ok("list", "--project", "beta")
    assert "bbbb3333" in beta
    assert "aaaa1111" not in beta
    limited = json.dumps(home.json("list", "--limit", "1"))
    assert sum(short in limited for short in ("aaaa1111", "aaaa2222", "bbbb3333")) == 1
    queued = home.ok("list", "--queue")
    assert "gamma" in queued
    assert "bbbb3333" not in queued


# diagnose and stats -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "content", "word"),
    [
        (Answer(400, {"detail": "no thanks"}), "refused", "rejected by the server"),
        (Answer(422), "half \ud83d pair", "invalid content"),
    ],
    ids=["rejected", "invalid"],
)
def test_diagnose_says_why_an_item_is_stuck(
    home: Home, server: Standin, answer: Answer, content: str, word: str
) -> None:
    item = entry(content)
    home.write_queue([item])
    server.script(answer, content=content, forever=True)
    home.drain()
    assert word in plain(home.ok("diagnose", item["id"][:8]))
    assert word.split(maxsplit=1)[0] in plain(json.dumps(home.json("diagnose", item["id"])))


@pytest.mark.usefixtures("letters")
def test_diagnose_says_that_the_server_is_down(home: Home, server: Standin) -> None:
    server.close()
    home.drain(timeout=20)
    text = plain(home.ok("diagnose", "aaaa1111"))
    assert "server" in text
    assert "down" in text


@pytest.mark.usefixtures("letters")
def test_stats_count_by_project_and_retries(home: Home) -> None:
    text = home.ok("stats")
    assert "alpha" in text
    assert "beta" in text
    document = json.dumps(home.json("stats"))
    assert "alpha" in document
    assert "beta" in document


# retry ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.parametrize(
    ("arguments", "recovered"),
    variants(
        [
            (["aaaa1", "bbbb"], {"first", "third"}),
            (["--project", "alpha"], {"first", "second"}),
            (["--all"], {"first", "second", "third"}),
            (["bbbb3333"], {"third"}),
        ],
        quick=2,
    ),
    ids=["ids", "project", "all", "id"],
)
@pytest.mark.usefixtures("letters")
def test_retry_recovers(
    home: Home, server: Standin, arguments: list[str], recovered: set[str], *, running: bool
) -> None:
    if running:
        home.worker()
        server.wait_for(lambda: server.total_stored() == 2, 5)
    home.ok("retry", *arguments)
    if not running:
        home.drain()
    server.wait_for(lambda: server.total_stored() == 2 + len(recovered), 3)
    assert {text for text in server.order() if not text.startswith("queued")} == recovered
    home.wait_dlq({"first", "second", "third"} - recovered)


@pytest.mark.usefixtures("letters")
def test_retry_probes_at_once(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    home.worker(env={"MEM0TRAY_SYNC_PROBE_INTERVAL": "60"})
    server.health = Answer(body={"status": "ok"})
    home.ok("retry", "--all")
    server.wait_for(lambda: server.total_stored() == 5, 3)


@pytest.mark.usefixtures("letters")
def test_retry_says_when_the_server_is_down(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    home.worker()
    done = home.run("retry", "--all")
    assert "down" in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("command", ["retry", "delete", "diagnose"])
@pytest.mark.parametrize("prefix", ["aaaa", "ffff9999"], ids=["ambiguous", "unknown"])
@pytest.mark.usefixtures("letters")
def test_an_id_that_names_nothing_or_two_fails(home: Home, command: str, prefix: str) -> None:
    before = home.dlq.read_bytes()
    done = home.run(command, prefix, *(["--yes"] if command == "delete" else []))
    assert done.returncode == 1
    assert prefix in one_line(done.stderr)
    assert home.dlq.read_bytes() == before


# pause and resume ---------------------------------------------------------------------------


def test_pause_survives_a_restart_until_resume(home: Home, server: Standin) -> None:
    worker = home.worker()
    home.ok("pause")
    home.wait(lambda: home.state()[0] == "paused", 3, "paused")
    home.ok("add", "--project", "alpha", "patient")
    worker.stop()
    home.worker()
    home.wait(lambda: home.state()[0] == "paused", 3, "still paused")
    assert "paused" in home.ok("status").lower()
    assert server.saves == []
    home.ok("resume")
    server.wait_for(lambda: server.count("patient") == 1, 3)
    home.wait(lambda: home.state()[0] == "healthy", 3, "healthy")


@pytest.mark.row(7)
def test_nothing_is_sent_while_a_pause_cannot_be_read(home: Home, server: Standin) -> None:
    home.ok("pause")
    (pause,) = home.data_files("pause.json")
    pause.unlink()
    pause.symlink_to(pause)  # a link in a circle: not even root can read it
    home.write_queue(entries(1))
    home.worker(env={"MEM0TRAY_SYNC_PROBE_INTERVAL": "1"})
    server.wait_for(lambda: server.probes() > 1)
    assert server.saves == []
    state, reason = home.state()
    assert (state, "pause.json" in reason) == ("action needed", True)
    home.ok("resume")
    server.wait_for(lambda: server.total_stored() == 1)


def test_pause_works_without_the_app(home: Home, server: Standin) -> None:
    home.write_queue(entries(2))
    home.ok("pause", "5")
    assert home.drain().returncode == 1
    assert server.saves == []
    home.ok("resume")
    home.drained()
    assert server.total_stored() == 2


# doctor ---------------------------------------------------------------------------------------


def test_doctor_names_what_it_checks(home: Home, server: Standin) -> None:
    home.write_queue([])
    text = home.run("doctor").stdout
    assert ".claude" in text
    assert server.netloc in text


def test_doctor_finds_a_server_that_is_down(home: Home, server: Standin) -> None:
    server.close()
    done = home.run("doctor")
    assert done.returncode in (0, 1)
    assert server.netloc in done.stdout
    assert "Traceback" not in done.stderr


# the worker in the terminal -------------------------------------------------------------------


def test_without_arguments_the_worker_runs_in_the_terminal(home: Home, server: Standin) -> None:
    home.write_queue(entries(3))
    worker = home.start()
    server.wait_for(lambda: server.total_stored() == 3, 10)
    assert worker.stop() in (0, 143, -15)
    assert "The worker runs in this terminal" in worker.err
    assert "Traceback" not in worker.err


def test_a_second_start_does_not_claim_to_run_the_worker(home: Home) -> None:
    home.worker()
    second = home.run()
    assert second.returncode == 1
    assert "runs in this terminal" not in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_a_dead_letter_can_be_retried_while_another_request_hangs(
    home: Home, server: Standin
) -> None:
    server.script(Answer(delay=20), content="slow")
    home.write_queue([entry("slow")])
    home.write_dlq([waiting("letter")])
    home.worker()
    server.wait_for(lambda: server.sends("slow") == 1, 5)
    home.ok("retry", "--all")
    server.wait_for(lambda: server.count("letter") == 1, 3)


def test_commands_run_from_any_folder(home: Home) -> None:
    home.write_dlq([dead("x", ago=0.0)])
    before = set(Path(home.root).iterdir())
    home.ok("list")
    home.ok("status")
    new = {path.name for path in set(Path(home.root).iterdir()) - before}
    assert new <= {"data", "config", "state", "cache"}
