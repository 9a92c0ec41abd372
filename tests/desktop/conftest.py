"""A desktop of its own for each test; a picture of it is kept when the test fails."""

import contextlib
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.actions.conftest import paths
from tests.desktop.programs import Programs, script
from tests.support import needs

__all__ = ["paths"]  # a scratch home

if TYPE_CHECKING:
    from tests.support.desktop import Desktop
    from tests.support.session import Session
    from tests.support.tray import Tray

# There is no X display and no session bus, and no library for them, anywhere else.
_OVER_THE_BUS: Final = (
    "test_bus.py", "notify/test_dbus.py", "notify/test_dunst.py",
    "tray/test_linux.py", "tray/test_xembed.py",
)  # fmt: skip
_ON_LINUX: Final = ("test_*.py", "autostart/test_*.py", *_OVER_THE_BUS)
collect_ignore_glob = [] if sys.platform == "linux" else [*_ON_LINUX]


@pytest.fixture
def desktop(tmp_path: Path) -> "Iterator[Desktop]":
    """Start a display, a session bus and a window manager; see `Desktop` for the rest."""
    from tests.support.desktop import Desktop

    with Desktop(tmp_path / "desktop") as started:
        yield started


@pytest.fixture
def bus_session(tmp_path: Path) -> "Iterator[Session]":
    """Start a session bus alone, on which a test may start a daemon."""
    from tests.support.session import session

    with session(tmp_path) as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    """Keep a picture of the desktop on which a test has failed; skip nothing that is required."""
    report: pytest.TestReport = yield
    needs.insist(report)
    started = getattr(item, "funcargs", {}).get("desktop")
    if report.when == "call" and report.failed and started is not None:
        with contextlib.suppress(Exception):  # the picture must not hide the failure
            path = started.screen.screenshot(item.funcargs["tmp_path"] / "failed.png")  # type: ignore[attr-defined]
            report.sections.append(("Screen", f"{path}\n{started.screen.describe()}"))
    return report


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "programs", monkeypatch)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return script(tmp_path / "bin" / "mem0tray", "exit 0")


@pytest.fixture
def tray(desktop: "Desktop", programs: Programs, tmp_path: Path) -> "Iterator[Tray]":
    from tests.support.forked import ForkedHome
    from tests.support.standin import Standin
    from tests.support.tray import Tray

    for name in ("xdg-open", "xdg-settings"):
        programs.add(name)
    with Standin() as server, ForkedHome(tmp_path / "home", server.url) as home:
        yield Tray(desktop, home, server)
