"""Real agents, each in a network of its own: connected, used, and left without a trace.

There is no Cursor among them: npm has none.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.agents.table import AGENTS
from tests.agents.real_agents import (
    KINDS,
    LIMIT,
    MARKS,
    RealAgent,
    installed,
    network_of_its_own,
)
from tests.agents.stub_model import says
from tests.support.home import Home
from tests.support.standin import Standin

pytestmark = MARKS


@pytest.fixture(scope="module", params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def programs(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(KINDS[name], tmp_path_factory.mktemp(name))


@pytest.fixture
def server() -> Iterator[Standin]:
    with network_of_its_own(), Standin() as standin:
        yield standin


@pytest.fixture
def agent(name: str, server: Standin, tmp_path: Path, programs: Path) -> Iterator[RealAgent]:
    with Home(tmp_path / "home of a user") as home:
        home.configure(f'[server]\nurl = "{server.url}"\n')
        yield RealAgent(KINDS[name], home, programs)


def test_with_server_and_worker_down_in_between_each_memory_arrives_once(
    name: str, agent: RealAgent, server: Standin
) -> None:
    home = agent.home
    agent.session(says("Hello."))  # writes what it makes at its first start
    install = ("install", name, "--allow", "--yes")
    paths = {Path(each["path"]) for each in home.json(*install, "--dry-run")["changes"]}
    home.ok(*install, timeout=LIMIT)
    assert not any(each["needed"] for each in home.json(*install)["changes"])
    worker = home.worker()
    server.close()

    asked = agent.session(*agent.saves("roses want sun"), says("Done.\nmem0: so do beans")).asked
    assert "Saved in the project" in json.dumps(asked[-1])
    has_hooks = bool(AGENTS[name].events)
    saved = ["roses want sun", "so do beans"][: 1 + has_hooks]
    home.wait(lambda: sorted(each["content"] for each in home.queue_items()) == saved)
    worker.kill()
    assert agent.begins_with(*saved) == has_hooks

    agent.session(*agent.saves("peas do not"), says("Done."))
    server.open()
    home.drained(LIMIT)
    saved.append("peas do not")
    assert sorted(server.stored) == sorted(("garden", text) for text in saved)
    # The hook gives the server part of a second, which a busy machine may not have.
    assert not has_hooks or any(agent.begins_with(*saved) for _ in range(15))

    home.ok("uninstall", name, "--yes", timeout=LIMIT)
    assert not any(agent.begins_with(text) for text in ("mem0", *saved))
    assert len(server.saves) == len(saved)
    texts = [path.read_text("utf-8") for path in paths if path.exists()]
    assert not any("mem0" in text for text in texts)
