"""What keeps every memory from being sent."""

import socket
import time
from collections.abc import Sequence

import pytest

from mem0tray.actions import chosen_client, standing, surroundings
from mem0tray.actions.chosen_client import Probe, probe
from mem0tray.actions.standing import Snapshot, hindrance
from mem0tray.actions.surroundings import Cause, Surroundings
from mem0tray.actions.worker_report import Metrics, Running
from mem0tray.config.server_choice import CHOOSE, ServerNames, chosen_server
from mem0tray.config.settings import ServerSettings, Settings
from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.files import orders
from mem0tray.files.lock import FileLock
from mem0tray.server import Health
from mem0tray.system.paths import Paths
from tests.actions.scene import metrics_of, write, write_dlq
from tests.support.http1 import Answer
from tests.support.shapes import waiting
from tests.support.standin import Standin

NOW = 1_764_500_000.0
WELL = Probe("https://m.test", "m.test", "m.test", Health(healthy=True, reason=reasons.NONE))


def names(causes: Sequence[Cause]) -> list[Reason]:
    return [each.name for each in causes]


def settings_for(url: str) -> Settings:
    return Settings(server=ServerSettings(url=url))


def around(settings: Settings) -> Surroundings:
    return Surroundings.ask(settings, standing.read(settings, time.time()))


def test_surroundings_of_a_healthy_server(paths: Paths) -> None:
    with Standin() as server, FileLock(paths.instance_lock).held(1):
        assert around(settings_for(server.url)).causes == []


@pytest.mark.row(7)
def test_a_pause_that_cannot_be_read_is_a_cause(paths: Paths) -> None:
    paths.pause.mkdir(parents=True)
    with Standin() as server, FileLock(paths.instance_lock).held(1):
        (first,) = around(settings_for(server.url)).causes
    assert (first.name, "resume" in str(first.remedy)) == (surroundings.ACTION, True)
    assert "pause.json" in str(first.detail)


def test_no_server_chosen(paths: Paths) -> None:
    """Somebody's files and no choice: nothing is sent, and that is the cause."""
    write_dlq(paths, [waiting("x")])
    assert around(Settings()).causes[0].name == surroundings.NO_SERVER
    assert chosen_server(Settings(), paths).name == ""


def test_the_embedded_server_is_down_only_under_a_worker(paths: Paths) -> None:
    settings = settings_for("local")
    (first,) = around(settings).causes
    assert (first.name, str(first.remedy)) == (
        surroundings.NOT_RUNNING,
        "Start the worker with `mem0tray run`.",
    )
    with FileLock(paths.instance_lock).held(1):
        assert names(around(settings).causes) == [surroundings.SERVER_DOWN]
        orders.write_pause(paths, time.time() + 600)
        assert names(around(settings).causes) == [surroundings.PAUSED]


def test_the_worker_s_own_trouble_is_a_cause(paths: Paths) -> None:
    write(paths.metrics, {"state": "action needed", "reason": "another worker runs"})
    with Standin() as server:
        settings = settings_for(server.url)
        with FileLock(paths.instance_lock).held(1):
            seen = around(settings).causes
            assert [(each.name, str(each.detail)) for each in seen] == [
                (surroundings.ACTION, "another worker runs")
            ]
        assert names(around(settings).causes) == [surroundings.NOT_RUNNING]


def test_a_server_that_is_none_is_told_once(paths: Paths) -> None:
    with Standin() as server:
        server.health = Answer(404)
        settings = settings_for(server.url)
        reason = str(probe(settings, paths).health.reason)
        seen = Metrics({"state": "action needed", "reason": reason}, NOW)
        there = Snapshot(NOW, paths, Running(1, NOW), metrics=seen)
        (told,) = Surroundings.ask(settings, there).causes
    assert told.name == surroundings.ACTION
    assert str(told.detail).startswith(f"no Mem0 server was recognised at {server.netloc} (")
    assert "server.dialect" in str(told.remedy)


def test_the_network_is_to_blame_only_for_servers_elsewhere() -> None:
    ill = Health(healthy=False, reason=reasons.quoted("no connection"))

    def broken(hostname: str) -> Reason:
        return reasons.quoted("no network" if hostname else "")

    away = Probe("https://m.test", "m.test", "m.test", ill)
    here = Probe("http://127.0.0.1:1", "127.0.0.1:1", "", ill)
    assert names(surroundings._server(away, broken, starts=True)) == [surroundings.LOCAL_NETWORK]
    assert names(surroundings._server(here, broken, starts=True)) == [surroundings.SERVER_DOWN]


def test_network_trouble_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """No way out, a name that leads nowhere, or nothing at all."""
    assert chosen_client.network_trouble("") == reasons.NONE
    monkeypatch.setattr(chosen_client, "has_way_out", lambda: False)
    assert "no connection" in str(chosen_client.network_trouble("m.test"))
    monkeypatch.setattr(chosen_client, "has_way_out", lambda: True)

    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert "DNS" in str(chosen_client.network_trouble("m.test"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0))])
    assert chosen_client.network_trouble("m.test") == reasons.NONE


def causes(seen: Snapshot) -> list[Reason]:
    return names(Surroundings.of(seen, WELL, lambda _: reasons.NONE).causes)


def test_metrics_that_a_worker_left_behind_are_no_cause(paths: Paths) -> None:
    old = Metrics({"state": "action needed", "reason": "the disk fails"}, NOW)
    assert causes(Snapshot(NOW, paths, metrics=old)) == [surroundings.NOT_RUNNING]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"state": "healthy"}, ""),
        ({"state": "down", "reason": "no route"}, "server down: no route"),
        ({"state": "starting", "reason": "y"}, "y"),
    ],
)
def test_a_hindrance_is_what_the_worker_says(
    paths: Paths, values: dict[str, object], shown: str
) -> None:
    seen = Snapshot(NOW, paths, Running(1, NOW), metrics=Metrics(values, NOW))
    assert hindrance(seen) == shown


def test_what_status_names_first_is_the_first_cause(paths: Paths) -> None:
    fails = reasons.advised(reasons.quoted("the disk fails."), reasons.quoted("Mend it."))
    down = Metrics({"state": "down", "reason": "no route"}, NOW)
    odd = Metrics({}, 0.0, trouble=fails)
    for seen in (
        Snapshot(NOW, paths, Running(1, NOW), metrics=down, disk=fails),
        Snapshot(NOW, paths, disk=fails),
        Snapshot(NOW, paths, metrics=odd),
    ):
        first = Surroundings.of(seen, WELL, lambda _: reasons.NONE).causes[0]
        assert (first.name, str(first.detail)) == (surroundings.ACTION, "the disk fails")
        assert str(first.remedy) == "Mend it."
        assert hindrance(seen) == "the disk fails. Mend it."


def test_a_disk_is_told_once(paths: Paths) -> None:
    said = Metrics(metrics_of("action needed", reasons.quoted("the disk fails")), NOW)
    seen = Snapshot(NOW, paths, Running(1, NOW), metrics=said, disk=reasons.quoted("it fails"))
    assert causes(seen) == [surroundings.ACTION]


def test_without_a_worker_the_choice_of_a_server_comes_first(paths: Paths) -> None:
    assert hindrance(Snapshot(NOW, paths)) == "worker not running"
    chosen = Snapshot(NOW, paths, server=ServerNames(trouble=CHOOSE))
    assert hindrance(chosen) == "choose a server"


def test_a_health_check_sent_elsewhere_says_what_to_set(paths: Paths) -> None:
    with Standin() as server, FileLock(paths.instance_lock).held(1):
        server.health = Answer(308, headers={"Location": "/api/health"})
        (found,) = around(settings_for(server.url)).causes
    assert found.name == surroundings.ACTION
    assert f"Permanent Redirect to {server.url}/api/health, which" in str(found.detail)
    assert "config set" not in str(found.detail)
    assert f"`mem0tray config set server.url {server.url}/api`" in str(found.remedy)
