"""The environment that `packaging/test` makes, and that nothing else is needed of Python."""

import ast
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

import mem0tray
from tests.support.home import REPOSITORY

PACKAGE: Final = Path(mem0tray.__file__).parent
SYSTEM: Final = {"dbus", "gi"}  # libraries that come as packages of the system
# Run by the system's own Python, where that has them.
BY_THE_SYSTEM: Final = {"desktop/dialogs/gtk_window.py"}


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="this is no environment of ours")
def test_what_is_pinned_is_what_is_imported() -> None:
    """No package of the system takes the place of one that is pinned."""
    constraints = REPOSITORY / "packaging" / "constraints.txt"
    lines = constraints.read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and ";" not in line)
    assert {name: metadata.version(name) for name in pins} == pins


def test_no_package_of_the_system_is_imported() -> None:
    """All that the program imports comes with `pip install`, on every desktop."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            if SYSTEM & {name.split(".")[0] for name in names}:
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found - BY_THE_SYSTEM == set()
