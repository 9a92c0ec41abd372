"""One run of everything under a loose umask: who may read what, and what shows where."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proofs.security import whole_run
from tests.proofs.security.whole_run import CONTENT, KEY, MARKS, PASSWORD, WholeRun
from tests.support.home import Home
from tests.support.standin import Standin

# Made by the tests, as other programs make them; the backup is such a file's earlier self.
NOT_OURS = (
    ".claude",
    ".claude/mem0_queue.json",
    ".claude/mem0_queue_backup.json",
    ".claude/mem0_queue_dlq.json",
    "alert.txt",
)
# These show what they are asked for by name.
ASKED_FOR = ("config get server.api_key", "diagnose ", "list")
# Where texts belong: the shared files, and what can be restored from.
KEPT_IN = ("mem0_queue", "ledger.sqlite3", "memories.sqlite3", ".mem0_")


pytestmark = pytest.mark.slow  # every command is run once, beside a worker


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeRun]:
    """Run everything once."""
    root = tmp_path_factory.mktemp("whole") / "home"
    with Standin() as server, Home(root, wrapper=whole_run.LOOSE_UMASK) as home:
        yield whole_run.run(home, server)


@pytest.mark.row(43, 44)
def test_all_that_is_made_is_for_its_owner_alone(whole: WholeRun) -> None:
    modes = whole.modes()
    assert len(modes) > 20
    loose = {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert {name: mode for name, mode in loose.items() if name not in NOT_OURS} == {}


@pytest.mark.row(44)
def test_no_command_says_a_secret(whole: WholeRun) -> None:
    assert len(whole.said) > 25
    secrets = (KEY, PASSWORD, *whole.tokens)
    found = {name for name, said in whole.said.items() if any(s in said for s in secrets)}
    assert found == {ASKED_FOR[0]}


def test_no_command_says_what_a_memory_says(whole: WholeRun) -> None:
    found = [name for name, said in whole.said.items() if CONTENT[:16] in said]
    assert [name for name in found if not name.startswith(ASKED_FOR)] == []


@pytest.mark.row(44)
def test_ps_shows_neither_secret_nor_content(whole: WholeRun) -> None:
    assert len(whole.shown) >= 6
    wanted = (*MARKS, *whole.tokens)
    assert [(n, m) for n, shown in whole.shown.items() for m in wanted if m in shown] == []


@pytest.mark.row(44)
def test_files_hold_only_what_they_are_for(whole: WholeRun) -> None:
    home = whole.home
    assert home.files_with(KEY) == [home.config]
    assert home.files_with(PASSWORD) == []
    kept = {path.name for path in home.files_with(CONTENT[:16])}
    kept -= {path.name for path in _quarantine(home)}
    assert [name for name in kept if not name.startswith(KEPT_IN)] == []
    assert kept, "the marks were looked for in vain"
    for token in whole.tokens:
        assert home.files_with(token) == []


def _quarantine(home: Home) -> Iterator[Path]:
    return home.data.glob("mem0tray/claude-*/quarantine/*")
