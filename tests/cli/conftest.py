"""A scratch home a test, and no settings of the person who runs the tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.agents.table import AGENTS
from tests.cli.scratch import Scratch
from tests.support import folders, needs
from tests.support.standin import Standin

# It asks a session bus, which only Linux has.
collect_ignore = ["test_secret_service.py"] if sys.platform == "win32" else []
# Whoever runs the tests keeps editor and desktop.
_THEIRS = ("VISUAL", "EDITOR", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Scratch:
    for name in list(os.environ):
        if name.startswith("MEM0TRAY_") or name in _THEIRS:
            monkeypatch.delenv(name)
    scratch = Scratch(tmp_path, monkeypatch, capsys)
    scratch.env(**folders.below(tmp_path), COLUMNS="200")
    return scratch


@pytest.fixture
def server(home: Scratch) -> Iterator[Standin]:
    with Standin() as standin:
        home.env(MEM0TRAY_SERVER_URL=standin.url)
        yield standin


@pytest.fixture
def program(home: Scratch) -> Path:
    """Put a program beside an empty home, which `install` names to the agents."""
    nothing = dict.fromkeys(each.settings.folder[0] for each in AGENTS.values())
    for variable in nothing:
        home.patch.delenv(variable or "NO_SUCH", raising=False)
    home.env(HOME=str(home.root), USERPROFILE=str(home.root), PATH=str(home.root / "none"))
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:1")
    made = home.root / "a folder" / ("mem0tray.exe" if needs.WINDOWS else "mem0tray")
    made.parent.mkdir()
    made.write_text("#!/bin/sh\n", encoding="utf-8")
    made.chmod(0o755)
    home.patch.setattr(sys, "argv", [str(made)])
    return made
