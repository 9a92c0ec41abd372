"""The settings: file and environment, what is wrong is named, secrets stay secret."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.forked import ANEW
from tests.support.home import Home, one_line
from tests.support.shapes import entries, entry
from tests.support.standin import Standin

SECRET = "sesame-3c1f"  # noqa: S105 - a word to look for


class Wrong(NamedTuple):
    """A setting of the wrong type, and how its value is shown."""

    section: str
    key: str
    value: str
    shown: str


WRONG = [
    Wrong("sync", "timeout", '"soon"', "soon"),
    Wrong("sync", "concurrency", "2.5", "2.5"),
    Wrong("sync", "max_attempts", "true", "true"),
    Wrong("server", "url", "7", "7"),
    Wrong("server", "allow_plain_key", '"maybe"', "maybe"),
]
EXPECTED = ("number", "second", "text", "address", "true or false")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.key)
def test_a_wrong_type_names_key_value_and_what_is_expected(home: Home, wrong: Wrong) -> None:
    del home.env["MEM0TRAY_SERVER_URL"]
    home.configure(f"[{wrong.section}]\n{wrong.key} = {wrong.value}\n")
    done = home.run("status")
    assert done.returncode == 2
    line = one_line(done.stderr)
    assert wrong.key in line
    assert wrong.shown in line.lower()
    assert any(word in line for word in EXPECTED)


def test_a_wrong_setting_stops_every_command(home: Home, server: Standin) -> None:
    home.configure('[sync]\ntimeout = "soon"\n')
    home.write_queue(entries(2))
    for command in (["list"], ["run", "--once"], ["retry", "--all"], ["stats"]):
        assert home.run(*command).returncode == 2, command
    assert server.saves == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("SYNC_TIMEOUT", "soon"), ("SYNC_CONCURRENCY", "many"), ("SERVER_URL", "gopher://x")],
)
def test_a_wrong_value_in_the_environment_is_named(home: Home, name: str, value: str) -> None:
    done = home.run("status", env={f"MEM0TRAY_{name}": value})
    assert done.returncode == 2
    line = one_line(done.stderr)
    assert name.partition("_")[2].lower() in line.lower()
    assert value in line


def test_the_environment_wins(home: Home, server: Standin) -> None:
    home.configure('[server]\nurl = "http://127.0.0.1:9"\n[sync]\nmax_attempts = 1\n')
    home.write_queue(entries(2))
    home.drained(env={"MEM0TRAY_SYNC_MAX_ATTEMPTS": "5"})
    assert server.total_stored() == 2


def test_the_file_is_used(bare_home: Home, server: Standin) -> None:
    bare_home.configure(f'[server]\nurl = "{server.url}"\n')
    bare_home.write_queue(entries(2))
    bare_home.drained()
    assert server.total_stored() == 2


def test_unknown_keys_warn(home: Home, server: Standin) -> None:
    home.configure("[sync]\nretry_intervall = 5\n[other]\nx = 1\n")
    home.write_queue(entries(2))
    done = home.drained()
    assert "retry_intervall" in done.stderr + home.log_text()
    assert server.total_stored() == 2


@pytest.mark.row(44)
@pytest.mark.parametrize("text", ["[sync\n", "timeout = = 5", "\0\1"])
def test_a_malformed_file_is_a_clear_error(home: Home, text: str) -> None:
    home.configure(text)
    done = home.run("list")
    assert done.returncode == 2
    assert "config.toml" in one_line(done.stderr)


def test_the_file_is_read_again_when_it_changes(bare_home: Home, server: Standin) -> None:
    with Standin() as first:
        bare_home.configure(f'[server]\nurl = "{first.url}"\n')
        bare_home.write_queue(entries(1))
        worker = bare_home.worker()
        first.wait_for(lambda: first.total_stored() == 1, 5)
        bare_home.configure(f'[server]\nurl = "{server.url}"\n')
        server.wait_for(lambda: server.probes() >= 1, 2, "probed within a second")
        bare_home.configure('[server]\nurl = "broken\n')
        bare_home.write_emergency([entry("after the change")])
        server.wait_for(lambda: server.count("after the change") == 1, 5)
        assert first.total_stored() == 1
        assert worker.alive


def test_a_shorter_probe_interval_holds_at_once(bare_home: Home, server: Standin) -> None:
    address = f'[server]\nurl = "{server.url}"\n[sync]\nprobe_interval = '
    bare_home.env.pop("MEM0TRAY_SYNC_PROBE_INTERVAL", None)
    bare_home.configure(address + "600\n")
    bare_home.worker()
    server.wait_for(lambda: server.probes() >= 1, 5)
    bare_home.configure(address + "0.2\n")
    server.wait_for(lambda: server.probes() >= 4, 5)


def test_config_shows_gets_and_sets(home: Home) -> None:
    assert home.ok("config", "path").strip() == str(home.config)
    home.configure("# my comment\n[sync]\ntimeout = 30\n")
    assert float(home.ok("config", "get", "sync.timeout")) == 30
    home.ok("config", "set", "sync.timeout", "45")
    assert float(home.ok("config", "get", "sync.timeout")) == 45
    assert "# my comment" in home.config.read_text()
    assert "timeout" in home.ok("config", "show")


def test_config_set_makes_the_file(home: Home) -> None:
    home.ok("config", "set", "sync.timeout", "45")
    assert float(home.ok("config", "get", "sync.timeout")) == 45
    assert home.config.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "arguments", [["set", "sync.timeout", "soon"], ["set", "no.such", "1"], ["get", "no.such"]]
)
def test_config_refuses_what_is_wrong(home: Home, arguments: list[str]) -> None:
    home.configure("[sync]\ntimeout = 30\n")
    done = home.run("config", *arguments)
    assert done.returncode in (1, 2)
    assert arguments[1].split(".")[1] in done.stderr
    assert home.config.read_text() == "[sync]\ntimeout = 30\n"


def test_config_edit_opens_the_editor(home: Home) -> None:
    editor = home.root / "editor"
    editor.write_text('#!/bin/sh\necho "[sync]" > "$1"\necho "timeout = 77" >> "$1"\n')
    editor.chmod(0o700)
    home.ok("config", "edit", env={"EDITOR": str(editor), "VISUAL": str(editor)})
    assert float(home.ok("config", "get", "sync.timeout")) == 77


@pytest.mark.row(44)
def test_a_symlinked_file_is_followed_and_stays_a_link(home: Home) -> None:
    target = home.root / "dotfiles.toml"
    target.write_text("[sync]\ntimeout = 30\n")
    home.config.parent.mkdir(parents=True)
    home.config.symlink_to(target)
    assert float(home.ok("config", "get", "sync.timeout")) == 30
    home.ok("config", "set", "sync.timeout", "45")
    assert home.config.is_symlink()
    assert "45" in target.read_text()


@pytest.mark.row(44)
def test_a_key_that_others_can_read_is_tightened_or_named(home: Home, server: Standin) -> None:
    home.configure(f'[server]\napi_key = "{SECRET}"\n')
    home.config.chmod(0o644)
    home.write_queue(entries(1))
    done = home.drained()
    said = done.stderr + home.run("doctor").stdout
    assert home.config.stat().st_mode & 0o077 == 0 or "config.toml" in said
    assert server.saves[0].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.row(44)
def test_a_secret_is_shown_nowhere(home: Home, server: Standin) -> None:
    server.api_key = "another"
    home.configure(f'[server]\napi_key = "{SECRET}"\n')
    home.write_queue(entries(2))
    worker = home.worker(wrapper=ANEW)
    home.wait(lambda: home.state()[0] == "action needed", 5, "refused")
    commands = [["status"], ["doctor"], ["config", "show"], ["diagnose"], ["list", "--queue"]]
    outputs = [home.run(*command) for command in commands]
    assert not any(SECRET in done.stdout + done.stderr for done in outputs)
    assert SECRET not in Path(f"/proc/{worker.pid}/cmdline").read_text()
    worker.stop()
    assert SECRET not in worker.out + worker.err
    assert home.files_with(SECRET) == [home.config]


@pytest.mark.row(44)
@pytest.mark.parametrize(
    "text", [f'[server]\napi_key = "{SECRET}\n', f'[server]\napi_key = ["{SECRET}"]\n']
)
def test_a_secret_is_not_in_an_error(home: Home, text: str) -> None:
    home.configure(text)
    done = home.run("status")
    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr


def test_loopback_never_goes_through_a_proxy(home: Home, server: Standin) -> None:
    dead_end = "http://127.0.0.1:9"
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    home.write_queue(entries(2))
    home.drained(env=dict.fromkeys(names, dead_end))
    assert server.total_stored() == 2


def test_another_folder_can_be_chosen(home: Home, server: Standin) -> None:
    elsewhere = home.root / "elsewhere"
    home.claude.rename(elsewhere)
    home.queue = elsewhere / "mem0_queue.json"
    home.write_queue(entries(2))
    home.drained(env={"MEM0TRAY_PATHS_CLAUDE_DIR": str(elsewhere)})
    assert server.total_stored() == 2
    assert (elsewhere / "logs" / "mem0_worker.log").exists()
    assert not home.claude.exists()


def test_importing_the_package_needs_no_settings() -> None:
    command = [sys.executable, "-W", "error", "-c", "import mem0tray; print('fine')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert json.dumps(done.stdout.strip()) == '"fine"'
