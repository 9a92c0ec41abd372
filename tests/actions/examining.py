"""The server test of a server by its address, with the steps that it makes."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mem0tray.actions import server_test
from mem0tray.actions.server_test import STEPS, Step, examine
from mem0tray.config import settings
from mem0tray.system.paths import Paths

PATIENCE = 20.0  # seconds for all of a test

Test = Callable[..., dict[str, Step]]


@pytest.fixture
def steps(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Test:
    """Test a server by its address, with further settings; the steps by name, times as 1 ms."""
    del paths  # a scratch home
    monkeypatch.setattr(server_test, "milliseconds", lambda _: "1 ms")

    def test(url: str, seconds: float = PATIENCE, **more: str) -> dict[str, Step]:
        for name, value in {"url": url, **more}.items():
            monkeypatch.setenv(f"MEM0TRAY_SERVER_{name.upper()}", value)
        loaded = settings.load()
        found = examine(replace(loaded, sources={}), seconds)
        return {step.name: step for step in found}

    return test


def results(found: dict[str, Step]) -> list[str]:
    assert list(found)[-len(STEPS) :] == list(STEPS)
    return [step.result for step in found.values()]


def words(step: Step) -> str:
    return f"{step.seen} {step.remedy}".strip()
