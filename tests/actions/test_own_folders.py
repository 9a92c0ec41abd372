"""The folders that are mem0tray's alone: what would be lost with them."""

import pytest

from mem0tray.actions import own_folders
from mem0tray.core.errors import Mem0TrayError
from mem0tray.system.paths import Paths


def test_a_shared_folder_inside_of_ours_stops_it(paths: Paths) -> None:
    inside = paths.root / "mine"
    inside.mkdir(parents=True)
    with pytest.raises(Mem0TrayError, match="Nothing was removed"):
        own_folders.check([inside])
    own_folders.check([paths.claude_dir])
