"""A scratch home a test, and no settings of the person who runs the tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.scratch import Scratch
from tests.support import folders
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
