"""Real agents, each in a network of its own: connected, used, and left without a trace.

There is no Cursor among them: npm has none.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
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
from tests.support.processes import having
from tests.support.standin import Standin

pytestmark = MARKS

# A console script, as pip writes it, and what may become of it. The last notes its words beside it.
WELL = f"#!{sys.executable}\nimport sys\nfrom mem0tray.cli import start\nsys.exit(start())\n"
TROUBLES = {
    "is_gone": "",
    "has_lost_its_interpreter": "#!/gone/python\n",
    # By this code a hook has Claude Code and others go on, with what it complained of.
    "fails": '#!/bin/sh\necho "$0: no such command" >&2\nexit 2\n',
    "hangs": '#!/bin/sh\necho "$*" >> "$0.calls"\nexec sleep 3600\n',
}


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


@pytest.fixture
def program(agent: RealAgent) -> Iterator[Path]:
    """Put the program where an installation for one user does; what hangs ends with the test."""
    path = agent.home.root / ".local" / "bin" / "mem0tray"
    path.parent.mkdir(parents=True)
    path.write_text(WELL, encoding="utf-8")
    path.chmod(0o755)
    yield path
    for pid in having(f"HOME={agent.home.root}\0"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


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


@pytest.mark.parametrize(
    "name", [each for each in KINDS if AGENTS[each].events], indirect=True, scope="module"
)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_session_is_as_without_hooks_where_their_program(
    name: str, agent: RealAgent, program: Path, trouble: str
) -> None:
    """It ends well, too: `session` looks at the code that the agent exits with."""
    assert len(agent.session(says("Hello."), prompt="hi").asked) == 1
    agent.home.foreign(str(program), "install", name, "--hooks", "--yes", timeout=LIMIT)
    program.unlink()
    if text := TROUBLES[trouble]:
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)

    asked = agent.session(says("Hello."), prompt="hi").asked
    assert len(asked) == 1
    assert str(program) not in json.dumps(asked)  # any shell that complains names it
    if trouble == "hangs":
        called = program.with_name("mem0tray.calls").read_text("utf-8").splitlines()
        assert [each.split()[-1] for each in called] == [
            event for event in AGENTS[name].events if event != "PostCompact"
        ]
