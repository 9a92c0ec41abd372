"""The environment that `packaging/test` makes, and that nothing else is needed of Python."""

import ast
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

import mem0tray
from tests.support import needs
from tests.support.home import REPOSITORY

sys.path.append(str(REPOSITORY / "packaging"))

import environment

PACKAGE: Final = Path(mem0tray.__file__).parent
SYSTEM: Final = {"dbus", "gi"}  # libraries that come as packages of the system


def installed(name: str) -> bool:
    """Whether a package of this name can be imported here."""
    return next(iter(metadata.distributions(name=name)), None) is not None


@needs.OWN_ENVIRONMENT
def test_what_is_pinned_is_what_is_imported() -> None:
    lines = environment.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and ";" not in line)
    found = {name: metadata.version(name) for name in pins if installed(name)}
    assert found == {name: pins[name] for name in found}


@needs.OWN_ENVIRONMENT
def test_what_is_asked_for_is_installed() -> None:
    asked = [line for line in environment.requirements(["dev"]) if ";" not in line]
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in asked]
    assert [name for name in names if not installed(name)] == []


def test_no_package_of_the_system_is_imported() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            if SYSTEM & {name.split(".")[0] for name in names}:
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == set()
