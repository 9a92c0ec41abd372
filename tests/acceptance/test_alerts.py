"""Alerts of a worker that has no tray."""

from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.shapes import waiting
from tests.support.standin import Standin


@pytest.fixture
def mail(home: Home, tmp_path: Path) -> Path:
    """Set up alerts at two dead letters, with a command that keeps what it reads; its file."""
    kept = tmp_path / "mail"
    command = f"/bin/sh -c 'cat >> {kept}; echo . >> {kept}'"
    home.configure(f'[alerts]\ndlq_size = 1\nafter = 0\ncommand = "{command}"\n')
    home.write_dlq([waiting("one"), waiting("two")])
    return kept


def test_in_the_terminal_the_command_hears_of_an_alert(
    home: Home, server: Standin, mail: Path
) -> None:
    server.health = Answer(503)
    worker = home.worker()
    wait_until(lambda: mail.exists() and mail.read_text().endswith(".\n"), what="the mail")
    assert "2 dead letters: more than 1 for 0 minutes." in mail.read_text()
    wait_until(lambda: "DLQ alert: 2 dead letters" in worker.out, what="a line")
    assert home.log_lines("DLQ alert: 2 dead letters")
    assert worker.stop() == 0
    (told,) = [path for path in home.data_files() if path.name == "alerts.json"]
    assert home.read(told) == {"told": ["dlq_size"]}


def test_a_single_run_tells_no_alert(home: Home, mail: Path) -> None:
    home.run("run", "--once")
    assert not mail.exists()
