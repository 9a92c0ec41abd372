"""The real Codex, in a network of its own: hooks that nobody has trusted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.agents.real_agents import KINDS, MARKS, RealAgent, installed, network_of_its_own
from tests.agents.stub_model import says
from tests.support.home import Home

pytestmark = MARKS
_TRUSTING: Final = "--dangerously-bypass-hook-trust"
CODEX: Final = KINDS["codex"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(CODEX, tmp_path_factory.mktemp("codex"))


@pytest.fixture
def codex(tmp_path: Path, programs: Path) -> Iterator[RealAgent]:
    words = tuple(word for word in CODEX.words if word != _TRUSTING)
    assert words != CODEX.words
    with network_of_its_own(), Home(tmp_path / "home", "http://127.0.0.1:9") as home:
        yield RealAgent(CODEX._replace(words=words), home, programs)


def test_what_is_not_trusted_is_skipped_and_doctor_says_so(codex: RealAgent) -> None:
    home = codex.home
    home.ok("install", "codex", "--yes", "--allow")
    asked = codex.session(*codex.saves("roses want sun"), says("Done.\nmem0: so do beans")).asked
    assert "Saved in the project" in str(asked[-1])
    assert not codex.begins_with("roses want sun")
    assert [each["content"] for each in home.queue_items()] == ["roses want sun"]
    assert "skips them silently" in home.run("doctor", "--no-notify").stdout
