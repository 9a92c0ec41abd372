"""A home of the person who watches the demo, and a temporary folder for the demo's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.viewer import Viewer


@pytest.fixture
def viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Viewer]:
    for name in list(os.environ):
        if name.startswith("MEM0TRAY_"):
            monkeypatch.delenv(name)
    viewer = Viewer(tmp_path)
    with viewer.home:
        monkeypatch.setattr("tempfile.tempdir", str(viewer.temporary))
        yield viewer
